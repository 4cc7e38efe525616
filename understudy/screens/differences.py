"""``audit diff``: what is different between two moments, and the events that made it so."""

from collections.abc import Iterable
from datetime import datetime

import click
import msgspec

from projections.as_of import Axis, LateFact
from projections.differences import AlarmEffect, Differences, Kind
from projections.event_log import printable
from projections.wording import counted, stamp, times
from understudy.screens.alarms import RULE
from understudy.screens.as_of import late_lines, moment_text
from understudy.screens.drawing import fitted

SHOWN_EVENTS = 200
"""Events that are shown, the newest ones; JSON has all."""

_COLOURS = {Kind.RAISED: "red", Kind.FAILED: "red", Kind.CLEARED: "green", Kind.SYNCHRONIZED: "green"}


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: both moments, on which axis, what is different, and the facts in between that came late."""

    chassis: str
    axis: Axis
    since: datetime | int
    until: datetime | int
    differences: Differences
    late: tuple[LateFact, ...]


def diff_lines(answer: Diff) -> list[str]:
    """The whole screen."""
    found = answer.differences
    axis = "as it was known" if answer.axis is Axis.KNOWN else "as it happened"
    lines = [
        f"{answer.chassis} from {moment_text(answer.since)} to {moment_text(answer.until)}, {axis}",
        *fitted(f"{counted(found.facts, 'event')}: {_counts(found)}", 2),
        RULE,
        "In The End",
        "-" * 79,
    ]
    for change in found.changes:
        said = f"{printable(change.before)} -> {printable(change.after)}"
        lines += fitted(f"{printable(change.subject)}, {change.what}: {said}", 2)
    lines += [] if found.changes else ["Nothing is different."]
    lines += [RULE, f"Alarms [Total:{len(found.alarms)}]", "-" * 79, *_alarms(found.alarms)]
    lines += [RULE, f"Events [Total:{len(found.happenings)}]", "-" * 79]
    for one in found.happenings[-SHOWN_EVENTS:]:
        kind = click.style(f"{one.kind.value:<18}", fg=_COLOURS.get(one.kind))
        lines += fitted(f"{one.position:<9}{stamp(one.occurred_at)}  {kind} {printable(one.subject)}", 9)
        lines += fitted(f"{'':9}{printable(one.text)}", 9)
    if len(found.happenings) > SHOWN_EVENTS:
        lines.append(f"{len(found.happenings) - SHOWN_EVENTS} earlier ones are not shown; --json has all.")
    if answer.late:
        lines += [RULE, "Came Late", "-" * 79, *late_lines(answer.late)]
    return [*lines, RULE]


def _alarms(alarms: Iterable[AlarmEffect]) -> Iterable[str]:
    for one in alarms:
        name = f"{one.alarm_type_id} ({one.alarm_type_qualifier})" if one.alarm_type_qualifier else one.alarm_type_id
        yield from fitted(f"{printable(one.resource)} {name}: {one.effect}", 7)
        raised, cleared = f"raised {times(one.raised)}", f"cleared {times(one.cleared)}"
        yield from fitted(f"{'':7}{one.before} -> {one.after}; {raised}, {cleared}", 7)


def _counts(found: Differences) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in found.counts.items()) or "no change"
