"""Work on all chassis, shared over processes: each opens the record for itself and takes some chassis at a time."""

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from audit.snapshots.store import Snapshots, open_snapshots
from audit.snapshots.telling import Progress
from events.store import Record
from events.store.place import Place

T = TypeVar("T")

AT_ONCE = 4
"""Chassis that a process takes at a time."""
_LOOK_EVERY_SECONDS = 0.2
"""How often progress is told while nothing is finished."""


class Desk(NamedTuple):
    """What a process works with; ``tell`` is told how many more facts are done."""

    record: Record
    snapshots: Snapshots | None
    tell: Callable[[int], object]


Work = Callable[[Desk, str, int], T]
"""What is done for one chassis, up to a position; a function of a module, so that other processes find it."""


class Share(NamedTuple):
    """Work to be shared: on the record at ``place`` up to position ``goal``, with the snapshots at ``path``."""

    place: Place
    path: Path
    chassis: Sequence[str]
    goal: int


def cores() -> int:
    """How many processes may work at the same time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shared(share: Share, work: Work[T], progress: Progress, processes: int) -> Iterator[T]:
    """What ``work`` says of each chassis, as it comes; the facts that it counts are those of ``progress``."""
    # Not forked: a thread of ours may hold a lock at that moment.
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    pool = ProcessPoolExecutor(processes, context, _begin, (share.place, share.path, counter))
    try:
        parts = [share.chassis[first : first + AT_ONCE] for first in range(0, len(share.chassis), AT_ONCE)]
        pending: set[Future[list[T]]] = {pool.submit(_part, work, part, share.goal) for part in parts}
        while pending:
            done, pending = wait(pending, _LOOK_EVERY_SECONDS, FIRST_COMPLETED)
            progress(min(counter.value, share.goal), share.goal)
            for each in done:
                yield from each.result()
    finally:
        pool.shutdown(cancel_futures=True)


_desk: Desk


def _begin(place: Place, path: Path, counter: Any) -> None:
    global _desk  # noqa: PLW0603 - what a process of the pool keeps between two calls has no other place
    # Ctrl-C reaches every process of the terminal: the one that was asked ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # States and facts refer to no earlier ones of themselves: nothing waits for a collector but its own time.
    gc.disable()

    def count(facts: int) -> None:
        with counter.get_lock():
            counter.value += facts

    record = Record(place, lambda: datetime.now(UTC), create=False)
    _desk = Desk(record, open_snapshots(path, record), count)


def _part(work: Work[T], chassis: Sequence[str], goal: int) -> list[T]:
    found = [work(_desk, name, goal) for name in chassis]
    gc.collect()
    return found
