"""What is to be published next: facts of the record and what they change on the alarm list, in bounded batches.

At most two batches are in memory: the one that Kafka writes, and the next one. Both are kept until they are known to be
committed, so that after a failure nothing is folded again.
"""

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from time import monotonic
from typing import NamedTuple

from consumers.cloudevents import Message, alarm_message, fact_message
from consumers.kafka.topics import TopicNames
from events.codec import decode
from events.envelope import Recorded
from events.errors import RecordUnreadableError
from events.store import Record
from events.upcasts import names_read_as
from projections.alarm_changes import AlarmChanges, AlarmLeft
from projections.alarm_list import HANDLED

FACTS_AT_MOST = 1000
BYTES_AT_MOST = 4 * 1024 * 1024
"""Of values; one fact may be larger, and then makes a batch of its own."""
FIRST_READ = 50
FOLD_AT_ONCE = 5000
NOWHERE = -1
SAY_AFTER_SECONDS = 5.0
ALARM_NAMES = tuple(sorted(name for fact in HANDLED for name in names_read_as(fact.TYPE)))  # type: ignore[attr-defined] # facts have one

_log = logging.getLogger(__name__)
Row = tuple[int, str, int, str, bytes]


class FactsLostError(Exception):
    """The record has not got a fact any more that was published, or is about to be."""


class Batch(NamedTuple):
    """The facts after one position up to another, as messages with their topics.

    ``oldest`` is when the first of them was recorded, in Unix time.
    """

    after: int
    position: int
    messages: list[tuple[str, Message]]
    oldest: float


class Outbox:
    """The record from a position on, as batches."""

    def __init__(self, record: Record, names: TopicNames) -> None:
        self._record = record
        self._names = names
        self._pending: deque[Batch] = deque()
        self._changes = AlarmChanges()
        self._folded = 0
        self._last: list[Row] = []
        self._alarms_after = 0
        self._read_at_once = FIRST_READ

    def identity(self) -> str | None:
        """Identifies the record by its first fact; none where it has none yet."""
        first = self._select(0, 1)
        return blake2b(repr(first[0]).encode(), digest_size=16).hexdigest() if first else None

    def head(self) -> int:
        """The position of the newest fact."""
        return self._record.head()

    def begin(self, position: int, *, alarms: int) -> None:
        """Goes on after ``position``, and with changes of alarms after ``alarms``.

        What is in memory already is not folded again, as long as the record still has it.
        """
        known = self._alarms_after == alarms or (self._alarms_after <= position and alarms <= position)
        while self._pending and self._pending[0].position <= position:
            self._pending.popleft()
        begun = self._pending[0].after if self._pending else self._folded
        self._alarms_after = alarms
        if begun != position or not known or (self._pending and self._row(self._folded) != self._last):
            self._pending.clear()
            self._fold(position)

    def _fold(self, position: int) -> None:
        """The alarm list at a position; of the facts before it only those that change one are read."""
        self._changes, after, said = AlarmChanges(), 0, monotonic()
        while True:
            rows = self._record.recorder.select_rows(after=after, limit=FOLD_AT_ONCE, stop=position, topics=ALARM_NAMES)
            for row in rows:
                self._changes.apply(_recorded(row))
            if len(rows) < FOLD_AT_ONCE:
                break
            after = rows[-1][0]
            if monotonic() - said > SAY_AFTER_SECONDS:
                said = monotonic()
                _log.info("reading the alarm list back: at position %d of %d", after, position)
        self._folded, self._last = position, self._row(position)

    def next(self) -> Batch | None:
        """The batch that is to be published now; none where all is published. It stays until it is ``done``."""
        if not self._pending:
            self._prepare()
        return self._pending[0] if self._pending else None

    def prepare(self) -> None:
        """Makes the batch after the present one ready, while that one is under way."""
        if len(self._pending) == 1:
            self._prepare()

    def done(self) -> None:
        """The present batch is committed."""
        self._pending.popleft()

    def oldest_ready(self) -> float | None:
        """When the first fact of the batch that is ready was recorded, in Unix time; none where none is."""
        return self._pending[0].oldest if self._pending else None

    def _prepare(self) -> None:
        rows = self._new_rows(self._read_at_once)
        if not rows:
            return
        if rows[-1][0] != self._folded + len(rows):
            raise RecordUnreadableError(f"a position after {self._folded} is missing in the record")
        # Not more than fits: a fact that names ten thousand files has megabytes.
        largest = max(len(row[4]) for row in rows)
        self._read_at_once = max(1, min(FACTS_AT_MOST, 2 * self._read_at_once, BYTES_AT_MOST // largest))
        try:
            self._pending.append(self._batch(rows))
        except BaseException:
            # Folded in part: only what is folded from the beginning is known to be right.
            self._pending.clear()
            self._folded = NOWHERE
            raise

    def _new_rows(self, limit: int) -> list[Row]:
        """The rows after the last one that was read, which must still be there: a stand-by may have come too late."""
        known = len(self._last)
        rows = self._select(self._folded - known, known + limit)
        if rows[:known] != self._last:
            raise FactsLostError(f"position {self._folded} of the record holds another fact than before, or none")
        return rows[known:]

    def _batch(self, rows: list[Row]) -> Batch:
        after, size, oldest = self._folded, 0, 0.0
        messages: list[tuple[str, Message]] = []
        for row in rows:
            recorded = _recorded(row)
            oldest = oldest or recorded.recorded_at.timestamp()
            messages.append((self._names.events, fact_message(recorded, row[3:])))
            size += len(row[4])
            for message in self._alarms_of(recorded):
                messages.append((self._names.alarms, message))
                size += len(message.value or b"")
            self._folded, self._last = recorded.position, [row]
            if size >= BYTES_AT_MOST:
                break
        return Batch(after, self._folded, messages, oldest)

    def _alarms_of(self, recorded: Recorded) -> list[Message]:
        changes = self._changes.apply(recorded)
        if recorded.position <= self._alarms_after:
            return []
        return [alarm_message(identity, change, recorded) for identity, change in changes]

    def mend(self, kept: Mapping[str, int], *, position: int) -> Iterator[tuple[str, Message]]:
        """The messages that make a topic of alarms, which has these identities at these positions, the present list.

        What batches in memory are to change anyway is left to them.
        """
        batched = {
            message.key.decode()
            for batch in self._pending
            for topic, message in batch.messages
            if topic == self._names.alarms
        }
        states = [state for state in self._changes.snapshot() if state[0] not in batched]
        at = self._record_at(max(1, position))
        for name in sorted(kept.keys() - batched - {identity for identity, _ in states}):
            chassis = name.partition(" ")[0].partition("/")[0]
            left = AlarmLeft(chassis=chassis, position=at.position, identity=name)
            yield self._names.alarms, alarm_message(name, left, at)
        for identity, state in states:
            if kept.get(identity) != state.position:
                yield self._names.alarms, alarm_message(identity, state, self._record_at(state.position))

    def first_event(self) -> Message:
        """The message of the first fact."""
        (row,) = self._select(0, 1)
        return fact_message(_recorded(row), row[3:])

    def holds(self, position: int, document: bytes | None) -> bool:
        """Whether the record has this document at this position."""
        return [row[4] for row in self._select(position - 1, 1)] == [document]

    def ends(self, until: int) -> dict[str, int]:
        """The last position of each chassis that is at most ``until``; 0 where it has none."""
        return {chassis: self._end(chassis, until) for chassis in self._record.recorder.select_streams()}

    def _end(self, chassis: str, until: int) -> int:
        """The newest facts may lie after ``until``, and are not published yet: so more and more are asked for."""
        limit = 1
        while True:
            newest = self._record.recorder.select_stream(chassis, desc=True, limit=limit)
            for position, *_ in newest:
                if position <= until:
                    return position
            if len(newest) < limit:
                return 0
            limit *= 8

    def positions(self, after: int, until: int) -> Iterator[tuple[int, str]]:
        """The positions after one, at most ``until``, each with its chassis."""
        while rows := self._record.recorder.select_rows(after=after, limit=FOLD_AT_ONCE, stop=until):
            yield from (row[:2] for row in rows)
            after = rows[-1][0]

    def oldest_after(self, position: int) -> float | None:
        """When the first fact after a position was recorded, in Unix time; none where there is none."""
        rows = self._select(position, 1)
        return _recorded(rows[0]).recorded_at.timestamp() if rows else None

    def _record_at(self, position: int) -> Recorded:
        return _recorded(self._row(position)[0])

    def _row(self, position: int) -> list[Row]:
        """That at a position; none where there is none."""
        return self._select(position - 1, 1) if position else []

    def _select(self, after: int, limit: int) -> list[Row]:
        return self._record.recorder.select_rows(after=after, limit=limit)


def _recorded(row: Row) -> Recorded:
    position, chassis, version, name, document = row
    return decode(name, document, chassis=chassis, version=version, position=position)
