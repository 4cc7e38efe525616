"""What happened to one chassis, card or alarm, or by the hand of one operator, one thing after the other?"""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from events.alarm_types import card_resource
from events.envelope import Recorded
from events.facts import (
    ChassisProvisioned,
    Fact,
    RedundancyLost,
    Slot,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncFileNotPresent,
    SyncStarted,
    SyncSucceeded,
    VersionsAgreed,
    VersionsDiffered,
)
from events.facts.alarms import AlarmFact
from projections.asking import find_alarm, named
from projections.causality import Causality
from projections.durations import milliseconds
from projections.event_catalogue import LogSeverity
from projections.event_log import entry

Moment = datetime | int
"""A time at the source, with its zone, or a position of the record."""


_OF_BOTH = (
    ChassisProvisioned,
    VersionsDiffered,
    VersionsAgreed,
    SyncStarted,
    SyncFileNotPresent,
    SyncSucceeded,
    SyncFailed,
    RedundancyLost,
    SwitchoverStarted,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverRefused,
)


class TimelineFact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact, in the words of the log; ``after_ms`` is the time since the one before it (none for the first)."""

    position: int
    chassis: str
    type: str
    severity: LogSeverity
    occurred_at: datetime
    recorded_at: datetime
    after_ms: int | None
    sentence: str
    correlation: str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to ``subject``, in the order in which it happened (``occurred_at``, then position)."""

    subject: str
    facts: tuple[TimelineFact, ...]


def of_chassis(chassis: str, facts: Iterable[Recorded], *, begin: Moment | None, end: Moment | None) -> Timeline:
    """Everything that happened to a chassis from ``begin`` to ``end``, both included; none is no bound."""
    return _timeline(f"chassis {chassis}", facts, begin, end)


def of_card(
    chassis: str, facts: Iterable[Recorded], slot: Slot, *, begin: Moment | None, end: Moment | None
) -> Timeline:
    """What speaks of one card of a chassis: attempts from and to it, its alarms, its flashes, switchovers."""
    mine = (one for one in facts if speaks_of(one.chassis, one.fact, slot))
    return _timeline(f"card {slot} of chassis {chassis}", mine, begin, end)


def of_alarm(
    chassis: str, facts: Iterable[Recorded], words: str, *, begin: Moment | None, end: Moment | None
) -> Timeline:
    """All lives of one alarm, with what led to each sighting and what proved each clear.

    Raises:
        NotInRecordError: ``words`` fit no alarm, or several; see ``asking.find_alarm``.
    """
    causality = Causality(facts)
    alarm = find_alarm(chassis, causality, words).alarm
    wanted: dict[int, Recorded] = {}
    for life in causality.lives(alarm):
        for one in life.facts():
            wanted[one.version] = one
            wanted |= {above.version: above for above in causality.above(one)}
    return _timeline(f"alarm {named(alarm)}", wanted.values(), begin, end)


def of_operator(operator: str, facts: Iterable[Recorded], *, begin: Moment | None, end: Moment | None) -> Timeline:
    """What an operator did, on every chassis of ``facts`` and to the record itself."""
    mine = (one for one in facts if operator_of(one.fact) == operator)
    return _timeline(f"operator {operator}", mine, begin, end)


def operator_of(fact: Fact) -> str | None:
    """Who did it, as far as the fact says so."""
    operator = getattr(fact, "operator", None)
    return operator if isinstance(operator, str) else None


def speaks_of(chassis: str, fact: Fact, slot: Slot) -> bool:
    """Whether a fact is about the card in ``slot``, or about both cards."""
    if isinstance(fact, AlarmFact):
        card = card_resource(chassis, slot)
        return fact.alarm.resource == card or fact.alarm.resource.startswith(f"{card}/")
    # An attempt and a switchover go from one card to the other.
    return isinstance(fact, _OF_BOTH) or getattr(fact, "slot", None) is slot


def _timeline(subject: str, facts: Iterable[Recorded], begin: Moment | None, end: Moment | None) -> Timeline:
    chosen = sorted((one for one in facts if _within(one, begin, end)), key=_when)
    return Timeline(subject=subject, facts=tuple(_lines(chosen)))


def _when(one: Recorded) -> tuple[datetime, int]:
    return one.occurred_at, one.position


def _within(one: Recorded, begin: Moment | None, end: Moment | None) -> bool:
    return (begin is None or _reaches(one, begin) >= 0) and (end is None or _reaches(one, end) <= 0)


def _reaches(one: Recorded, moment: Moment) -> float:
    if isinstance(moment, datetime):
        return (one.occurred_at - moment).total_seconds()
    return one.position - moment


def _lines(facts: list[Recorded]) -> Iterator[TimelineFact]:
    before: datetime | None = None
    for one in facts:
        said = entry(one)
        yield TimelineFact(
            position=one.position,
            chassis=one.chassis,
            type=one.fact.TYPE,
            severity=said.severity,
            occurred_at=said.time,
            recorded_at=said.recorded_at,
            after_ms=None if before is None else milliseconds(one.occurred_at - before),
            sentence=said.message,
            correlation=one.correlation,
        )
        before = one.occurred_at
