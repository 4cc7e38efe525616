"""Facts of one chassis from the record, as few at once as an answer needs."""

import hashlib
from collections.abc import Iterator
from typing import Any

from events.codec import decode, encode
from events.envelope import Recorded
from events.facts import FACTS
from events.store import Record

AT_ONCE = 300
"""Facts that are read first: an answer needs fewer than ``EVERY``, and mostly half as many."""
MOST_AT_ONCE = 5000


def read_facts(
    record: Record, chassis: str, *, after: int = 0, at_once: int = AT_ONCE, only: frozenset[type] | None = None
) -> Iterator[Recorded]:
    """The facts of a chassis after a version, in order; those of ``only`` some kinds if that is given.

    Where a part of the record has moved out of its store, the record itself reads all.
    """
    handled = None if only is None else {name for name, kind in FACTS.items() if kind not in only}
    while True:
        stored: Any = record.recorder.select_events(chassis, gt=after, limit=at_once)
        if stored and stored[0].originator_version != after + 1:
            yield from record.read_chassis(chassis, after_version=after)
            return
        for one in stored:
            if handled is None or one.topic not in handled:
                yield decode(one.topic, one.state, chassis=chassis, version=one.originator_version, position=one.id)
        if len(stored) < at_once:
            return
        after, at_once = stored[-1].originator_version, min(4 * at_once, MOST_AT_ONCE)


def read_fact(record: Record, chassis: str, version: int) -> Recorded | None:
    """One fact of a chassis; none if the stream ends before it."""
    return next(read_facts(record, chassis, after=version - 1, at_once=1), None)


def guard_of(recorded: Recorded) -> bytes:
    """A digest by which a snapshot knows the fact that it ends with."""
    name, state = encode(recorded)
    return hashlib.sha256(b"%d %d %s %s" % (recorded.position, recorded.version, name.encode(), state)).digest()[:16]
