"""A member of a consumer group: reads the partitions that it is given, and commits what was handled.

With an offset the position is committed, and of facts it alone counts: in a topic that was made anew, they have other
offsets.
"""

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Generic, NamedTuple, TypeVar

import kafka  # type: ignore[import-untyped]
import kafka.errors  # type: ignore[import-untyped]
import kafka.structs  # type: ignore[import-untyped]

from consumers.cloudevents import Message, position_of
from consumers.kafka.reading_contact import QUIET_SECONDS, Contact
from consumers.kafka.reading_offsets import PATIENCE_MS, message_of, missing_after, offset_after
from consumers.kafka.reading_stream import KafkaSource, see_same
from consumers.subscription.errors import MissingPositionsError, NoContactError
from consumers.subscription.notices import known
from consumers.subscription.stream import Batches, Entry, Marks
from events.envelope import Recorded

COMMIT_MS = 5_000
"""How long a commit may take; what was not committed then is owed, and committed with what comes next."""
_KAFKA: Any = kafka
_ERRORS: Any = kafka.errors
_STRUCTS: Any = kafka.structs
_LISTENER: Any = kafka.ConsumerRebalanceListener
_REFUSED = (_ERRORS.CommitFailedError, _ERRORS.BrokerResponseError)

T = TypeVar("T")


class Beginning(NamedTuple, Generic[T]):
    """Where a group that is new begins in a partition: after a position; what it is told before, and in a notice."""

    offset: int
    position: int
    entries: list[Entry[T]]
    notice: str


class Reading(NamedTuple, Generic[T]):
    """What a group reads, and how; ``was_told`` where it is to begin, if it is new."""

    topic: str
    read: Callable[[Message], T]
    first: Callable[[Contact, Any], Beginning[T]]
    was_told: bool


class Member(Generic[T]):
    """One member; its ``batches`` are read and its ``remember`` is called by the same thread."""

    def __init__(
        self, source: KafkaSource, contact: Contact, group: str, reading: Reading[T], *, until_now: bool
    ) -> None:
        self._source = source
        self._contact = contact
        self._group = group
        self._reading = reading
        self._ends: dict[Any, int] | None = {} if until_now else None
        self._owed: dict[int, tuple[int, int | None]] = {}
        self._owing = False
        self._positions: dict[tuple[int, int], int] = {}
        self._handled: dict[Any, _Handled] = {}
        self._single = len(contact.partitions) == 1
        self._given = _Given(contact.consumer)
        self._said: set[str] = set()
        self._began = monotonic()
        with contact.beginning():
            contact.consumer.subscribe([contact.topic], listener=self._given)

    def batches(self) -> Batches[T]:
        """What comes, each with the offset after it as mark."""
        while not self._contact.stopped.is_set():
            with self._contact.errors():
                try:
                    batch = self._poll()
                except NoContactError:
                    return  # told to stop while Kafka was away
                self._commit_owed()
            yield batch
            with self._contact.errors():
                if not batch and self._is_over():
                    return

    def _poll(self) -> list[Entry[T]]:
        found: dict[Any, list[Any]] = {}
        lost = set[Any]()
        self._finish_joining()
        try:
            found = self._contact.poll()
        except _ERRORS.NoOffsetForPartitionError:
            # Given to us just now, or Kafka has dropped its offset since.
            self._given.on_partitions_assigned(self._contact.consumer.assignment() - self._handled.keys())
        except _ERRORS.OffsetOutOfRangeError as error:
            lost = set(error.args[0])
        except _ERRORS.LogTruncationError as error:
            lost = set(error.divergent_offsets)
        self._positions = {}
        given = self._given.take(self._contact.consumer.assignment())
        batch = self._begin(given) if given else []
        if lost - given:
            self._find_again(lost - given)
        for partition, several in found.items():
            # What came of a partition before we knew where to go on in it is read once more.
            if partition not in given:
                batch += self._accepted(partition, several)
        return batch

    def _finish_joining(self) -> None:
        """Has kafka-python 3.0.12 end each rebalance that it has begun, as Java's client does (KAFKA-9815).

        It forgets one that began since the topic has changed, if a poll ends in the middle of it; and reads nothing
        any more.
        """
        coordinator = self._contact.consumer._coordinator  # noqa: SLF001 # nothing public tells
        if coordinator.rejoining:
            coordinator.request_rejoin()

    def _accepted(self, partition: Any, several: list[Any]) -> list[Entry[T]]:
        handled, batch = self._handled[partition], list[Entry[T]]()
        for record in several:
            message = message_of(record)
            item, position = self._reading.read(message), position_of(message)
            if isinstance(item, Recorded):
                if handled.leaves_out(item, single=self._single) or not handled.is_new(item, position):
                    # The topic was made anew, and what comes next lies before this offset, or after it.
                    with self._source.looking_again(self._contact) as other:
                        self._go_on(other, partition, handled.position or 0)
                    break
                handled.versions[item.chassis], handled.fact = item.version, item
            mark = partition.partition, record.offset + 1
            self._positions[mark] = position
            # Only a topic that was made anew goes back: that much was handled already.
            fresh = handled.is_new(item, position)
            handled.position = max(position, handled.position or 0)
            batch.append(Entry(item if fresh else None, mark))
        return batch

    def _begin(self, given: set[Any]) -> list[Entry[T]]:
        """Goes on in partitions after what the group has handled, or begins there for it."""
        told: list[Entry[T]] = []
        with self._source.looking_again(self._contact) as other:
            for partition in sorted(given, key=lambda one: one.partition):
                try:
                    told += self._begin_in(other, partition)
                except _ERRORS.KafkaError as error:
                    if not error.retriable:
                        raise
                    self._given.on_partitions_assigned([partition])  # tried again with the next poll
        return told

    def _begin_in(self, other: Contact, partition: Any) -> list[Entry[T]]:
        committed = self._contact.consumer.committed(partition, metadata=True, timeout_ms=PATIENCE_MS)
        owed = self._owed.pop(partition.partition, None)
        if committed is None and partition in self._handled:
            # Kafka has dropped its offset with the topic, while we were at work.
            self._go_on(other, partition, self._handled[partition].position or 0)
            return []
        if committed is None:
            return self._begin_anew(other, partition)
        offset, position = committed.offset, int(committed.metadata) if committed.metadata.isdecimal() else None
        if owed and position is not None and owed[1] is not None and owed[1] > position:
            # Handled by us before we were put out of the group, and by nobody since.
            self._owed[partition.partition] = offset, position = owed
        if self._reading.was_told:
            self._say(known(self._group, position if self._single else None))
        if position is not None and self._is_of_facts:
            self._go_on(other, partition, position)
        else:  # somebody has set the offset with Kafka's own tools; or one fact has changed several alarms
            self._handled[partition] = _Handled(position)
            self._contact.consumer.seek(partition, offset)
        return []

    @property
    def _is_of_facts(self) -> bool:
        return self._contact.topic == self._source.names.events

    def _begin_anew(self, other: Contact, partition: Any) -> list[Entry[T]]:
        offset, position, entries, notice = self._reading.first(other, partition)
        self._say(notice)
        self._handled[partition] = _Handled(position)
        if self._is_of_facts:
            self._go_on(other, partition, position)
        else:
            self._contact.consumer.seek(partition, offset)
        if entries:
            self._positions[partition.partition, offset] = position
        else:
            # Else whoever comes after us begins at another now, and misses what was between.
            self._commit({partition.partition: (offset, position)})
        return entries

    def _find_again(self, lost: set[Any]) -> None:
        """Kafka has lost the offsets at which we are to go on in some partitions: they were cut there, or made anew.

        Whether they have them again does not count: what lies there now is something else.
        """
        with self._source.looking_again(self._contact) as other:
            for partition in lost & self._contact.consumer.assignment() & self._handled.keys():
                self._go_on(other, partition, self._handled[partition].position or 0)

    def _go_on(self, other: Contact, partition: Any, position: int) -> None:
        """Goes on after a position, wherever it lies now, if nothing after it is missing, and it is still the same."""
        known = self._handled[partition].fact if partition in self._handled else None
        see_same(other, [known] if known else [])
        others = [one for one in other.partitions if one != partition]
        self._single = not others
        missing = missing_after(other.consumer, partition, others, position) if self._is_of_facts else None
        if missing:
            error = MissingPositionsError(f"{other.topic} at {other.brokers}", *missing)
            if not self._source.skip_missing:
                raise error
            self._say(f"Going on although {error.what}.")
            position = missing[1]
        self._handled[partition] = _Handled(position, known)
        self._contact.consumer.seek(partition, offset_after(other.consumer, partition, position))

    def _say(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._source.warn(what)

    def remember(self, marks: Marks) -> None:
        """Commits, and waits until Kafka has it."""
        self._owed |= {
            partition: (offset, self._positions.get((partition, offset))) for partition, offset in marks.items()
        }
        with self._contact.errors():
            self._commit_owed()

    def _commit_owed(self) -> None:
        ours = {one.partition for one in self._contact.consumer.assignment()}
        # What is owed of others waits: they may be given to us again, and would begin at an older position.
        owed = {partition: mark for partition, mark in self._owed.items() if partition in ours}
        if not owed:
            return
        try:
            self._commit(owed)
        except _ERRORS.KafkaError as error:
            if not error.retriable and not isinstance(error, _REFUSED):
                raise
            if not self._owing:
                self._source.warn(f"What was handled last is not committed yet, and may come again: {error or error!r}")
            self._owing = True
        else:
            self._owed = {partition: mark for partition, mark in self._owed.items() if partition not in owed}
            self._owing = False

    def _commit(self, owed: dict[int, tuple[int, int | None]]) -> None:
        committed = {
            _KAFKA.TopicPartition(self._contact.topic, partition): _STRUCTS.OffsetAndMetadata(
                offset, "" if position is None else str(position), -1
            )
            for partition, (offset, position) in owed.items()
        }
        self._contact.consumer.commit(committed, timeout_ms=COMMIT_MS)

    def _is_over(self) -> bool:
        """Whether all was read that was there when we were given our partitions."""
        ends, consumer = self._ends, self._contact.consumer
        if ends is None:
            return False
        mine: list[Any] = list(consumer.assignment())
        if not mine:
            if consumer._coordinator.generation_if_stable() is None:  # noqa: SLF001 # nothing public tells
                self._began = monotonic()  # no member yet
            # Who joins a group that is at work gets nothing at first, and maybe for good.
            return monotonic() - self._began > 2 * QUIET_SECONDS
        new = [one for one in mine if one not in ends]
        if new:
            ends |= consumer.end_offsets(new, timeout_ms=PATIENCE_MS)
        return all(consumer.position(one, timeout_ms=PATIENCE_MS) >= ends[one] for one in mine)


class _Handled:
    """How far a partition is handled: its last position and fact, if known, and the last version of each chassis."""

    def __init__(self, position: int | None, fact: Recorded | None = None) -> None:
        self.position = position
        self.fact = fact
        self.versions: dict[str, int] = {}

    def leaves_out(self, fact: Recorded, *, single: bool) -> bool:
        """Whether facts between the last one and this are missing; positions and versions have no gaps."""
        if single and self.position is not None and fact.position > self.position + 1:
            return True
        return fact.version > self.versions.get(fact.chassis, fact.version) + 1

    def is_new(self, item: object, position: int) -> bool:
        """Whether what comes at a position is not handled yet; one fact may change several alarms."""
        last = self.position or 0
        return position > last if isinstance(item, Recorded) else position >= last


class _Given(_LISTENER):  # type: ignore[misc] # kafka-python has no types
    """Which partitions were given to us, and where to go on in them is not known yet."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._new: deque[Any] = deque()
        self._waiting: set[Any] = set()

    def on_partitions_revoked(self, revoked: Any) -> None:
        """They are somebody else's."""

    def on_partitions_assigned(self, assigned: Any) -> None:
        """They are ours; the thread of the consumer calls this."""
        self._new.extend(assigned)

    def on_partitions_lost(self, _lost: Any) -> None:
        """We were put out of the group, and others may have them.

        kafka-python 3.0.12 would go on to claim them as it joins again: whoever comes at the same time leaves them to
        us, we do not take them, and nobody reads them.
        """
        for assignor in self._consumer._coordinator._assignors.values():  # noqa: SLF001 # nothing public forgets
            assignor.member_assignment = None

    def take(self, assigned: set[Any]) -> set[Any]:
        """They, once, as far as they are assigned."""
        while self._new:
            self._waiting.add(self._new.popleft())
        taken = self._waiting & assigned
        self._waiting -= taken
        return taken
