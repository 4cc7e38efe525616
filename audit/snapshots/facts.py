"""Facts of one chassis from the record, as few at once as an answer needs."""

import hashlib
from collections.abc import Iterator

from events.codec import decode, encode
from events.envelope import Recorded
from events.facts import FACTS
from events.store import Record

AT_ONCE = 300
"""Facts that are read first: an answer needs fewer than ``EVERY``, and mostly half as many."""


def read_facts(
    record: Record, chassis: str, *, after: int = 0, at_once: int = AT_ONCE, only: frozenset[type] | None = None
) -> Iterator[Recorded]:
    """The facts of a chassis after a version, in order; those of ``only`` some kinds if that is given."""
    handled = None if only is None else {name for name, kind in FACTS.items() if kind not in only}
    for rows in record.read_stream(chassis, after=after, at_once=at_once):
        for position, _, version, name, state in rows:
            if handled is None or name not in handled:
                yield decode(name, state, chassis=chassis, version=version, position=position)


def read_fact(record: Record, chassis: str, version: int) -> Recorded | None:
    """One fact of a chassis; none if the stream ends before it."""
    return next(read_facts(record, chassis, after=version - 1, at_once=1), None)


def guard_of(recorded: Recorded) -> bytes:
    """A digest by which a snapshot knows the fact that it ends with."""
    name, state = encode(recorded)
    return hashlib.sha256(b"%d %d %s %s" % (recorded.position, recorded.version, name.encode(), state)).digest()[:16]
