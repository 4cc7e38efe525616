"""A consumer group as the source of a subscription: Kafka remembers what was handled, and several members share it.

Each member has some of the partitions, so the order is that of each chassis; with one partition it is the record's.
With an offset the position is committed: a topic that was cut or made anew is found by it.
"""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any, Generic, TypeVar

import kafka  # type: ignore[import-untyped]
import kafka.coordinator.assignors.cooperative_sticky as sticky  # type: ignore[import-untyped]
import kafka.errors  # type: ignore[import-untyped]
import kafka.structs  # type: ignore[import-untyped]

from consumers.cloudevents import Message, position_of, read_alarm, read_fact
from consumers.kafka.reading_contact import QUIET_SECONDS, Contact
from consumers.kafka.reading_offsets import PATIENCE_MS, bounds, last_position, message_of, offset_after, records
from consumers.kafka.reading_stream import KafkaSource, alarm_list
from consumers.subscription.alarm_updates import AlarmUpdate, listed, update
from consumers.subscription.errors import MissingPositionsError, SubscriptionError
from consumers.subscription.stream import Batches, Entry, Marks, Stream
from events.envelope import Recorded

COMMIT_MS = 5_000
"""How long a commit may take; what was not committed then is owed, and committed with what comes next."""
SESSION_MS = 10_000
"""After so long others take over from a member that was killed."""
_KAFKA: Any = kafka
_ERRORS: Any = kafka.errors
_STRUCTS: Any = kafka.structs
_STICKY: Any = sticky
_LOST = (_ERRORS.OffsetOutOfRangeError, _ERRORS.LogTruncationError)

T = TypeVar("T")
First = Callable[[Contact, Any], tuple[int, list[Entry[T]]]]
"""Where a group that is new begins in a partition, and what it is told before."""


class KafkaGroup:
    """The topics of a prefix, read by a member of a consumer group; ``kafka_source`` makes it."""

    def __init__(self, source: KafkaSource, name: str) -> None:
        self._source = source
        self._name = name

    def events(self, start: int | None, *, until_now: bool) -> Stream[Recorded]:
        """Facts after those last handled; a new group begins as ``start`` says."""

        def first(contact: Contact, partition: Any) -> tuple[int, list[Entry[Recorded]]]:
            if start is None:
                return bounds(contact.consumer, partition)[1], []
            return offset_after(contact.consumer, partition, start), []

        return self._stream(self._source.names.events, read_fact, first, until_now=until_now)

    def alarms(self, start: int | None, *, until_now: bool) -> Stream[AlarmUpdate]:
        """Alarm changes after those last handled; a new group begins with the list.

        Raises:
            SubscriptionError: there is a ``start``.
        """
        if start is not None:
            raise SubscriptionError("a group of alarms in Kafka begins with the list, and not at a position")

        def first(contact: Contact, partition: Any) -> tuple[int, list[Entry[AlarmUpdate]]]:
            begin, end = bounds(contact.consumer, partition)
            states = alarm_list(contact.consumer, partition, begin, end)
            told = [Entry(one) for one in listed(states.items())]
            return end, [*told, Entry(None, (partition.partition, end))]

        def read(message: Message) -> AlarmUpdate:
            return update(*read_alarm(message))

        return self._stream(self._source.names.alarms, read, first, until_now=until_now)

    def _stream(self, topic: str, read: Callable[[Message], T], first: First[T], *, until_now: bool) -> Stream[T]:
        stopped = Event()
        contact = self._source.contact(
            topic,
            stopped,
            group_id=self._name,
            session_timeout_ms=SESSION_MS,
            # A member that comes or goes takes from the others only what it gets: the rest reads on.
            partition_assignment_strategy=[_STICKY.CooperativeStickyAssignor],
        )
        member = _Member(self._source, contact, read, first, until_now=until_now)
        return Stream(member.batches(), stopped, close=contact.close).remembered_by(member.remember, _nothing)


def _nothing() -> None:
    """The contact is closed, and the group left with it."""


class _Member(Generic[T]):
    """One member: reads the partitions that it is given, and commits what was handled."""

    def __init__(
        self, source: KafkaSource, contact: Contact, read: Callable[[Message], T], first: First[T], *, until_now: bool
    ) -> None:
        self._source = source
        self._contact = contact
        self._read = read
        self._first = first
        self._ends: dict[Any, int] | None = {} if until_now else None
        self._owed: dict[int, int] = {}
        self._positions: dict[tuple[int, int], int] = {}
        self._last: dict[int, int] = {}
        self._began = monotonic()
        with contact.beginning():
            contact.consumer.subscribe([contact.topic])

    def batches(self) -> Batches[T]:
        """What comes, each with the offset after it as mark."""
        while not self._contact.stopped.is_set():
            with self._contact.errors():
                batch = self._poll()
                self._commit_owed()
            yield batch
            with self._contact.errors():
                if not batch and self._is_over():
                    return

    def _poll(self) -> list[Entry[T]]:
        try:
            found = self._contact.poll()
        except _ERRORS.NoOffsetForPartitionError:
            return self._begin()
        except _LOST:
            return self._find_again()
        self._positions = {}
        batch: list[Entry[T]] = []
        for partition, several in found.items():
            for record in several:
                message = message_of(record)
                mark = partition.partition, record.offset + 1
                self._positions[mark] = position = position_of(message)
                # Only a topic that was made anew goes back: that much was handled already.
                last = self._last.get(partition.partition, 0)
                self._last[partition.partition] = max(position, last)
                batch.append(Entry(None if position < last else self._read(message), mark))
        return batch

    def _begin(self) -> list[Entry[T]]:
        """Nobody has read these partitions for this group."""
        consumer, told = self._contact.consumer, list[Entry[T]]()
        with self._source.looking(self._contact.topic, self._contact.stopped) as other:
            for partition in consumer.assignment():
                if consumer.committed(partition, timeout_ms=PATIENCE_MS) is None:
                    offset, entries = self._first(other, partition)
                    consumer.seek(partition, offset)
                    told += entries
                    if not entries:
                        # Else whoever comes after us begins at another now, and misses what was between.
                        self._commit({partition.partition: offset})
        return told

    def _find_again(self) -> list[Entry[T]]:
        """The topic does not have the offset at which we are to go on: it was cut there, or made anew."""
        consumer = self._contact.consumer
        with self._source.looking(self._contact.topic, self._contact.stopped) as other:
            for partition in consumer.assignment():
                committed = consumer.committed(partition, metadata=True, timeout_ms=PATIENCE_MS)
                begin, end = bounds(other.consumer, partition)
                if committed is not None and not begin <= committed.offset <= end:
                    position = int(committed.metadata or 0)
                    self._report(other, partition, position, cut=committed.offset < begin)
                    consumer.seek(partition, offset_after(other.consumer, partition, position))
        return []

    def _report(self, other: Contact, partition: Any, position: int, *, cut: bool) -> None:
        record = next(records(other.consumer, partition, *bounds(other.consumer, partition)), None)
        there = position_of(message_of(record)) if record else last_position(other.consumer, partition) + 1
        if not cut or there <= position + 1:
            return
        error = MissingPositionsError(f"{other.topic} at {other.brokers}", position + 1, there - 1)
        if not self._source.skip_missing:
            raise error
        self._source.warn(f"Going on although {error.what}.")

    def remember(self, marks: Marks) -> None:
        """Commits, and waits until Kafka has it."""
        self._owed |= marks
        with self._contact.errors():
            self._commit_owed()

    def _commit_owed(self) -> None:
        ours = {one.partition for one in self._contact.consumer.assignment()}
        self._owed = {partition: offset for partition, offset in self._owed.items() if partition in ours}
        if not self._owed:
            return
        try:
            self._commit(self._owed)
        except (_ERRORS.CommitFailedError, _ERRORS.KafkaTimeoutError, _ERRORS.BrokerResponseError) as error:
            self._source.warn(f"What was handled last is not committed yet, and may come again: {error}")
        else:
            self._owed = {}

    def _commit(self, offsets: Marks) -> None:
        committed = {
            _KAFKA.TopicPartition(self._contact.topic, partition): _STRUCTS.OffsetAndMetadata(
                offset, str(self._positions.get((partition, offset), "")), -1
            )
            for partition, offset in offsets.items()
        }
        self._contact.consumer.commit(committed, timeout_ms=COMMIT_MS)

    def _is_over(self) -> bool:
        """Whether all was read that was there when we were given our partitions."""
        ends, consumer = self._ends, self._contact.consumer
        if ends is None:
            return False
        mine: list[Any] = list(consumer.assignment())
        if not mine:
            # Who joins a group that is at work gets nothing at first, and maybe for good.
            return monotonic() - self._began > 2 * QUIET_SECONDS
        new = [one for one in mine if one not in ends]
        if new:
            ends |= consumer.end_offsets(new, timeout_ms=PATIENCE_MS)
        return all(consumer.position(one, timeout_ms=PATIENCE_MS) >= ends[one] for one in mine)
