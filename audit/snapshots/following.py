"""Keeps the snapshots up with the record."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from audit.snapshots.facts import guard_of, read_fact
from audit.snapshots.folding import Folding
from audit.snapshots.store import UNUSABLE, Made, Snapshots, open_snapshots
from audit.snapshots.telling import Progress, silently
from events.store import Record

AT_ONCE = 10_000
"""Facts whose snapshots are kept in one transaction."""
FEW = 20_000
"""So many new facts are looked through for the chassis that they are of; of more, every chassis is looked at."""


def catch_up(record: Record, snapshots: Snapshots, progress: Progress = silently) -> int:
    """Makes the snapshots of what was recorded since the last time, in this process; returns the position reached.

    May be interrupted at any time, and done by several processes at once: what is kept is right, and goes on later.

    Raises:
        sqlite3.Error, PersistenceError: the file cannot be written.
    """
    goal, tracked = record.head(), snapshots.tracked()
    done = kept = 0
    waiting: list[Made] = []
    for chassis in _changed(record, tracked, goal):
        _doubt(record, snapshots, chassis)
        for made in Folding(record, chassis, snapshots, goal).windows():
            waiting.append(made)
            done += made.facts
            progress(min(done, goal - tracked), goal - tracked)
            if done - kept >= AT_ONCE:
                snapshots.keep(waiting)
                kept = done
                waiting.clear()
    snapshots.keep(waiting, tracked=goal)
    return goal


def catch_up_chassis(record: Record, path: Path, chassis: str) -> bool:
    """Makes the snapshots of one chassis at ``path``, if it can be written; says whether it could.

    For whoever has just waited for an answer: the next one need not.
    """
    try:
        snapshots = open_snapshots(path, record, write=True)
        if snapshots is None:
            return False
        with closing(snapshots):
            _doubt(record, snapshots, chassis)
            for made in Folding(record, chassis, snapshots, record.head()).windows():
                snapshots.keep([made])
    except UNUSABLE:
        return False
    return True


def is_of(record: Record, snapshots: Snapshots, chassis: str) -> bool:
    """Whether the record has the very fact that the newest snapshot of a chassis ends with."""
    newest = snapshots.newest(chassis)
    if newest is None:
        return False
    fact = read_fact(record, chassis, newest.version)
    return fact is not None and guard_of(fact) == newest.guard


def _doubt(record: Record, snapshots: Snapshots, chassis: str) -> None:
    if snapshots.newest(chassis) is not None and not is_of(record, snapshots, chassis):
        snapshots.forget(chassis)


def _changed(record: Record, tracked: int, goal: int) -> Iterable[str]:
    known = record.chassis()
    if goal - tracked > FEW or goal < tracked:
        return known
    changed = {row[1] for row in record.recorder.select_rows(after=tracked, limit=None, stop=goal)}
    return [chassis for chassis in known if chassis in changed]
