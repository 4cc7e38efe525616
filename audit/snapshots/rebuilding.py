"""Makes all snapshots anew, from position 1, sharing the chassis over processes."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from audit.snapshots.folding import Folding
from audit.snapshots.following import catch_up
from audit.snapshots.sharing import Desk, Share, cores, shared
from audit.snapshots.store import Made, open_snapshots
from audit.snapshots.telling import Progress, silently
from events.errors import UnderstudyError
from events.store import Record
from events.store.place import Place

ALONE = 50_000
"""Up to so many facts, one process is done before others have begun."""
_FACTS_AT_ONCE = 50_000
"""Facts whose snapshots are kept in one transaction."""


class SnapshotsUnwritableError(UnderstudyError):
    """Snapshots are to be made where none can be written."""


def rebuild(place: Place, path: Path, progress: Progress = silently, *, processes: int | None = None) -> int:
    """Makes all snapshots of the record at ``place`` anew, in the file ``path``; returns how many facts they cover.

    Raises:
        SnapshotsUnwritableError: the file cannot be written.
        UnderstudyError: the record cannot be read.
    """
    with closing(Record(place, lambda: datetime.now(UTC), create=False)) as record:
        try:
            forget(path)
            snapshots = open_snapshots(path, record, write=True)
        except OSError as error:
            raise SnapshotsUnwritableError(f"{path} cannot be made: {error.strerror}; see --home.") from error
        if snapshots is None:
            raise SnapshotsUnwritableError(f"{path} cannot be made; is its folder there, and may you write to it?")
        with closing(snapshots):
            goal, count = record.head(), cores() if processes is None else processes
            if goal <= ALONE or count == 1:
                return catch_up(record, snapshots, progress)
            waiting: list[Made] = []
            for parts in shared(Share(place, path, record.chassis(), goal), _fold, progress, count):
                waiting += parts
                if sum(one.facts for one in waiting) >= _FACTS_AT_ONCE:
                    snapshots.keep(waiting)
                    waiting.clear()
            snapshots.keep(waiting, tracked=goal)
            progress(goal, goal)
            return goal


def forget(path: Path) -> None:
    """Takes the snapshots away; whoever reads them at this moment keeps what it has."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _fold(desk: Desk, chassis: str, goal: int) -> list[Made]:
    made: list[Made] = []
    # Nothing is kept yet that one could go on from.
    for one in Folding(desk.record, chassis, None, goal).windows():
        desk.tell(one.facts)
        made.append(one)
    return made
