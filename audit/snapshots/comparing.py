"""Compares everything that is kept of a chassis with what the folds say from position 1 on, as they pass it."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial, reduce
from hashlib import sha256
from typing import Any

import msgspec

from audit.snapshots.facts import guard_of
from audit.snapshots.late_order import Reach
from audit.snapshots.states import (
    ALARMS,
    CHUNK,
    HISTORY,
    NUMBERS,
    REDUNDANCY,
    TALLIES,
    Chunk,
    States,
    plain,
    split,
    to_micros,
)
from audit.snapshots.store import UNUSABLE, KeptLate, Snapshots
from events.envelope import Recorded
from projections import alarm_list, redundancy
from projections.as_of import in_order

_write = msgspec.msgpack.Encoder(order="deterministic").encode


def digest_of(state: object) -> str:
    """A digest of what a fold says, in hexadecimal; equal states have equal ones."""
    return sha256(_write(plain(state))).hexdigest()


class Passing:
    """One chassis, folded from position 1: ``differs`` is what is kept otherwise first, empty if nothing is.

    What cannot be unpacked is not looked at: nobody who asks gets it either, but what the record says.
    """

    def __init__(self, snapshots: Snapshots, chassis: str) -> None:
        """Raises one of ``UNUSABLE``."""
        self.differs = ""
        self._snapshots, self._chassis = snapshots, chassis
        self._kept = snapshots.versions(chassis)
        self._happened = snapshots.versions(chassis, happened=True)
        self._numbers = snapshots.numbers(chassis)
        self._late_kept = snapshots.late(chassis)
        self._reach = Reach(self._late_kept)
        self._stops = sorted({*self._kept, *self._happened})
        self._late: list[KeptLate] = []
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._chunks: set[int] = set()
        self._version = 0
        self._base = States()
        self._since: list[Recorded] = []
        """Facts after ``_base``, to be folded in the order of occurrence."""

    def pieces(self, part: Sequence[Recorded]) -> Iterator[Sequence[Recorded]]:
        """The same facts, in pieces of which none goes on beyond the version of something that is kept."""
        versions, done = [one.version for one in part], 0
        while done < len(part):
            stop = bisect_left(self._stops, versions[done])
            end = bisect_right(versions, self._stops[stop]) if stop < len(self._stops) else len(part)
            yield part[done:end]
            done = end

    def take(self, piece: Sequence[Recorded], states: States) -> None:
        """These facts were folded, and led to these states."""
        for one in piece:
            if one.occurred_at < self._latest:
                times = to_micros(one.occurred_at), to_micros(one.recorded_at)
                self._late.append(KeptLate(self._chassis, one.version, one.position, *times))
            else:
                self._latest = one.occurred_at
        last = piece[-1]
        self._version = last.version
        for kept, compare in ((self._kept, self._compare_kept), (self._happened, self._compare_happened)):
            if kept and kept[-1] >= last.version and compare == self._compare_happened:
                self._since += piece
            place = bisect_left(kept, last.version)
            if place < len(kept) and kept[place] == last.version:
                self._try(compare, last, states)
        if not self._late and self._reach.is_whole(last.version, to_micros(self._latest)):
            # Until something comes late, both orders are the same.
            self._base, self._since = states, []

    def end(self) -> str:
        """There are no more facts; returns ``differs``."""
        newest = max((one for one in self._kept if one <= self._version), default=0)
        due = [one for one in self._late if one.version <= newest]
        known = [one for one in self._late_kept if one.version <= newest]
        if due != known:
            self._say("late facts", newest)
        return self.differs

    def _try(self, compare: Callable[[Recorded, States], None], last: Recorded, states: States) -> None:
        if self.differs:
            return
        try:
            compare(last, states)
        except UNUSABLE:
            return  # see above: it is not what anybody is answered by

    def _compare_kept(self, last: Recorded, states: States) -> None:
        kept = self._snapshots.at_version(self._chassis, last.version)
        if kept is None or kept.version != last.version:
            return
        times = to_micros(last.recorded_at), to_micros(self._latest)
        if kept[2:6] != (last.position, *times, guard_of(last)):
            self._say("place", last.version)
        history, chunks = split(states.history)
        self._same("redundancy", last, states.redundancy, lambda: REDUNDANCY.unpack(kept.redundancy))
        self._same("alarms", last, states.alarms, lambda: ALARMS.unpack(kept.alarms))
        self._same("tallies", last, states.tallies, lambda: TALLIES.unpack(kept.tallies))
        self._same("history", last, history, lambda: HISTORY.unpack(kept.history))
        self._same("history", last, tuple(one.number for one in chunks), lambda: NUMBERS.unpack(kept.chunks))
        self._compare_chunks(last, chunks)

    def _compare_chunks(self, last: Recorded, chunks: Sequence[Chunk]) -> None:
        numbers = [one.number for one in chunks]
        if not numbers:
            return
        first, end = bisect_left(self._numbers, numbers[0]), bisect_right(self._numbers, numbers[-1])
        if self._numbers[first:end] != numbers:
            self._say("history", last.version)
            return
        for chunk in chunks:
            if chunk.number not in self._chunks:
                [attempts] = self._snapshots.chunks(self._chassis, (chunk.number,))
                self._same("history", last, chunk.attempts, partial(CHUNK.unpack, attempts))
        self._chunks = set(numbers)

    def _compare_happened(self, last: Recorded, states: States) -> None:
        between = in_order(self._since)
        self._base = states._replace(
            redundancy=redundancy.evolve_all(self._base.redundancy, between),
            alarms=reduce(alarm_list.evolve, between, self._base.alarms),
        )
        self._since = []
        kept = next(self._snapshots.happened(self._chassis, last.version))
        times = to_micros(last.recorded_at), to_micros(self._latest)
        if kept[2:5] != (last.position, *times):
            self._say("place in the order of occurrence", last.version)
        where = "in the order of occurrence"
        self._same(f"redundancy {where}", last, self._base.redundancy, lambda: REDUNDANCY.unpack(kept.redundancy))
        self._same(f"alarms {where}", last, self._base.alarms, lambda: ALARMS.unpack(kept.alarms))

    def _same(self, fold: str, last: Recorded, state: Any, unpack: Callable[[], Any]) -> None:
        if digest_of(state) != digest_of(unpack()):
            self._say(fold, last.version)

    def _say(self, fold: str, version: int) -> None:
        self.differs = self.differs or f"{fold} up to version {version}"
