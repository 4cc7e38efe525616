"""Is what the folds say, from the snapshots on, what they say from position 1 on? By a digest over all their states."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from audit.snapshots.comparing import Passing, digest_of
from audit.snapshots.facts import read_facts
from audit.snapshots.folding import fold
from audit.snapshots.past import Past, parts_of
from audit.snapshots.rebuilding import ALONE
from audit.snapshots.sharing import Desk, Share, cores, shared
from audit.snapshots.states import States
from audit.snapshots.store import UNUSABLE, Snapshots, open_snapshots
from audit.snapshots.telling import Progress, silently
from events.store import Record
from events.store.place import Place
from events.store.record import READ_AT_ONCE


class Difference(NamedTuple):
    """The first chassis, by name, and the first fold of it that differ."""

    chassis: str
    fold: str


class RebuildVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild from position 1 to ``position`` came to, and what is live; both digests in hexadecimal.

    ``snapshots`` counts the chassis of which a snapshot was used: without any, both are the same fold.
    """

    position: int
    chassis: int
    snapshots: int
    rebuilt: str
    live: str
    differs: Difference | None

    @property
    def agrees(self) -> bool:
        """Whether they are the same."""
        return self.differs is None


class Digests(NamedTuple):
    """The digest of each fold of one chassis, from position 1 and as live."""

    chassis: str
    rebuilt: tuple[str, ...]
    live: tuple[str, ...]
    from_snapshot: bool
    older: str = ""
    """What is kept otherwise first, of all that is."""


def digests_of(states: States) -> tuple[str, ...]:
    """A digest of what each fold says, in hexadecimal, in the order of ``States``; equal states have equal ones."""
    return tuple(map(digest_of, states))


def rebuild_verdict(
    record: Record,
    snapshots: Path,
    progress: Progress = silently,
    *,
    place: Place | None = None,
    processes: int | None = None,
) -> RebuildVerdict:
    """Folds everything from position 1 and compares it with what the snapshots at ``snapshots`` lead to.

    Shared over processes where ``place`` says where they find the record. The record may grow meanwhile.

    Raises:
        EventDecodeError: a fact cannot be read.
    """
    goal, chassis = record.head(), record.chassis()
    count = cores() if processes is None else processes
    if place is None or count == 1 or goal <= ALONE:
        found = _alone(record, snapshots, goal, progress)
    else:
        found = list(shared(Share(place, snapshots, chassis, goal), compare, progress, count))
    progress(goal, goal)
    return _verdict(goal, sorted(found))


def compare(desk: Desk, chassis: str, goal: int) -> Digests:
    """Both digests of one chassis, and whether all that is kept of it was passed as it is."""
    past = Past(desk.record, desk.snapshots)
    passing = _passing(desk, chassis) if past.nearest(chassis) is not None else None
    used = past.nearest(chassis, position=goal) is not None
    live = past.known(chassis, goal).states
    states = States()
    for part in parts_of(read_facts(desk.record, chassis, at_once=READ_AT_ONCE)):
        within = part if part[-1].position <= goal else [one for one in part if one.position <= goal]
        for piece in passing.pieces(within) if passing else [within]:
            states = fold(states, piece)
            if passing and piece:
                passing.take(piece, states)
        desk.tell(len(within))
        if len(within) < len(part):
            break
    return Digests(chassis, digests_of(states), digests_of(live), used, passing.end() if passing else "")


def _passing(desk: Desk, chassis: str) -> Passing | None:
    try:
        return None if desk.snapshots is None else Passing(desk.snapshots, chassis)
    except UNUSABLE:
        return None  # nobody is answered by it either


def _alone(record: Record, path: Path, goal: int, progress: Progress) -> list[Digests]:
    done = 0

    def tell(facts: int) -> None:
        nonlocal done
        done += facts
        progress(min(done, goal), goal)

    snapshots: Snapshots | None = open_snapshots(path, record)
    try:
        return [compare(Desk(record, snapshots, tell), name, goal) for name in record.chassis()]
    finally:
        if snapshots is not None:
            snapshots.close()


def _verdict(goal: int, found: list[Digests]) -> RebuildVerdict:
    rebuilt, live = hashlib.sha256(), hashlib.sha256()
    differs: Difference | None = None
    for one in found:
        rebuilt.update(_line(one.chassis, one.rebuilt))
        live.update(_line(one.chassis, one.live))
        if differs is None and one.rebuilt != one.live:
            pairs: Any = zip(States._fields, one.rebuilt, one.live, strict=True)
            differs = Difference(one.chassis, next(name for name, this, that in pairs if this != that))
        elif differs is None and one.older:
            differs = Difference(one.chassis, one.older)
    return RebuildVerdict(
        position=goal,
        chassis=len(found),
        snapshots=sum(one.from_snapshot for one in found),
        rebuilt=rebuilt.hexdigest(),
        live=live.hexdigest(),
        differs=differs,
    )


def _line(chassis: str, digests: tuple[str, ...]) -> bytes:
    return f"{chassis} {' '.join(digests)}\n".encode()
