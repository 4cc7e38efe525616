"""Folds one chassis on from what is kept of it, and says what is to be kept of the facts since."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import reduce
from itertools import islice

from audit.snapshots.facts import guard_of, read_facts
from audit.snapshots.late_order import LateOrder, Ordered
from audit.snapshots.states import (
    ALARMS,
    CHUNK,
    EVERY,
    HISTORY,
    NUMBERS,
    REDUNDANCY,
    TALLIES,
    States,
    joined,
    split,
    to_micros,
    to_moment,
)
from audit.snapshots.store import Kept, KeptChunk, KeptLate, Made, Snapshots
from events.envelope import Recorded
from events.store import Record
from events.store.record import READ_AT_ONCE
from projections import alarm_list, redundancy, sync_history, tallies

WINDOWS_OF = 20
"""Facts that are held in memory at once: so many times those from one snapshot to the next."""

PARTS = 20
"""So many times, from one snapshot to the next, both orders are compared where a fact came late."""


def unpacked(kept: Kept, snapshots: Snapshots) -> States:
    """The states of all folds that a snapshot keeps."""
    numbers = NUMBERS.unpack(kept.chunks)
    chunks = tuple(CHUNK.unpack(one) for one in snapshots.chunks(kept.chassis, numbers))
    history = joined(HISTORY.unpack(kept.history), chunks)
    return States(REDUNDANCY.unpack(kept.redundancy), ALARMS.unpack(kept.alarms), history, TALLIES.unpack(kept.tallies))


def fold(state: States, facts: Sequence[Recorded]) -> States:
    """What each fold says after these facts; none is shown to a fold that does not read it."""
    return States(
        redundancy.evolve_all(state.redundancy, facts),
        reduce(alarm_list.evolve, _read_by(alarm_list.HANDLED, facts), state.alarms),
        reduce(sync_history.evolve, _read_by(sync_history.HANDLED, facts), state.history),
        reduce(tallies.evolve, _read_by(tallies.HANDLED, facts), state.tallies),
    )


def _read_by(handled: frozenset[type], facts: Sequence[Recorded]) -> list[Recorded]:
    return [one for one in facts if type(one.fact) in handled]


class Folding:
    """One chassis, from its newest snapshot on; ``until`` is the last position that counts."""

    def __init__(self, record: Record, chassis: str, snapshots: Snapshots | None, until: int) -> None:
        self._record = record
        self._chassis = chassis
        self._until = until
        self._every = EVERY if snapshots is None else snapshots.every
        self._states, self._version, self._latest = States(), 0, datetime.min.replace(tzinfo=UTC)
        newest = None if snapshots is None else snapshots.newest(chassis)
        if snapshots is not None and newest is not None:
            self._states = unpacked(newest, snapshots)
            self._version, self._latest = newest.version, to_moment(newest.latest)
        self._chunks: set[int] = set()
        self._order = LateOrder(record, chassis, snapshots)

    def windows(self) -> Iterator[Made]:
        """What is to be kept, window by window, up to the newest fact."""
        facts = read_facts(self._record, self._chassis, after=self._version, at_once=READ_AT_ONCE)
        last = False
        while not last:
            window = list(islice(facts, WINDOWS_OF * self._every))
            last = len(window) < WINDOWS_OF * self._every
            while window and window[-1].position > self._until:
                window.pop()
                last = True
            if self._chassis in self._record.missing:
                return  # whoever reads on from what is kept of it would not see that something is missing
            if window:
                yield self._fold(window, last=last)

    def _fold(self, window: Sequence[Recorded], *, last: bool) -> Made:
        snapshots: list[Kept] = []
        chunks: list[KeptChunk] = []
        late: list[KeptLate] = []
        for part in _parts(window, self._every):
            found = self._late(part)
            late += found
            self._order.note(found)
            self._states = fold(self._states, part)
            self._version = part[-1].version
            if self._version % self._every == 0 or (last and part[-1] is window[-1]):
                kept, more = self._kept(part[-1])
                snapshots.append(kept)
                chunks += more
            self._order.offer(self._ordered(part[-1]))
        happened, undone = self._order.fold(window)
        return Made(self._chassis, len(window), snapshots, chunks, happened, late, undone)

    def _late(self, part: Sequence[Recorded]) -> list[KeptLate]:
        latest, found = self._latest, list[KeptLate]()
        for one in part:
            if one.occurred_at < latest:
                times = to_micros(one.occurred_at), to_micros(one.recorded_at)
                found.append(KeptLate(self._chassis, one.version, one.position, *times))
            else:
                latest = one.occurred_at
        self._latest = latest
        return found

    def _kept(self, last: Recorded) -> tuple[Kept, list[KeptChunk]]:
        history, chunks = split(self._states.history)
        fresh = [
            KeptChunk(self._chassis, chunk.number, CHUNK.pack(chunk.attempts))
            for chunk in chunks
            if chunk.number not in self._chunks
        ]
        self._chunks = {chunk.number for chunk in chunks}
        kept = Kept(
            chassis=self._chassis,
            version=last.version,
            position=last.position,
            recorded_at=to_micros(last.recorded_at),
            latest=to_micros(self._latest),
            guard=guard_of(last),
            redundancy=REDUNDANCY.pack(self._states.redundancy),
            alarms=ALARMS.pack(self._states.alarms),
            tallies=TALLIES.pack(self._states.tallies),
            history=HISTORY.pack(history),
            chunks=NUMBERS.pack(tuple(chunk.number for chunk in chunks)),
        )
        return kept, fresh

    def _ordered(self, last: Recorded) -> Ordered:
        times = to_micros(last.recorded_at), to_micros(self._latest)
        return Ordered(last.version, last.position, *times, self._states.redundancy, self._states.alarms)


def _parts(window: Sequence[Recorded], every: int) -> Iterator[Sequence[Recorded]]:
    """Facts in parts of which none has facts from both before and after a place where a snapshot is due."""
    done, size = 0, max(1, every // PARTS)
    while done < len(window):
        until_due = every - (window[done].version - 1) % every
        part = window[done : done + min(size, until_due)]
        yield part
        done += len(part)
