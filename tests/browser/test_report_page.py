"""The report in a real Chromium, looked at."""

import base64
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.driver.switch_to.active_element.send_keys(key)


def focused(page: Any) -> str:
    told: str = page.js("return document.activeElement.getAttribute('aria-label') || ''")
    return told


def test_the_page_opens_without_a_complaint_and_asks_for_nothing_but_itself(page: Any, drawn: Path) -> None:
    page.open(drawn)
    assert page.driver.title.startswith("pe1: 2026-01-05 22:00:00.000 to ")
    assert page.complaints() == []
    assert page.requested() == [drawn.as_uri()]


def test_the_policy_stops_what_would_load_or_run_anything_else(page: Any, drawn: Path) -> None:
    page.open(drawn)
    page.js(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'https://example.invalid/x.png'}))"
    )
    page.js("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    assert page.js("return window.ran") is None
    said: list[str] = []

    def both_are_refused() -> bool:
        said.extend(one for one in page.complaints() if "Content Security Policy" in one)
        return any("example.invalid" in one for one in said) and any("inline script" in one for one in said)

    page.until(both_are_refused, "two violations")


def test_the_redundancy_lane_has_its_bars_in_order_of_time_within_the_lane(page: Any, drawn: Path) -> None:
    page.open(drawn)
    boxes = page.boxes("Redundancy")
    looks = [box["look"].removeprefix("is-") for box in boxes]
    assert looks[:3] == ["not-ready", "syncing", "ready"]
    assert {"single-card", "ready"} <= set(looks[3:])
    for box in boxes:
        assert box["lane"]["left"] <= box["left"] < box["right"] <= box["lane"]["right"]
        assert box["lane"]["top"] <= box["top"] < box["bottom"] <= box["lane"]["bottom"]
        assert box["width"] >= 2
    for earlier, later in pairwise(boxes):
        assert earlier["left"] < later["left"]
        assert abs(earlier["right"] - later["left"]) < 5


def test_all_lanes_share_one_axis(page: Any, drawn: Path) -> None:
    page.open(drawn)
    [ready] = [box for box in page.boxes("Redundancy") if "ready from 2026-01-05 22:10" in box["told"]]
    [attempt] = [box for box in page.boxes("Attempts, config") if "to 2026-01-05 22:10:00" in box["told"]]
    [raised] = [box for box in page.boxes("flash-full") if "from 2026-01-05 22:40" in box["told"]]
    [mark] = [box for box in page.boxes("flash-full", ".hit") if box["told"].startswith("raised")]
    assert abs(attempt["right"] - ready["left"]) < 1.5
    assert abs((mark["left"] + mark["right"]) / 2 - raised["left"]) < 1.5
    ticks = page.js(
        "return [...document.querySelectorAll('.axis text:not(.date)')]"
        ".map((one) => [one.textContent, one.getBoundingClientRect().toJSON()])"
    )
    [eleven] = [box for label, box in ticks if label == "23:00"]
    assert ready["left"] < (eleven["left"] + eleven["right"]) / 2 < raised["right"]


def test_an_alarm_has_a_bar_by_its_severity_and_marks_for_what_was_done_about_it(page: Any, drawn: Path) -> None:
    page.open(drawn)
    name = "config-sync-failed (no-space)"
    [bar] = page.boxes(name)
    assert bar["look"] == "is-major"
    marks = page.boxes(name, ".hit")
    looks = [mark["look"].removeprefix("is-") for mark in marks]
    assert looks == ["raised", "repeated", "acknowledged", "repeated", "shelved", "repeated", "unshelved", "cleared"]
    assert "3 events" in marks[5]["told"]
    assert [mark["left"] for mark in marks] == sorted(mark["left"] for mark in marks)


def test_supervision_gaps_are_shaded_through_all_lanes(page: Any, drawn: Path) -> None:
    page.open(drawn)
    looks = [box["look"] for box in page.boxes("Supervision")]
    assert looks == ["is-unwatched", "is-watched", "is-unknown", "is-watched", "is-unwatched"]
    unknown = page.boxes("Supervision")[2]
    gaps = page.js(
        "return [...arguments[0].querySelectorAll('.gap')].map((one) => one.getBoundingClientRect().toJSON())",
        page.lane("flash-full"),
    )
    assert len(gaps) == 3
    assert abs(gaps[1]["left"] - unknown["left"]) < 1
    assert abs(gaps[1]["width"] - unknown["width"]) < 1


def test_switchovers_attempts_and_late_facts_show_their_outcome(page: Any, drawn: Path) -> None:
    page.open(drawn)
    assert [box["look"] for box in page.boxes("Switchovers")] == ["is-completed", "is-refused"]
    assert [box["look"] for box in page.boxes("Attempts, boot-env")] == ["is-succeeded"]
    failed = [box["told"] for box in page.boxes("Attempts, config") if box["look"] == "is-failed"]
    assert len(failed) > 3
    assert any("failed (no-space)" in told for told in failed)
    assert [box["look"] for box in page.boxes("Recorded late")]
    texts = [one.text for one in page.all("#chart text.beside")]
    assert "no-space" in texts
    assert "to B" in texts


def test_what_goes_on_after_the_period_has_an_arrow(page: Any, drawn: Path) -> None:
    page.open(drawn)
    [arrow] = page.boxes("card-failed", ".arrow")
    [bar] = page.boxes("card-failed")
    assert bar["right"] <= arrow["left"] + 1 < arrow["lane"]["right"]
    assert "to the end of the period and on" in arrow["told"]


def test_hovering_shows_the_sentence_and_the_position(page: Any, drawn: Path) -> None:
    page.open(drawn)
    bar = page.lane("card-removed").find_element(By.CSS_SELECTOR, ".bar .fill")
    page.js("arguments[0].scrollIntoView({block: 'center'})", bar)
    box = page.js("return arguments[0].getBoundingClientRect().toJSON()", bar)
    tip = page.one("#tip")
    assert not tip.is_displayed()
    page.tell("Input.dispatchMouseEvent", type="mouseMoved", x=box["left"] + 3, y=box["top"] + 3)
    page.until(tip.is_displayed, "the tip")
    assert "Event " in tip.text
    assert "Alarm card-removed raised: Card A was removed" in tip.text
    page.tell("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
    page.until(lambda: not tip.is_displayed(), "the end of the tip")


def test_each_lane_is_one_stop_for_the_tab_key(page: Any, drawn: Path) -> None:
    page.open(drawn)
    stops = page.js(
        "return [...document.querySelectorAll('#chart .lane .plot')].map("
        "(one) => [one.querySelectorAll('.item').length, one.querySelectorAll('[tabindex=\"0\"]').length])"
    )
    assert stops
    assert all(found == min(items, 1) for items, found in stops)


def test_the_keyboard_reaches_everything_and_is_told_the_sentence(page: Any, drawn: Path) -> None:
    page.open(drawn)
    press(page, Keys.TAB)
    assert page.js("return document.activeElement.className") == "skip"
    press(page, Keys.TAB)
    assert focused(page).startswith("not ready from 2026-01-05 22:00:00.000")
    tip = page.one("#tip")
    assert tip.is_displayed()
    assert "Event 3: Control card inserted in slot B." in tip.text
    press(page, Keys.ARROW_RIGHT)
    assert focused(page).startswith("syncing")
    press(page, Keys.END)
    assert focused(page).startswith("single card")
    press(page, Keys.ARROW_DOWN)
    assert focused(page).startswith("B from 2026-01-06 01:20")
    press(page, Keys.ARROW_UP, Keys.HOME)
    assert focused(page).startswith("not ready")
    press(page, Keys.TAB)
    assert focused(page).startswith("B from")
    press(page, Keys.ESCAPE)
    assert not tip.is_displayed()


def test_every_item_can_be_reached_with_the_arrow_keys_alone(page: Any, drawn: Path) -> None:
    page.open(drawn)
    lanes = page.js(
        "return [...document.querySelectorAll('#chart .plot')].map((one) => one.querySelectorAll('.item').length)"
    )
    reached = page.js(
        """
        const seen = new Set();
        for (const plot of document.querySelectorAll('#chart .lane .plot')) {
          const first = plot.querySelector('.item[tabindex="0"]');
          if (!first) continue;
          first.focus();
          for (let before = null; document.activeElement !== before;) {
            before = document.activeElement;
            seen.add(before);
            before.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true, cancelable: true}));
          }
        }
        return seen.size;
        """
    )
    assert reached == sum(lanes)


def test_enter_leads_from_a_bar_to_its_row(page: Any, drawn: Path) -> None:
    page.open(drawn)
    bar = page.lane("Attempts, boot-env").find_element(By.CSS_SELECTOR, "a.item")
    page.js("arguments[0].focus()", bar)
    press(page, Keys.ENTER)
    row = page.one("tr:target")
    assert "boot-env" in row.text
    assert "succeeded" in row.text
    assert page.js("return arguments[0].getBoundingClientRect().top >= 0", row)


def test_a_screen_reader_finds_headings_tables_and_names(page: Any, drawn: Path) -> None:
    page.open(drawn)
    assert [one.text for one in page.all("h1")] == ["Chassis pe1"]
    assert [one.text for one in page.all("h2")] == ["In short", "What happened, and when", "One by one"]
    assert len(page.all("table")) == 5
    assert all(one.get_attribute("scope") for one in page.all("th"))
    tree = page.tell("Accessibility.getFullAXTree")["nodes"]
    names = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]}
    assert ("group", "Redundancy") in names
    assert any(role in {"img", "image"} and name.startswith("ready from") for role, name in names)
    assert any(role == "link" and name.startswith("failed (no-space)") for role, name in names)
    for plot in page.all("#chart .lane .plot"):
        assert plot.find_element(By.CSS_SELECTOR, ":scope > title")
        assert plot.find_element(By.CSS_SELECTOR, ":scope > desc")


def test_hostile_names_stay_text(page: Any, hostile_story: Any, hostile: str, tmp_path: Path) -> None:
    page.open(hostile_story.report(tmp_path / "hostile.html"))
    assert page.one("h1").text == f"Chassis pe{hostile}"
    assert page.driver.title.startswith(f"pe{hostile}: ")
    assert len(page.all("script")) == 1
    assert page.all("img") == []
    assert any(hostile in one.text for one in page.all("td"))
    assert any(f"/srv/{hostile}/A" in one.text for one in page.all("td"))
    assert any(hostile in box["told"] for box in page.boxes("Attempts, config"))
    first = page.lane("Attempts, config").find_element(By.CSS_SELECTOR, ".item")
    page.js("arguments[0].focus()", first)
    assert hostile in page.one("#tip").text
    assert page.one("#tip").find_elements(By.CSS_SELECTOR, "script, img") == []
    assert page.complaints() == []


def luminance(colour: str) -> float:
    red, green, blue = (int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def colours(page: Any, selector: str) -> tuple[float, float]:
    """How light text and page are."""
    ink = page.js(f"return getComputedStyle(document.querySelector('{selector}')).color")
    paper = page.js("return getComputedStyle(document.body).backgroundColor")
    return luminance(ink), luminance(paper)


@pytest.mark.parametrize("selector", ["h1", "td", ".hint", "footer", "td small"])
def test_it_can_be_read_in_light_and_in_dark(page: Any, drawn: Path, selector: str) -> None:
    page.open(drawn)
    ink, paper = colours(page, selector)
    assert paper > 0.9
    assert paper - ink > 0.5
    page.prefer("dark")
    ink, paper = colours(page, selector)
    assert paper < 0.15
    assert ink - paper > 0.45


def test_it_prints_on_light_pages_with_everything_on_them(page: Any, drawn: Path) -> None:
    page.open(drawn)
    page.prefer("dark")
    printed = page.tell("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
    paper = base64.b64decode(printed)
    assert paper.startswith(b"%PDF-")
    # Textures that print as pictures would make it a hundred times as long.
    assert len(paper) < 2_000_000
    page.resize(1032)  # A4 in landscape, without its margins
    page.tell("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert colours(page, "h1")[1] > 0.9
    assert not page.one("#tip").is_displayed()
    assert page.js(
        "return [...document.querySelectorAll('.scroll')].every((one) => one.scrollWidth <= one.clientWidth)"
    )
    assert page.js("return getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    page.tell("Emulation.setEmulatedMedia", media="", features=[])


@pytest.mark.parametrize("width", [1600, 1280, 800, 400])
def test_no_width_makes_the_page_scroll_sideways(page: Any, drawn: Path, width: int) -> None:
    page.resize(width)
    page.open(drawn)
    assert page.js("return document.documentElement.scrollWidth") <= width
    plot = page.boxes("Redundancy")[0]["lane"]
    assert plot["right"] <= width
    assert plot["width"] > 250


def test_a_long_hostile_name_does_not_either(page: Any, hostile_story: Any, tmp_path: Path) -> None:
    page.resize(800)
    page.open(hostile_story.report(tmp_path / "hostile.html"))
    assert page.js("return document.documentElement.scrollWidth") <= 800


def test_labels_of_the_axis_do_not_cover_each_other(page: Any, drawn: Path) -> None:
    page.resize(800)
    page.open(drawn)
    for kind in (".axis text.date", ".axis text:not(.date)"):
        boxes = page.js(
            f"return [...document.querySelectorAll('{kind}')].map((one) => one.getBoundingClientRect().toJSON())"
        )
        assert all(earlier["right"] + 3 < later["left"] for earlier, later in pairwise(boxes))


def test_a_crowded_night_stays_usable(page: Any, story: Any, tmp_path: Path) -> None:
    story.crowd(400)
    page.open(story.report(tmp_path / "crowded.html"))
    boxes = page.boxes("Attempts, config")
    assert len(boxes) < 300
    assert any("in a row from" in box["told"] for box in boxes)
    marks = page.boxes("config-sync-failed (no-space)", ".hit")
    for earlier, later in pairwise(marks):
        assert later["left"] - earlier["left"] > 8
    counts = [one.text for one in page.all("#chart .count")]
    assert counts
    assert sum(int(one) for one in counts) > 390
    numbers = page.js(
        "return [...document.querySelectorAll('.count')].map((one) => one.getBoundingClientRect().toJSON())"
    )
    assert all(earlier["right"] < later["left"] for earlier, later in pairwise(numbers))
