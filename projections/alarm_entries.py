"""What is known of one alarm, and how each fact about it changes that? The entries of the alarm list."""

from datetime import datetime
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from events.envelope import Recorded
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmClosed,
    AlarmCommented,
    AlarmCompressed,
    AlarmKey,
    AlarmRaised,
    AlarmRepeated,
    AlarmShelved,
    AlarmUnshelved,
    Severity,
    Slot,
)
from projections.evidence import evidence_position

MAX_STATUS_CHANGES = 32
"""Status changes that an entry keeps, the newest ones (RFC 8632, default of ``max-alarm-status-changes``)."""

MAX_OPERATOR_STATE_CHANGES = 100
"""Operator state changes that an entry keeps, the newest ones; the record and the event log have all."""

EntryFact = (
    AlarmRepeated
    | AlarmCleared
    | AlarmAcknowledged
    | AlarmClosed
    | AlarmCommented
    | AlarmShelved
    | AlarmUnshelved
    | AlarmCompressed
)
"""The facts that change an entry which is on the list; a raise makes one, a purge takes one away."""


class SeverityWithClear(StrEnum):
    """RFC 8632 ``severity-with-clear``: what a status change may show."""

    CLEARED = "cleared"
    INDETERMINATE = "indeterminate"
    WARNING = "warning"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


_SHOWN = {severity: SeverityWithClear(severity.value) for severity in Severity}


class OperatorState(StrEnum):
    """RFC 8632 ``operator-state``: what operators say of an alarm."""

    NONE = "none"
    ACK = "ack"
    CLOSED = "closed"
    SHELVED = "shelved"
    UN_SHELVED = "un-shelved"


class StatusChange(msgspec.Struct, frozen=True, gc=False):
    """One change of severity, clearance or text; two may share a ``time``, none shares a ``position``."""

    time: datetime
    position: int
    perceived_severity: SeverityWithClear
    alarm_text: str


class OperatorStateChange(msgspec.Struct, frozen=True, gc=False):
    """What an operator said of an alarm; a comment repeats the ``state`` that it found."""

    time: datetime
    position: int
    operator: str
    state: OperatorState
    text: str


class Clearance(msgspec.Struct, frozen=True, gc=False):
    """What made an alarm go away: ``proof`` says how the fact at ``evidence_position`` showed it.

    ``version`` and ``evidence_version`` say the same in the chassis' stream.
    """

    time: datetime
    position: int
    version: int
    evidence_position: int
    evidence_version: int
    proof: str


class Alarm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One entry of the list, with the leaves of RFC 8632, in times of ``occurred_at``.

    Times of an entry never go back: what a slow clock dated earlier is shown at the entry's newest time, and its
    position leads to what the source said. ``slot`` is the card that the resource is or lies on; ``index`` numbers
    the raises of the chassis (SR OS); ``count`` counts the sightings since the newest raise, at ``raised_position``.
    """

    key: AlarmKey
    slot: Slot | None
    index: int
    time_created: datetime
    last_raised: datetime
    last_changed: datetime
    is_cleared: bool
    perceived_severity: Severity
    alarm_text: str
    count: int
    raised_position: int
    status_changes: tuple[StatusChange, ...]
    operator_state_changes: tuple[OperatorStateChange, ...] = ()
    clearance: Clearance | None = None

    @property
    def operator_state(self) -> OperatorState:
        """What operators said last."""
        changes = self.operator_state_changes
        return changes[0].state if changes else OperatorState.NONE


def created(recorded: Recorded, fact: AlarmRaised, *, slot: Slot | None, index: int) -> Alarm:
    """The entry of an alarm that was not on the list: never raised before, or purged since."""
    at, severity = recorded.occurred_at, _SHOWN[fact.severity]
    return Alarm(
        key=fact.alarm,
        slot=slot,
        index=index,
        time_created=at,
        last_raised=at,
        last_changed=at,
        is_cleared=False,
        perceived_severity=fact.severity,
        alarm_text=fact.text,
        count=1,
        raised_position=recorded.position,
        status_changes=(StatusChange(at, recorded.position, severity, fact.text),),
    )


def raised(alarm: Alarm, recorded: Recorded, fact: AlarmRaised, *, index: int) -> Alarm:
    """The entry of a cleared alarm that is raised again: it keeps its ``time_created`` and its history."""
    at, severity = _time(alarm, recorded), _SHOWN[fact.severity]
    return replace(
        alarm,
        index=index,
        last_raised=at,
        last_changed=at,
        is_cleared=False,
        perceived_severity=fact.severity,
        alarm_text=fact.text,
        count=1,
        raised_position=recorded.position,
        status_changes=_with_status(alarm, StatusChange(at, recorded.position, severity, fact.text)),
        clearance=None,
    )


def restated(alarm: Alarm, recorded: Recorded, *, severity: Severity, text: str, count: int) -> Alarm:
    """The entry of an alarm that stands and is seen again: only another severity or text is a status change."""
    if severity is alarm.perceived_severity and text == alarm.alarm_text:
        return replace(alarm, count=count)
    at = _time(alarm, recorded)
    return replace(
        alarm,
        count=count,
        last_changed=at,
        perceived_severity=severity,
        alarm_text=text,
        status_changes=_with_status(alarm, StatusChange(at, recorded.position, _SHOWN[severity], text)),
    )


def operated(alarm: Alarm, change: OperatorStateChange) -> Alarm:
    """The entry with what an operator said of it."""
    changes = (change, *alarm.operator_state_changes[: MAX_OPERATOR_STATE_CHANGES - 1])
    return replace(alarm, last_changed=max(change.time, alarm.last_changed), operator_state_changes=changes)


def updated(alarm: Alarm, recorded: Recorded, fact: EntryFact) -> Alarm:
    """The entry after ``fact``; the same object where it changes nothing."""
    match fact:
        case AlarmRepeated():
            if alarm.is_cleared:
                return alarm
            return restated(alarm, recorded, severity=alarm.perceived_severity, text=fact.text, count=fact.count)
        case AlarmCleared():
            return alarm if alarm.is_cleared else _cleared(alarm, recorded, fact)
        case AlarmCompressed():
            return replace(alarm, status_changes=alarm.status_changes[:1])
        case AlarmAcknowledged():
            state = OperatorState.ACK
        case AlarmClosed():
            state = OperatorState.CLOSED
        case AlarmCommented():
            state = alarm.operator_state
        case AlarmShelved():
            state = OperatorState.SHELVED
        case AlarmUnshelved():
            state = OperatorState.UN_SHELVED
        case _:
            assert_never(fact)
    at = _time(alarm, recorded)
    return operated(alarm, OperatorStateChange(at, recorded.position, fact.operator, state, fact.text))


def _cleared(alarm: Alarm, recorded: Recorded, fact: AlarmCleared) -> Alarm:
    at, position = _time(alarm, recorded), recorded.position
    # The newest status change has to agree with alarm-text (RFC 8632), so the proof has a place of its own.
    change = StatusChange(at, position, SeverityWithClear.CLEARED, alarm.alarm_text)
    proved = evidence_position(recorded, fact.evidence)
    return replace(
        alarm,
        last_changed=at,
        is_cleared=True,
        status_changes=_with_status(alarm, change),
        clearance=Clearance(at, position, recorded.version, proved, fact.evidence, fact.proof),
    )


def _time(alarm: Alarm, recorded: Recorded) -> datetime:
    return max(recorded.occurred_at, alarm.last_changed)


def _with_status(alarm: Alarm, change: StatusChange) -> tuple[StatusChange, ...]:
    return (change, *alarm.status_changes[: MAX_STATUS_CHANGES - 1])
