"""Facts about alarms. An alarm is the state of a resource, not a message (RFC 8632, section 3)."""

from enum import StrEnum
from typing import ClassVar

from events.facts.chassis import Count
from events.facts.fact import FactRoot, Part


class Severity(StrEnum):
    """Perceived severities of RFC 8632; *cleared* is a state, not a severity."""

    INDETERMINATE = "indeterminate"
    WARNING = "warning"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class AlarmKey(Part, frozen=True, kw_only=True, order=True):
    """The identity of an alarm (RFC 8632: resource, alarm-type-id, alarm-type-qualifier)."""

    resource: str
    alarm_type: str
    qualifier: str = ""


class AlarmRaised(FactRoot, frozen=True, kw_only=True):
    """Recorded when a condition that an alarm stands for is seen, and the alarm does not stand yet."""

    TYPE: ClassVar[str] = "alarm.raised.v1"
    alarm: AlarmKey
    severity: Severity
    text: str


class AlarmRepeated(FactRoot, frozen=True, kw_only=True):
    """Recorded when the condition of an alarm that stands is seen once more; ``count`` includes the raise."""

    TYPE: ClassVar[str] = "alarm.repeated.v1"
    alarm: AlarmKey
    count: Count
    text: str


class AlarmCleared(FactRoot, frozen=True, kw_only=True):
    """Recorded when evidence shows that the condition has ceased.

    ``evidence`` is the version, in this chassis' stream, of the fact that proved it; ``proof`` says how.
    """

    TYPE: ClassVar[str] = "alarm.cleared.v1"
    alarm: AlarmKey
    evidence: Count
    proof: str


class AlarmAcknowledged(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator takes note of an alarm (RFC 8632 operator state *ack*)."""

    TYPE: ClassVar[str] = "alarm.acknowledged.v1"
    alarm: AlarmKey
    operator: str
    text: str


class AlarmClosed(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator is done with an alarm (RFC 8632 operator state *closed*)."""

    TYPE: ClassVar[str] = "alarm.closed.v1"
    alarm: AlarmKey
    operator: str
    text: str


class AlarmCommented(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator adds a note to an alarm and leaves its operator state as it is."""

    TYPE: ClassVar[str] = "alarm.commented.v1"
    alarm: AlarmKey
    operator: str
    text: str


class AlarmShelved(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator takes an alarm off the list for a while; it is still tracked."""

    TYPE: ClassVar[str] = "alarm.shelved.v1"
    alarm: AlarmKey
    operator: str
    text: str


class AlarmUnshelved(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator puts a shelved alarm back on the list."""

    TYPE: ClassVar[str] = "alarm.unshelved.v1"
    alarm: AlarmKey
    operator: str
    text: str


class AlarmPurged(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator removes an alarm from the list; the record keeps all of it."""

    TYPE: ClassVar[str] = "alarm.purged.v1"
    alarm: AlarmKey
    operator: str
    text: str


class AlarmCompressed(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator reduces an alarm's shown status changes to the newest one."""

    TYPE: ClassVar[str] = "alarm.compressed.v1"
    alarm: AlarmKey
    operator: str
    text: str


OperatorFact = (
    AlarmAcknowledged | AlarmClosed | AlarmCommented | AlarmShelved | AlarmUnshelved | AlarmPurged | AlarmCompressed
)
AlarmFact = AlarmRaised | AlarmRepeated | AlarmCleared | OperatorFact
