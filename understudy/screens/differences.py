"""``audit diff``: what is different between two moments, and the events that made it so."""

from collections.abc import Iterable
from datetime import datetime

import click
import msgspec

from projections.as_of import Axis, LateFact
from projections.differences import AlarmEffect, Differences, Kind
from projections.event_log import printable
from understudy.screens.alarms import RULE
from understudy.screens.as_of import late_lines, moment_text, time_text

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
        f"{found.facts} events: {', '.join(f'{count} {kind}' for kind, count in found.counts.items()) or 'no change'}",
        RULE,
        "In The End",
        "-" * 79,
    ]
    lines += [
        f"{printable(one.subject)}, {one.what}: {printable(one.before)} -> {printable(one.after)}"
        for one in found.changes
    ] or ["Nothing is different."]
    lines += [RULE, f"Alarms [Total:{len(found.alarms)}]", "-" * 79, *_alarms(found.alarms)]
    lines += [RULE, f"Events [Total:{len(found.happenings)}]", "-" * 79]
    for one in found.happenings[-SHOWN_EVENTS:]:
        kind = click.style(f"{one.kind.value:<18}", fg=_COLOURS.get(one.kind))
        lines.append(f"{one.position:<9}{time_text(one.occurred_at)}  {kind} {printable(one.subject)}")
        lines.append(f"{'':9}{printable(one.text)}")
    if len(found.happenings) > SHOWN_EVENTS:
        lines.append(f"{len(found.happenings) - SHOWN_EVENTS} earlier ones are not shown; --json has all.")
    if answer.late:
        lines += [RULE, "Came Late", "-" * 79, *late_lines(answer.late)]
    return [*lines, RULE]


def _alarms(alarms: Iterable[AlarmEffect]) -> Iterable[str]:
    for one in alarms:
        name = f"{one.alarm_type_id} ({one.alarm_type_qualifier})" if one.alarm_type_qualifier else one.alarm_type_id
        yield f"{one.resource} {name}: {one.effect}"
        yield f"{'':7}{one.before} -> {one.after}; raised {one.raised} times, cleared {one.cleared} times"
