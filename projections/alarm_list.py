"""Which alarms stand, since when, why, and what made each one go away?

One state per chassis. An alarm is the state of a resource (RFC 8632, section 3), so raise, repeat, clear and re-raise
all update the one entry of its identity. ``projections.alarm_views`` shows what is folded here.
"""

from datetime import datetime
from typing import Any, assert_never, cast, get_args

import msgspec
from msgspec.structs import replace

from events.alarm_types import card_resource
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
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    Slot,
)
from projections.alarm_entries import (
    Alarm,
    OperatorState,
    OperatorStateChange,
    created,
    operated,
    raised,
    restated,
    updated,
)

MAX_CLEARED = 500
"""Cleared entries that a list keeps, the newest ones (SR OS, default of ``max-cleared``)."""

CardFact = CardInserted | CardRemoved | CardFailed | CardRecovered

HANDLED: frozenset[type] = frozenset(get_args(AlarmFact | CardFact))
"""The facts that this fold reads; every other one leaves the state as it is."""

_CARD_FACTS: frozenset[type] = frozenset(get_args(CardFact))


class Shelf(msgspec.Struct, frozen=True, gc=False):
    """Who shelved an alarm, when and why. It holds until it is taken away, also while the alarm is purged."""

    time: datetime
    position: int
    operator: str
    text: str


class AlarmList(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The alarms of one chassis by identity, and what decides which view shows them.

    ``removed`` lists the slots whose card was removed, ``in_service`` those whose card serves; ``last_index`` is the
    number of raises so far.
    """

    chassis: str = ""
    alarms: dict[str, Alarm] = {}
    shelves: dict[str, Shelf] = {}
    removed: tuple[Slot, ...] = ()
    in_service: tuple[Slot, ...] = ()
    last_index: int = 0
    last_changed: datetime | None = None


EMPTY = AlarmList()


def identity(key: AlarmKey) -> str:
    """The identity of an alarm as one text; no type and no qualifier has a space, so it is unambiguous."""
    return f"{key.resource} {key.alarm_type} {key.qualifier}"


def evolve(state: AlarmList, recorded: Recorded) -> AlarmList:
    """The list after ``recorded``, which is the next fact of the chassis.

    A repeat, a clear or an operator's act on an alarm that is not on the list changes nothing: decisions record none,
    except the one that takes away the shelf of a purged alarm.
    """
    kind = type(recorded.fact)
    if kind not in HANDLED:
        return state
    if kind in _CARD_FACTS:
        return _with_card(state, recorded, cast("CardFact", recorded.fact))
    return _with_alarm(state, recorded, cast("AlarmFact", recorded.fact))


def _with_alarm(state: AlarmList, recorded: Recorded, fact: AlarmFact) -> AlarmList:
    name = identity(fact.alarm)
    known = state.alarms.get(name)
    match fact:
        case AlarmRaised():
            return _with_raise(state, recorded, fact, name)
        case (
            AlarmRepeated()
            | AlarmCleared()
            | AlarmAcknowledged()
            | AlarmClosed()
            | AlarmCommented()
            | AlarmCompressed()
        ):
            pass
        case AlarmPurged():
            rest = {other: alarm for other, alarm in state.alarms.items() if other != name}
            return _changed(state, recorded, alarms=rest)
        case AlarmShelved():
            shelf = Shelf(recorded.occurred_at, recorded.position, fact.operator, fact.text)
            state = _changed(state, recorded, shelves={**state.shelves, name: shelf})
        case AlarmUnshelved():
            shelves = {other: shelf for other, shelf in state.shelves.items() if other != name}
            state = _changed(state, recorded, shelves=shelves)
        case _:
            assert_never(fact)
    if known is None:
        return state
    entry = updated(known, recorded, fact)
    return state if entry is known else _put(state, recorded, name, entry)


def _with_raise(state: AlarmList, recorded: Recorded, fact: AlarmRaised, name: str) -> AlarmList:
    known, index = state.alarms.get(name), state.last_index + 1
    if known is None:
        alarm = created(recorded, fact, slot=_slot(recorded.chassis, fact.alarm.resource), index=index)
        shelf = state.shelves.get(name)
        if shelf is not None:
            change = OperatorStateChange(
                recorded.occurred_at, recorded.position, shelf.operator, OperatorState.SHELVED, shelf.text
            )
            alarm = operated(alarm, change)
    elif known.is_cleared:
        alarm = raised(known, recorded, fact, index=index)
    else:
        # RFC 8632 reports another severity of an alarm that stands like a raise; it is no new alarm.
        alarm = restated(known, recorded, severity=fact.severity, text=fact.text, count=known.count)
        index = state.last_index
    return _put(state, recorded, name, alarm, last_index=index)


def _with_card(state: AlarmList, recorded: Recorded, fact: CardFact) -> AlarmList:
    removed = tuple(slot for slot in state.removed if slot is not fact.slot)
    in_service = tuple(slot for slot in state.in_service if slot is not fact.slot)
    match fact:
        case CardInserted() | CardRecovered():
            in_service = (*in_service, fact.slot)
        case CardRemoved():
            removed = (*removed, fact.slot)
        case CardFailed():
            pass
        case _:
            assert_never(fact)
    return _changed(state, recorded, removed=removed, in_service=in_service)


def _put(state: AlarmList, recorded: Recorded, name: str, alarm: Alarm, **changes: Any) -> AlarmList:
    alarms = {**state.alarms, name: alarm}
    if len(alarms) > MAX_CLEARED:
        alarms = _kept(alarms, state.shelves)
    return _changed(state, recorded, alarms=alarms, **changes)


def _kept(alarms: dict[str, Alarm], shelves: dict[str, Shelf]) -> dict[str, Alarm]:
    cleared = [
        (alarm.clearance.version, name)
        for name, alarm in alarms.items()
        if alarm.clearance is not None and name not in shelves
    ]
    dropped = {name for _, name in sorted(cleared)[:-MAX_CLEARED]}
    return {name: alarm for name, alarm in alarms.items() if name not in dropped}


def _changed(state: AlarmList, recorded: Recorded, **changes: Any) -> AlarmList:
    at, latest = recorded.occurred_at, state.last_changed
    if latest is not None and latest > at:
        at = latest
    return replace(state, chassis=recorded.chassis, last_changed=at, **changes)


def _slot(chassis: str, resource: str) -> Slot | None:
    for slot in Slot:
        card = card_resource(chassis, slot)
        if resource == card or resource.startswith(f"{card}/"):
            return slot
    return None
