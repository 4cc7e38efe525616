"""``subscribe``: one event or one change of an alarm at a time, for people and as JSON."""

from datetime import UTC, datetime

import click
import msgspec

from consumers.subscription import AlarmUpdate, Change
from events.envelope import Recorded
from events.facts import Severity
from projections.alarm_views import Place
from projections.event_log import entry, format_entry, printable
from understudy.screens.json import to_json

_COLOURS = {Severity.CRITICAL: "red", Severity.MAJOR: "red", Severity.MINOR: "yellow", Severity.WARNING: "yellow"}


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in its envelope; ``type`` is its stored name, ``fact`` its body (see facts.md)."""

    position: int
    chassis: str
    version: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    correlation: str
    causation: int
    fact: object


def event_json(recorded: Recorded) -> str:
    """A fact as one line of JSON."""
    line = EventLine(
        position=recorded.position,
        chassis=recorded.chassis,
        version=recorded.version,
        type=recorded.fact.TYPE,
        occurred_at=recorded.occurred_at,
        recorded_at=recorded.recorded_at,
        correlation=recorded.correlation,
        causation=recorded.causation,
        fact=msgspec.structs.asdict(recorded.fact),
    )
    return to_json(line, indent=False)


def event_text(recorded: Recorded, *, several: bool) -> str:
    """A fact as an entry of the log, after the name of its chassis where there may be ``several``."""
    return f"{recorded.chassis}: {format_entry(entry(recorded))}" if several else format_entry(entry(recorded))


def update_json(told: AlarmUpdate) -> str:
    """A change of an alarm as one line of JSON."""
    return to_json(told, indent=False)


def update_text(told: AlarmUpdate) -> str:
    """A change of an alarm on one line: position, time, what happened, severity, identity, text."""
    alarm = told.alarm
    what = f"{told.change.upper():<12}"
    if alarm is None:
        return f"{told.position} {'-':<26} {what} {'-':<13} {printable(told.identity.strip())}"
    at = alarm.last_changed.astimezone(UTC)
    time = f"{at:%Y/%m/%d %H:%M:%S}.{at.microsecond // 10_000:02d} UTC"
    colour = "green" if told.change is Change.CLEARED else _COLOURS.get(alarm.perceived_severity)
    severity = click.style(f"{alarm.perceived_severity.upper():<13}", fg=colour)
    place = "" if alarm.place is Place.ACTIVE or told.change is not Change.LISTED else f" ({alarm.place})"
    identity, text = printable(told.identity.strip()), printable(alarm.alarm_text)
    return f"{told.position} {time} {what} {severity} {identity}{place}: {text}"
