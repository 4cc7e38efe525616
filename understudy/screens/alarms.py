"""``show system alarms``: the router's layout, with what proved each clear."""

from collections.abc import Iterable
from datetime import UTC

import click

from events.facts import Severity
from projections.alarm_views import AlarmListing, AlarmView
from projections.event_log import printable

_COLOURS = {Severity.CRITICAL: "red", Severity.MAJOR: "red", Severity.MINOR: "yellow", Severity.WARNING: "yellow"}
_HEADER = f"{'Index':<7}{'Date/Time':<25}{'Severity':<14}{'Alarm':<12}Resource"
RULE = "=" * 79
SHOWN_ACTS = 3
"""How many of the newest acts of operators are shown for an alarm; JSON has all."""


def alarm_lines(listing: AlarmListing, *, with_cleared: bool) -> list[str]:
    """The active alarms, newest first; those shelved and masked as a count; the cleared ones if asked for."""
    count = listing.counts
    severities = f"Critical:{count.critical} Major:{count.major} Minor:{count.minor} Warning:{count.warning}"
    lines = [RULE, f"Alarms [{severities} Total:{count.total}]", RULE, _HEADER, f"{'':7}Details", "-" * 79]
    lines += _rows(listing.active)
    if with_cleared:
        lines += [RULE, f"Cleared Alarms [Total:{len(listing.cleared)}]", RULE, _HEADER, "-" * 79]
        lines += _rows(listing.cleared)
    for name, alarms in (("Shelved", listing.shelved), ("Masked by a removed card", listing.masked)):
        if alarms:
            lines += [RULE, f"{name} [Total:{len(alarms)}]", RULE, _HEADER, "-" * 79, *_rows(alarms)]
    return [*lines, RULE]


def _rows(alarms: Iterable[AlarmView]) -> list[str]:
    return [line for alarm in alarms for line in _row(alarm)]


def _row(alarm: AlarmView) -> list[str]:
    raised = alarm.last_raised.astimezone(UTC)
    stamp = f"{raised:%Y/%m/%d %H:%M:%S}.{raised.microsecond // 10_000:02d}"
    severity = click.style(f"{alarm.perceived_severity.upper():<14}", fg=_COLOURS.get(alarm.perceived_severity))
    lines = [f"{alarm.index:<7}{stamp:<25}{severity}{alarm.alarm_id or '-':<12}{alarm.resource}"]
    lines.append(f"{'':7}{printable(alarm.alarm_text)}")
    if alarm.count > 1:
        lines.append(f"{'':7}Seen {alarm.count} times.")
    if alarm.clearance is None:
        lines.append(f"{'':7}Repair: {alarm.proposed_repair_actions}")
    else:
        cleared = f"{alarm.clearance.time.astimezone(UTC):%Y/%m/%d %H:%M:%S}"
        lines.append(f"{'':7}Cleared {cleared}: {alarm.clearance.proof} (event {alarm.clearance.evidence_position}).")
    return lines + [
        f"{'':7}{change.state} by {printable(change.operator)}: {printable(change.text)}".rstrip(": ")
        for change in alarm.operator_state_change[:SHOWN_ACTS]
    ]
