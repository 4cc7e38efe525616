"""What was so at a moment: as it was known then, and as it truly was, late facts included?

The first axis goes by ``recorded_at`` (and takes facts in the order of the record), the second by ``occurred_at`` (and
takes them in the order in which they happened). A position, on either axis, means the facts up to that position.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from operator import attrgetter

import msgspec
from msgspec.structs import replace

from events.envelope import Recorded
from projections import alarm_list, redundancy
from projections.alarm_list import AlarmList
from projections.alarm_views import AlarmListing, listing
from projections.redundancy import Redundancy, RedundancyView, view

Moment = datetime | int
"""A time, or a position of the record; both include what they name."""


class Axis(StrEnum):
    """By which of its two times a fact counts."""

    KNOWN = "known"
    HAPPENED = "happened"


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One chassis after so many ``facts``; ``position`` and both times are the greatest among them."""

    redundancy: Redundancy = redundancy.EMPTY
    alarms: AlarmList = alarm_list.EMPTY
    facts: int = 0
    position: int = 0
    recorded_at: datetime | None = None
    occurred_at: datetime | None = None


class LateFact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that came late. ``known_then`` says whether it was in the record at the moment that is asked about.

    ``late_ms`` is how long after its ``occurred_at`` it was recorded; ``fact`` is its stored name.
    """

    position: int
    fact: str
    occurred_at: datetime
    recorded_at: datetime
    late_ms: int
    known_then: bool


class PictureView(msgspec.Struct, frozen=True, kw_only=True):
    """A picture as it is shown: the redundancy with its cards, and the alarm list with its operator states."""

    chassis: str
    facts: int
    position: int
    recorded_at: datetime | None
    occurred_at: datetime | None
    redundancy: RedundancyView
    alarms: AlarmListing


EMPTY = Picture()

_time = attrgetter("occurred_at")


def is_within(recorded: Recorded, moment: Moment | None, axis: Axis) -> bool:
    """Whether a fact counts at a moment; at none, every fact does."""
    if moment is None:
        return True
    if isinstance(moment, int):
        return recorded.position <= moment
    return (recorded.recorded_at if axis is Axis.KNOWN else recorded.occurred_at) <= moment


def in_order(facts: Iterable[Recorded]) -> list[Recorded]:
    """Facts in the order of occurrence, from that of the record, which those of one time keep."""
    return sorted(facts, key=_time)


def picture(facts: Iterable[Recorded], base: Picture = EMPTY) -> Picture:
    """What ``base`` becomes with these facts, in the given order."""
    state, alarms = base.redundancy, base.alarms
    count, position, recorded_at, occurred_at = base.facts, base.position, base.recorded_at, base.occurred_at
    for one in facts:
        state, alarms = redundancy.evolve(state, one), alarm_list.evolve(alarms, one)
        count += 1
        position = max(position, one.position)
        recorded_at = one.recorded_at if recorded_at is None else max(recorded_at, one.recorded_at)
        occurred_at = one.occurred_at if occurred_at is None else max(occurred_at, one.occurred_at)
    return Picture(
        redundancy=state,
        alarms=alarms,
        facts=count,
        position=position,
        recorded_at=recorded_at,
        occurred_at=occurred_at,
    )


def as_of(facts: Iterable[Recorded], moment: Moment | None, axis: Axis, base: Picture = EMPTY) -> Picture:
    """The picture at a moment, from ``base`` and the facts of one chassis after it, given in the order of the record.

    On the axis of what happened, none of them may have happened before any that ``base`` has.
    """
    within = [one for one in facts if is_within(one, moment, axis)]
    return picture(within if axis is Axis.KNOWN else in_order(within), base)


def show(state: Picture) -> PictureView:
    """A picture as it is shown."""
    alarms = listing(state.alarms)
    chassis = state.redundancy.chassis.chassis
    return PictureView(
        chassis=chassis,
        facts=state.facts,
        position=state.position,
        recorded_at=state.recorded_at,
        occurred_at=state.occurred_at,
        redundancy=view(state.redundancy),
        alarms=alarms if alarms.chassis else replace(alarms, chassis=chassis),
    )


def late(recorded: Recorded, moment: Moment | None) -> LateFact:
    """How a fact is named that came late."""
    return LateFact(
        position=recorded.position,
        fact=recorded.fact.TYPE,
        occurred_at=recorded.occurred_at,
        recorded_at=recorded.recorded_at,
        late_ms=round((recorded.recorded_at - recorded.occurred_at).total_seconds() * 1000),
        known_then=is_within(recorded, moment, Axis.KNOWN),
    )


def late_ones(facts: Sequence[Recorded], moment: Moment | None, reached: datetime | None = None) -> list[LateFact]:
    """Which of a chassis' facts make the two axes differ at a moment, in the order of the record.

    These are the facts that had happened by then and were recorded later, those that were recorded by then and had
    not happened (a clock that is ahead), and those that came after one which happened later. ``reached`` is the
    greatest ``occurred_at`` before the given facts.
    """
    found: list[LateFact] = []
    for one in facts:
        known, happened = is_within(one, moment, Axis.KNOWN), is_within(one, moment, Axis.HAPPENED)
        overtaken = reached is not None and one.occurred_at < reached
        if known is not happened or (known and overtaken):
            found.append(late(one, moment))
        reached = one.occurred_at if reached is None else max(reached, one.occurred_at)
    return found
