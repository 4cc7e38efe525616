"""``audit switchover``: the report of one switchover, and the list of all of them."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import click

from events.facts import Severity, SwitchoverReason
from projections.durations import lasting, since
from projections.event_log import printable
from projections.switchover_report import AlarmThen, Happened, Readiness, SwitchoverReport
from projections.switchovers import SwitchoverResult, SwitchoverRow
from projections.wording import stamp
from understudy.screens.drawing import fitted, folded, wrapped
from understudy.screens.explanation import late

RULE = "=" * 79
_LABEL = 27
_TEXT = " " * (_LABEL + 2)
_DETAILS = 13
"""The column at which the details of the list go on below, where they do not fit into a terminal."""
_RESULTS = {
    SwitchoverResult.RUNNING: "yellow",
    SwitchoverResult.COMPLETED: "green",
    SwitchoverResult.FAILED: "red",
    SwitchoverResult.REFUSED: "red",
}
_SEVERITIES = {Severity.CRITICAL: "red", Severity.MAJOR: "red", Severity.MINOR: "yellow", Severity.WARNING: "yellow"}


def report_lines(report: SwitchoverReport) -> Iterator[str]:
    """Everything about one switchover, in the order in which it happened."""
    row = report.switchover
    title = f"Switchover {row.name}" if row.name.isdigit() else f"Refused switchover ({row.name})"
    yield from (RULE, f"{title} of {report.chassis}: card {row.from_slot} to card {row.to_slot}", RULE)
    yield from _field("Result", click.style(_result(row), fg=_RESULTS[row.result]))
    yield from _field("Asked for", _asked_for(row))
    yield from _field("Reason", row.reason)
    yield from _happened("Trigger", report.trigger)
    yield from _field("Not in the record", report.unrecorded)
    yield from _happened("Decision", report.decision)
    yield from _happened("Outcome", report.outcome, "none, as far as the record goes" if _open(row) else "")
    yield from _readiness(report.readiness, row)
    yield from _field("Files out of step", _files(report))
    yield from _section("Durations", (f"  {_lasting(lap.duration_ms):<13}{lap.name}" for lap in report.laps))
    zero, unknown = _zero(report), "nothing, as far as the record goes"
    yield from _section(f"Alarms in force at the start (times {zero})", _alarms(report.in_force), otherwise="none")
    yield from _section(f"Alarms raised by the end of it (times {zero})", _alarms(report.raised), otherwise="none")
    yield from _section(f"What came back (times {zero})", _back(report), otherwise=unknown)
    still_open = (f"  {printable(identity)}" for identity in report.still_open)
    yield from _section(f"Still open (event {report.read_until})", still_open, otherwise="none")
    yield RULE


def list_lines(chassis: str, rows: list[SwitchoverRow]) -> Iterator[str]:
    """One line for each switchover, oldest first."""
    yield from (RULE, f"Switchovers: {chassis} [{len(rows)}]", RULE)
    yield f"{'No.':<13}{'Decided':<28}{'Cards':<7}{'Reason':<13}{'Result':<11}Details"
    yield "-" * 79
    for row in rows:
        cards, result = f"{row.from_slot}->{row.to_slot}", click.style(f"{row.result:<11}", fg=_RESULTS[row.result])
        told = f"{row.name:<13}{stamp(row.decided_at):<28}{cards:<7}{row.reason:<13}{result}{_details(row)}"
        yield from fitted(told, _DETAILS)
    yield RULE


def _result(row: SwitchoverRow) -> str:
    return f"{row.result}: {_details(row)}" if _details(row) else str(row.result)


def _details(row: SwitchoverRow) -> str:
    said: list[str] = [row.failure] if row.failure else []
    if row.result is SwitchoverResult.REFUSED:
        said += row.blockers
    elif row.overridden:
        said.append(f"ignored {', '.join(row.overridden)}")
    if row.duration_ms is not None:
        said.append(_lasting(row.duration_ms))
    if row.operator:
        said.append(f"by {printable(row.operator)}")
    return ", ".join(said)


def _asked_for(row: SwitchoverRow) -> str:
    if row.operator:
        return f"by {printable(row.operator)}"
    return (
        "by somebody whom the record does not name" if row.reason is SwitchoverReason.FORCED else "by nobody: automatic"
    )


def _open(row: SwitchoverRow) -> bool:
    return row.result is SwitchoverResult.RUNNING


def _field(label: str, text: str) -> Iterator[str]:
    if text:
        yield from folded(f"{label:<{_LABEL}}: ", text, _TEXT)


def _happened(label: str, one: Happened | None, otherwise: str = "") -> Iterator[str]:
    if one is None:
        yield from _field(label, otherwise)
        return
    yield from _field(label, f"event {one.position}, {stamp(one.occurred_at)}{late(one.occurred_at, one.recorded_at)}")
    yield from wrapped(one.sentence, _TEXT)


def _readiness(then: Readiness, row: SwitchoverRow) -> Iterator[str]:
    ready = "ready" if then.ready else f"not ready: {then.explanation} ({', '.join(then.blockers)})"
    yield from _field(f"Standby card {row.to_slot} then was", ready)
    yield from _field("Set aside by --ignore-status", ", ".join(then.overridden))
    if then.standby_ready_since is not None:
        yield from _field("Ready since", stamp(then.standby_ready_since))
    for label, moment in (("Last config sync", then.config_sync_at), ("Last boot-env sync", then.boot_env_sync_at)):
        yield from _field(label, "never" if moment is None else stamp(moment))
    yield from _field("Not synchronised since", ", ".join(then.unsynchronized))


def _files(report: SwitchoverReport) -> str:
    if report.out_of_step:
        return ", ".join(printable(name) for name in report.out_of_step)
    if report.compared:
        return "none that could be seen"
    return "not compared: that is done only where somebody asks for a switchover"


def _section(title: str, lines: Iterable[str], otherwise: str = "") -> Iterator[str]:
    found = [*lines]
    if found or otherwise:
        yield "-" * 79
        yield title if found else f"{title}: {otherwise}"
        yield from found


def _alarms(alarms: Iterable[AlarmThen]) -> Iterator[str]:
    for alarm in alarms:
        severity = click.style(f"{alarm.severity.upper():<14}", fg=_SEVERITIES.get(alarm.severity))
        shelved = ", shelved" if alarm.shelved else ""
        fate = "still open"
        if alarm.ended_position is not None and alarm.after_ms is not None:
            fate = f"gone {_since(alarm.after_ms)} (event {alarm.ended_position})"
        yield from fitted(f"  {severity}{printable(alarm.identity)}{shelved}", 16)
        yield from wrapped(f"since {stamp(alarm.raised_at)} (event {alarm.raised_position}): {fate}", " " * 16)


def _zero(report: SwitchoverReport) -> str:
    return "since the decision" if report.trigger is None else "since the trigger"


def _back(report: SwitchoverReport) -> Iterator[str]:
    for one in report.came_back:
        yield from wrapped(f"{_since(one.after_ms)} (event {one.position}) {one.sentence}", "  ")
    if report.next_switchover is not None:
        following = report.next_switchover
        told = f"{_since(following.after_ms)} (event {following.position}) The next one: {following.sentence}"
        yield from wrapped(told, "  ")


def _since(milliseconds: int) -> str:
    return since(timedelta(milliseconds=milliseconds))


def _lasting(milliseconds: int) -> str:
    return lasting(timedelta(milliseconds=milliseconds))
