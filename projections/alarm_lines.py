"""What does the log say about alarms and what operators do to them?"""

from typing import assert_never

from events.alarm_types import alarm_type_of
from events.envelope import Recorded
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmClosed,
    AlarmCommented,
    AlarmCompressed,
    AlarmFact,
    AlarmKey,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    AlarmShelved,
    AlarmUnshelved,
    OperatorFact,
)
from projections.event_catalogue import LogEvent, LogLine, LogSeverity, line, sentence
from projections.evidence import evidence_position


def alarm_line(recorded: Recorded, fact: AlarmFact) -> LogLine:
    """The line for a fact about an alarm; the subject is the alarm's resource."""
    key, name = fact.alarm, _name(fact.alarm)
    match fact:
        case AlarmRaised():
            text = sentence(f"Alarm {name} raised: {fact.text}")
            severity = LogSeverity[fact.severity.name]
            return line(LogEvent.ALARM_RAISED, key.resource, f"{text} {alarm_type_of(key).repair}", severity)
        case AlarmRepeated():
            text = sentence(f"Alarm {name} still stands, seen {fact.count} times: {fact.text}")
            row = alarm_type_of(key)
            return line(LogEvent.ALARM_REPEATED, key.resource, f"{text} {row.repair}", LogSeverity[row.severity.name])
        case AlarmCleared():
            proved = evidence_position(recorded, fact.evidence)
            by = f"proved by event {proved}" if proved else f"proved by version {fact.evidence} of the chassis"
            text = f"Alarm {name} cleared: {fact.proof.rstrip('.')} ({by})."
            return line(LogEvent.ALARM_CLEARED, key.resource, text)
        case _:
            return _operator_line(fact, name)


def _operator_line(fact: OperatorFact, name: str) -> LogLine:
    match fact:
        case AlarmAcknowledged():
            event, done = LogEvent.ALARM_ACKNOWLEDGED, "acknowledged"
        case AlarmClosed():
            event, done = LogEvent.ALARM_CLOSED, "closed"
        case AlarmCommented():
            event, done = LogEvent.ALARM_COMMENTED, "commented on"
        case AlarmShelved():
            event, done = LogEvent.ALARM_SHELVED, "shelved"
        case AlarmUnshelved():
            event, done = LogEvent.ALARM_UNSHELVED, "took off the shelf"
        case AlarmPurged():
            event, done = LogEvent.ALARM_PURGED, "purged from the list"
        case AlarmCompressed():
            event, done = LogEvent.ALARM_COMPRESSED, "compressed the status changes of"
        case _:
            assert_never(fact)
    said = f"{fact.operator} {done} alarm {name}"
    return line(event, fact.alarm.resource, sentence(f"{said}: {fact.text}" if fact.text else said))


def _name(key: AlarmKey) -> str:
    return f"{key.alarm_type} ({key.qualifier})" if key.qualifier else key.alarm_type
