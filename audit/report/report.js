(() => {
  "use strict";
  const tip = document.getElementById("tip");
  const lanes = [...document.querySelectorAll("#chart .lane .plot")]
    .map((plot) => [...plot.querySelectorAll(".item")])
    .filter((items) => items.length > 0);
  const placeOf = new Map();

  // One stop for Tab in each lane; the arrow keys go on from there.
  lanes.forEach((items, row) => items.forEach((item, column) => {
    placeOf.set(item, [row, column]);
    item.setAttribute("tabindex", column === 0 ? "0" : "-1");
    // The page shows the same, at once: the browser's own tooltip would cover it.
    item.querySelector("title").textContent = "";
  }));

  let shown = null;

  const hide = () => { tip.hidden = true; shown = null; };

  const show = (item) => {
    tip.replaceChildren(...item.getAttribute("aria-label").split("\n").map((line) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = line;
      return paragraph;
    }));
    tip.hidden = false;
    shown = item;
    place(item);
  };

  const place = (item) => {
    const at = (item.querySelector(".fill") || item.querySelector(".hit")).getBoundingClientRect();
    const wide = document.documentElement.clientWidth, high = window.innerHeight;
    const left = Math.min(Math.max(8, at.left + Math.min(at.width, 240) / 2 - tip.offsetWidth / 2), wide - tip.offsetWidth - 8);
    const below = at.bottom + 10;
    const top = below + tip.offsetHeight < high ? below : Math.max(8, at.top - tip.offsetHeight - 10);
    tip.style.left = `${left}px`;
    tip.style.top = `${top}px`;
  };

  const go = (item) => {
    lanes[placeOf.get(item)[0]].forEach((other) => other.setAttribute("tabindex", other === item ? "0" : "-1"));
    item.focus();
  };

  const nearest = (items, x) =>
    items.reduce((best, item) => (Math.abs(item.dataset.x - x) < Math.abs(best.dataset.x - x) ? item : best));

  const steps = {
    ArrowRight: ([row, column]) => lanes[row][column + 1],
    ArrowLeft: ([row, column]) => lanes[row][column - 1],
    ArrowDown: ([row], x) => lanes[row + 1] && nearest(lanes[row + 1], x),
    ArrowUp: ([row], x) => lanes[row - 1] && nearest(lanes[row - 1], x),
    Home: ([row]) => lanes[row][0],
    End: ([row]) => lanes[row].at(-1),
  };

  const chart = document.getElementById("chart");
  const itemOf = (event) => event.target.closest?.(".item");
  chart.addEventListener("pointerover", (event) => (itemOf(event) ? show(itemOf(event)) : hide()));
  chart.addEventListener("pointerleave", hide);
  chart.addEventListener("focusin", (event) => itemOf(event) && show(itemOf(event)));
  chart.addEventListener("focusout", hide);
  // What was reached by the keyboard stays told while the page scrolls to it.
  const follow = () => { if (shown) { shown === document.activeElement ? place(shown) : hide(); } };
  window.addEventListener("scroll", follow, { passive: true });
  window.addEventListener("resize", follow);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const item = itemOf(event);
    if (!item || !steps[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    const next = steps[event.key](placeOf.get(item), Number(item.dataset.x));
    event.preventDefault();
    if (next) go(next);
  });
  // Paper shows everything.
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
})();
