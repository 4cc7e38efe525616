"""Reading projections back from the record, now or as they were."""

from datetime import UTC, datetime
from typing import NamedTuple

import click

from events.store import Record
from projections import redundancy
from projections.alarm_list import AlarmList
from projections.redundancy import Redundancy
from projections.replaying import Fleet, Reached, alarm_lists, replay, sync_histories
from projections.sync_history import SyncHistory


class Standing(NamedTuple):
    """The projections of one chassis at one moment."""

    redundancy: Redundancy
    alarms: AlarmList
    history: SyncHistory
    reached: Reached


class Moment(click.ParamType[datetime | int]):
    """A position of the record, or a time; a time without a zone is one in UTC."""

    name = "TIME-or-POSITION"

    def convert(
        self, value: str | datetime | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | int:
        """The position or time that a text means."""
        if not isinstance(value, str):
            return value
        if value.isdigit():
            return int(value)
        try:
            # Also as the log and ``replay`` itself print it.
            moment = datetime.fromisoformat(value.replace("/", "-").removesuffix(" UTC"))
        except ValueError:
            self.fail(f"{value!r}: write a position such as 42, or a time such as 2026-05-01T02:13:00Z.", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def standing(record: Record, chassis: str, moment: datetime | int | None = None) -> Standing:
    """What every projection says of a chassis, at a moment if one is given, else now."""
    redundancies = Fleet(redundancy.EMPTY, redundancy.evolve)
    alarms, histories = alarm_lists(), sync_histories()
    reached = replay(
        record.read_chassis(chassis),
        (redundancies, alarms, histories),
        position=moment if isinstance(moment, int) else None,
        at=moment if isinstance(moment, datetime) else None,
    )
    return Standing(redundancies.of(chassis), alarms.of(chassis), histories.of(chassis), reached)


def alarm_list(record: Record, chassis: str) -> AlarmList:
    """The present alarm list of a chassis."""
    alarms = alarm_lists()
    replay(record.read_chassis(chassis), (alarms,))
    return alarms.of(chassis)
