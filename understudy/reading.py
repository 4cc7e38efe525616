"""Reading projections back from the record, now or as they were."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from audit.snapshots.following import catch_up_chassis
from audit.snapshots.past import Past
from audit.snapshots.store import FILE, open_snapshots
from events.store import Record
from projections.alarm_list import AlarmList
from projections.redundancy import Redundancy
from projections.replaying import Reached
from projections.sync_history import SyncHistory
from understudy.home import Home

PATIENCE = 3000
"""Facts of a chassis that an answer may need before snapshots are made of them."""


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


def snapshots_at(home: Home) -> Path:
    """Where the snapshots of an installation lie: beside its record, in its folder if the record is in a database."""
    return (home.place.parent if isinstance(home.place, Path) else home.folder) / FILE


@contextmanager
def reading_past(record: Record, chassis: str, snapshots: Path | None = None) -> Generator[Past]:
    """The past of a chassis, with the snapshots at a path: beside the record, if that is a file and none is given.

    Who has had to wait for many facts leaves snapshots behind, so that the next one need not.
    """
    path = snapshots or _beside(record)
    opened = None if path is None else open_snapshots(path, record)
    past = Past(record, opened)
    try:
        yield past
    finally:
        if opened is not None:
            opened.close()
    if path is not None and past.folded > PATIENCE:
        catch_up_chassis(record, path, chassis)


def standing(
    record: Record, chassis: str, moment: datetime | int | None = None, *, snapshots: Path | None = None
) -> Standing:
    """What every projection says of a chassis, at a moment if one is given, else now."""
    with reading_past(record, chassis, snapshots) as past:
        states, reached = past.known(chassis, moment)
    return Standing(states.redundancy, states.alarms, states.history, reached)


def alarm_list(record: Record, chassis: str, *, snapshots: Path | None = None) -> AlarmList:
    """The present alarm list of a chassis."""
    with reading_past(record, chassis, snapshots) as past:
        return past.alarms(chassis)


def _beside(record: Record) -> Path | None:
    # A database is named by a URL, and has no folder.
    return None if "://" in record.place else Path(record.place).with_name(FILE)
