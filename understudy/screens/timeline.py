"""``audit timeline``: one line for each fact, with the time between them."""

from collections.abc import Iterator
from datetime import timedelta

import click

from projections.durations import since
from projections.event_catalogue import LogSeverity
from projections.timeline import Timeline, TimelineFact
from projections.wording import stamp
from understudy.screens.drawing import fitted
from understudy.screens.explanation import late

RULE = "=" * 79
_SENTENCE = 51
"""The column at which sentences begin."""
_COLOURS = {
    LogSeverity.CRITICAL: "red",
    LogSeverity.MAJOR: "red",
    LogSeverity.MINOR: "yellow",
    LogSeverity.WARNING: "yellow",
    LogSeverity.CLEARED: "green",
}


def timeline_lines(answer: Timeline, *, several: bool) -> Iterator[str]:
    """Position, time, time since the line before, sentence; also the chassis, where there may be ``several``.

    Each is one line, unless it goes to a terminal that it does not fit into.
    """
    yield from (RULE, f"Timeline of {answer.subject} [{len(answer.facts)}]", RULE)
    for fact in answer.facts:
        after = "" if fact.after_ms is None else since(timedelta(milliseconds=fact.after_ms))
        where = f"{fact.chassis}: " if several else ""
        delayed = late(fact.occurred_at, fact.recorded_at).strip()
        said = f"{where}{_severity(fact)}{fact.sentence}"
        told = f"{fact.position:<7} {stamp(fact.occurred_at)} {after:>12}  {said}{f' {delayed}' if delayed else ''}"
        yield from fitted(told, _SENTENCE)
    yield RULE


def _severity(fact: TimelineFact) -> str:
    if fact.severity is LogSeverity.INDETERMINATE:
        return ""
    return click.style(f"{fact.severity}: ", fg=_COLOURS.get(fact.severity))
