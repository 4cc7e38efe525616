"""``audit explain``: the chains of facts as trees that a person can read."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import click

from projections.durations import lasting, since
from projections.explanation import ExplainedFact, Explanation
from projections.roles import Role
from projections.wording import stamp
from understudy.screens.drawing import BLANK, BOXES, Pen, folded, wrapped

RULE = "=" * 79
SHOWN_FIRST, SHOWN_LAST = 3, 3
"""How many of very many facts that stand side by side are shown; JSON has all."""
LATE = timedelta(seconds=1)
"""From here on it is said that a fact was recorded later than it happened."""
_COLOURS = {
    Role.FAILURE: "red",
    Role.REFUSAL: "red",
    Role.RAISE: "red",
    Role.REPEAT: "yellow",
    Role.SUCCESS: "green",
    Role.EVIDENCE: "green",
    Role.CLEAR: "green",
    Role.OPERATOR: "cyan",
    Role.TRIGGER: "magenta",
}


def explanation_lines(answer: Explanation, pen: Pen = BOXES, *, everything: bool = False) -> list[str]:
    """What was asked, how it went, and the chains; the fact that was asked for is marked.

    Of very many facts side by side those in the middle are left out, with a word of it, unless ``everything`` is asked.
    """
    lines = [RULE, f"Why, and what came of it: event {answer.position} of {answer.chassis}", RULE]
    lines += [line for sentence in answer.summary for line in wrapped(sentence, "")]
    if answer.summary:
        lines.append("-" * 79)
    drawing = _Drawing(pen, everything=everything)
    for number, chain in enumerate(drawing.shortened(answer.chains)):
        lines += [""] if number else []
        lines += [_gap(chain, "")] if isinstance(chain, list) else drawing.lines(chain, "", "")
    return [*lines, RULE]


def late(occurred_at: datetime, recorded_at: datetime) -> str:
    """How much later than it happened a fact was recorded, in brackets; nothing where it was at once."""
    delay = recorded_at - occurred_at
    return f" (recorded {lasting(delay)} later)" if delay >= LATE else ""


class _Drawing:
    """Draws trees with one pen."""

    def __init__(self, pen: Pen, *, everything: bool) -> None:
        self._pen = pen
        self._everything = everything

    def lines(self, fact: ExplainedFact, lead: str, below: str) -> Iterator[str]:
        """The lines of a fact, the first of them after ``lead``, and of all below it, after ``below``."""
        text = below + (self._pen.trunk if fact.children else BLANK)
        yield from folded(lead, self._heading(fact), text)
        yield from wrapped(fact.sentence, text)
        if fact.unrecorded:
            yield from wrapped(f"(Not in the record: {fact.unrecorded}.)", text)
        children = self.shortened(fact.children)
        for number, child in enumerate(children, 1):
            last = number == len(children)
            begin, further = (self._pen.last, BLANK) if last else (self._pen.branch, self._pen.trunk)
            if isinstance(child, list):
                yield _gap(child, below + begin)
            else:
                yield from self.lines(child, below + begin, below + further)

    def _heading(self, fact: ExplainedFact) -> str:
        after = "" if fact.after_ms is None else f" {since(timedelta(milliseconds=fact.after_ms))}"
        part = click.style(_part(fact), fg=_COLOURS.get(fact.role), bold=fact.asked)
        mark = f" {click.style(self._pen.mark, bold=True)}" if fact.asked else ""
        delayed = late(fact.occurred_at, fact.recorded_at)
        return f"{fact.position} {stamp(fact.occurred_at)}{after}{delayed} {part}{mark}"

    def shortened(self, facts: Sequence[ExplainedFact]) -> list[ExplainedFact | list[ExplainedFact]]:
        """``facts`` with those in the middle of many put together, unless what was asked for is among them."""
        if self._everything or len(facts) <= SHOWN_FIRST + SHOWN_LAST + 1:
            return [*facts]
        shown: list[ExplainedFact | list[ExplainedFact]] = []
        for number, fact in enumerate(facts):
            if number < SHOWN_FIRST or number >= len(facts) - SHOWN_LAST or _has_asked(fact):
                shown.append(fact)
            elif shown and isinstance(shown[-1], list):
                shown[-1].append(fact)
            else:
                shown.append([fact])
        return shown


def _part(fact: ExplainedFact) -> str:
    part = fact.role.upper()
    if fact.cause is None:
        return part
    return f"{part} stage {fact.stage or 'unknown'}, cause {fact.cause}"


def _has_asked(fact: ExplainedFact) -> bool:
    return fact.asked or any(_has_asked(child) for child in fact.children)


def _gap(facts: list[ExplainedFact], lead: str) -> str:
    first, last = facts[0], facts[-1]
    events = f"event {first.position}" if first is last else f"events {first.position} to {last.position}"
    return f"{lead}... {len(facts)} more like these: {events}; --all shows them"
