"""The record as the source of a subscription, for one reader, or for a group that remembers where it was."""

import logging
from hashlib import blake2b
from pathlib import Path
from threading import Event
from typing import Any

from eventsourcing.persistence import Subscription

from consumers.subscription.alarm_updates import AlarmUpdate, folded
from consumers.subscription.errors import SubscriptionError
from consumers.subscription.notices import Warn, beyond, known
from consumers.subscription.remembering import Handled, Memory
from consumers.subscription.stream import Batches, Entry, Marks, Stream, T
from events.codec import decode
from events.envelope import Recorded
from events.store import Record
from events.store.record import READ_AT_ONCE
from events.store.recorder import Row

_log = logging.getLogger(__name__)

AT_ONCE = 200
"""Facts in a batch while a reader catches up: a group remembers where it is once for each batch."""


class RecordSource:
    """The record, read by whoever asks; nothing is remembered. ``warn`` is told what else there is to say."""

    def __init__(self, record: Record, *, warn: Warn = _log.warning) -> None:
        self.record = record
        self.warn = warn

    def events(self, start: int | None, *, until_now: bool, memory: Memory | None = None) -> Stream[Recorded]:
        """Facts after position ``start``, new ones where it is none; ``until_now`` ends with those that are there.

        ``memory`` is told what was handled, until the stream closes it.
        """
        head = self.record.head()
        after = head if start is None else self._after(start, head)
        facts = _Facts(self.record, after, head if until_now else None)
        return facts.stream(facts.batches(), memory)

    def alarms(self, start: int | None, *, until_now: bool, memory: Memory | None = None) -> Stream[AlarmUpdate]:
        """What alarm changes there were after ``start``; the list, then new changes, where it is none."""
        head = self.record.head()
        after = None if start is None else self._after(start, head)
        facts = _Facts(self.record, 0, head if until_now else None)
        return facts.stream(folded(facts.batches(), head=head, after=after), memory)

    def _after(self, start: int, head: int) -> int:
        if start > head:
            self.warn(beyond(start, head))
        return start


class RecordGroup:
    """The record, read by the one member of a group, which goes on after the position that it last handled.

    ``begin_now`` says that somebody asked for new facts, which does not count either where the group is known.
    """

    def __init__(
        self, record: Record, folder: Path, name: str, *, begin_now: bool = False, warn: Warn = _log.warning
    ) -> None:
        self._source = RecordSource(record, warn=warn)
        self._folder = folder
        self._name = name
        self._begin_now = begin_now

    def events(self, start: int | None, *, until_now: bool) -> Stream[Recorded]:
        """Facts after the position last handled; a new group begins as ``start`` says, and remembers that at once."""
        memory = Memory(self._folder, self._name, "events")
        try:
            position = self._position(memory, start)
            if position is None:
                head = self._source.record.head()
                position = head if start is None else start
                if position <= head:  # else it has handled nothing that is there
                    memory.remember(Handled(position, self._digest_at(position)))
            return self._source.events(position, until_now=until_now, memory=memory)
        except BaseException:
            memory.close()
            raise

    def alarms(self, start: int | None, *, until_now: bool) -> Stream[AlarmUpdate]:
        """Alarm changes after the position last handled; a new group begins as ``start`` says."""
        memory = Memory(self._folder, self._name, "alarms")
        try:
            position = self._position(memory, start)
            after = start if position is None else position
            return self._source.alarms(after, until_now=until_now, memory=memory)
        except BaseException:
            memory.close()
            raise

    def _position(self, memory: Memory, start: int | None) -> int | None:
        """The position last handled; none where the group is new.

        Raises:
            SubscriptionError: it is that of another record, or of one that was restored from a backup since.
        """
        handled = memory.handled()
        if handled is None:
            return None
        position, digest = handled
        if position > self._source.record.head() or digest not in {None, self._digest_at(position)}:
            raise SubscriptionError(
                f"group {self._name} has handled position {position} of another record, or of a newer state of this "
                f"one, which was restored since: remove {memory.file}, and say --from where it is to go on"
            )
        if start is not None or self._begin_now:
            self._source.warn(known(self._name, position))
        return position

    def _digest_at(self, position: int) -> str | None:
        """Tells the fact at a position from another one; none at 0, where there is none."""
        rows = self._source.record.recorder.select_rows(after=position - 1, limit=1) if position else []
        return _digest(rows[0]) if rows else None


def _digest(row: Row) -> str:
    return blake2b(repr(row).encode(), digest_size=16).hexdigest()


class _Facts:
    """The facts of the record after a position, in batches: what is there, then one by one as they are recorded.

    The rows of the newest batch are kept: what is remembered of a fact is what was delivered, whatever the record has
    at its position by then, and whether it can be reached or not.
    """

    def __init__(self, record: Record, after: int, until: int | None) -> None:
        self._record = record
        self._after = after
        self._until = until
        self._stopped = Event()
        self._following: Subscription[Any] | None = None
        self._rows: list[Row] = []

    def stream(self, batches: Batches[T], memory: Memory | None) -> Stream[T]:
        """A stream of them, or of what is made of them."""
        stream = Stream(batches, self._stopped, wake=self._wake)
        if memory is None:
            return stream
        return stream.remembered_by(lambda marks: memory.remember(self._handled(marks)), memory.close)

    def _handled(self, marks: Marks) -> Handled:
        position = marks[0]
        row = next((row for row in self._rows if row[0] == position), None)
        return Handled(position, None if row is None else _digest(row))

    def batches(self) -> Batches[Recorded]:
        """They, each with its position as mark."""
        head = self._record.head() if self._until is None else self._until
        after = self._after
        while after < head and (rows := self._record.recorder.select_rows(after=after, limit=READ_AT_ONCE, stop=head)):
            after = rows[-1][0]
            for first in range(0, len(rows), AT_ONCE):
                if self._stopped.is_set():
                    return
                yield self._batch(rows[first : first + AT_ONCE])
        if self._until is None:
            yield from self._new(max(head, self._after))

    def _new(self, head: int) -> Batches[Recorded]:
        with self._record.recorder.subscribe(gt=head) as following:
            self._following = following
            if self._stopped.is_set():
                return
            for one in following:
                stream = str(one.originator_id)
                yield self._batch([(one.id, stream, one.originator_version, one.topic, one.state)])

    def _batch(self, rows: list[Row]) -> list[Entry[Recorded]]:
        self._rows = rows
        facts = [
            decode(name, state, chassis=chassis, version=version, position=position)
            for position, chassis, version, name, state in rows
        ]
        return [Entry(one, (0, one.position)) for one in facts]

    def _wake(self) -> None:
        if self._following is not None:
            self._following.stop()
