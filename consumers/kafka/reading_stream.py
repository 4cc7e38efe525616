"""Kafka as the source of a subscription: facts in the order of the record, and the alarm list with its changes.

Only what was committed is read, and nothing is remembered in Kafka; ``reading_group`` is for who wants that.
"""

from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from threading import Event
from time import monotonic
from typing import Any

import kafka.errors  # type: ignore[import-untyped]

from consumers.cloudevents import read_alarm, read_fact
from consumers.kafka.reading_contact import ANSWER_MS, QUIET_SECONDS, Contact
from consumers.kafka.reading_merge import Merge
from consumers.kafka.reading_offsets import bounds, head_of, message_of, offset_after, record_at, records, was_cut
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames
from consumers.subscription.alarm_updates import AlarmUpdate, folded, listed, update
from consumers.subscription.errors import MissingPositionsError, NoContactError, SubscriptionError
from consumers.subscription.notices import Warn, beyond
from consumers.subscription.stream import Batches, Entry, Stream
from events.envelope import Recorded
from projections.alarm_changes import AlarmLeft, AlarmState

AGAIN_SECONDS = 1.0
MOST_WAITING = 1000
"""Facts of one partition that wait in memory for those of others; then it is paused."""
_ERRORS: Any = kafka.errors


class KafkaSource:
    """The topics of a prefix, read by whoever asks; ``kafka_source`` makes it."""

    def __init__(self, settings: ClientSettings, names: TopicNames, *, skip_missing: bool, warn: Warn) -> None:
        self.names = names
        self.skip_missing = skip_missing
        self.warn = warn
        self._settings = settings

    def contact(self, topic: str, stopped: Event, **preferred: Any) -> Contact:
        """A consumer of one of the topics."""
        return Contact(self._settings, topic, stopped, warn=self.warn, **preferred)

    def looking(self, topic: str, stopped: Event) -> "closing[Contact]":
        """A consumer that goes to and fro in a topic: nothing that it asks for may wait for what is yet to come."""
        return closing(self.contact(topic, stopped, fetch_max_wait_ms=5))

    @contextmanager
    def looking_again(self, under_way: Contact) -> Generator[Contact]:
        """Likewise beside a consumer that is under way, and waits for Kafka as that one does.

        Raises:
            NoContactError: told to stop meanwhile.
        """
        while True:
            try:
                looking = self.looking(under_way.topic, under_way.stopped)
                break
            except NoContactError:
                under_way.miss()
                if under_way.stopped.wait(AGAIN_SECONDS):
                    raise
        with looking as contact:
            yield contact

    def events(self, start: int | None, *, until_now: bool) -> Stream[Recorded]:
        """Facts after position ``start``, new ones where it is none; ``until_now`` ends with those that are there."""
        facts = _Facts(self, start, asked=start, until_now=until_now)
        return Stream(facts.batches(), facts.stopped, close=facts.contact.close)

    def alarms(self, start: int | None, *, until_now: bool) -> Stream[AlarmUpdate]:
        """What alarm changes there were after ``start``; the list, then new changes, where it is none.

        Changes are folded from all facts: the topic of alarms keeps only the last one of each alarm.
        """
        if start is None:
            stopped = Event()
            with self.looking(self.names.alarms, stopped) as looking, looking.errors():
                states, ends = _list(looking)
            contact = self.contact(self.names.alarms, stopped)
            return Stream(_alarms(contact, states, ends, until_now=until_now), stopped, close=contact.close)
        facts = _Facts(self, 0, asked=start, until_now=until_now)
        updates = folded(facts.batches(), head=0, after=start)
        return Stream(updates, facts.stopped, close=facts.contact.close)


def see_not_emptied(contact: Contact, head: int) -> None:
    """Raises an error where a topic has nothing, and once had something."""
    if not head and was_cut(contact.consumer, contact.partitions):
        raise SubscriptionError(
            f"{contact.topic} was emptied. The record has its events: leave --kafka and UNDERSTUDY_KAFKA away"
        )


def see_same(looking: Contact, known: Iterable[Recorded]) -> None:
    """Raises an error where the topic of events has another fact at the position of one that was read."""
    for fact in known:
        for partition in looking.partitions:
            record = record_at(looking.consumer, partition, fact.position)
            if record is not None and _identity(read_fact(message_of(record))) != _identity(fact):
                raise SubscriptionError(
                    f"{looking.topic} has another fact at position {fact.position} than was read there: it was made "
                    "anew with another record, or with one that was restored from a backup. Begin --from a position "
                    "that both have; a group has to be deleted first"
                )


def _identity(fact: Recorded) -> tuple[object, ...]:
    return fact.chassis, fact.version, fact.recorded_at


class _Facts:
    """The facts after a position, of all partitions, in the order of the record; ``asked`` is that of the user."""

    def __init__(self, source: KafkaSource, start: int | None, *, asked: int | None, until_now: bool) -> None:
        self.stopped = Event()
        self.contact = source.contact(source.names.events, self.stopped)
        self._source = source
        self._stalled: float | None = None
        self._sought = False
        self._known: dict[Any, Recorded] = {}
        with self.contact.beginning(), source.looking(self.contact.topic, self.stopped) as looking:
            head = head_of(looking.consumer, looking.partitions)
            if start is None or until_now:
                see_not_emptied(looking, head)
            if asked is not None and asked > head:
                source.warn(beyond(asked, head))
            self._until = head if until_now else None
            after = head if start is None else start
            self._merge = Merge((one.partition for one in self.contact.partitions), after=after)
            self._seek(looking.consumer)

    def _seek(self, looking: Any) -> None:
        consumer, partitions = self.contact.consumer, self.contact.partitions
        offsets = {one: offset_after(looking, one, self._merge.last) for one in partitions}
        consumer.assign(partitions)
        for partition, offset in offsets.items():
            consumer.seek(partition, offset)

    def batches(self) -> Batches[Recorded]:
        """They."""
        merge, until = self._merge, self._until
        while not self.stopped.is_set() and (until is None or merge.last < until):
            with self.contact.errors():
                try:
                    ready = self._ready()
                except (_ERRORS.OffsetOutOfRangeError, _ERRORS.LogTruncationError):
                    # The beginning was cut off while we were away, or the topic was made anew.
                    ready = self._find_again()
                except NoContactError:
                    return  # told to stop while Kafka was away
            if ready:
                yield [Entry(one) for one in ready if until is None or one.position <= until]

    def _ready(self) -> list[Recorded]:
        self._read()
        ready = self._merge.ready()
        if ready:
            self._stalled, self._sought = None, False
        else:
            self._check()
        return ready

    def _find_again(self) -> list[Recorded]:
        """Nothing yet: it is read on from where the last position says that we are."""
        with self._source.looking_again(self.contact) as looking:
            see_same(looking, self._known.values())
            self._seek(looking.consumer)
        self._stalled = None
        return []

    def _read(self) -> None:
        consumer, merge = self.contact.consumer, self._merge
        for partition, several in self.contact.poll().items():
            for record in several:
                fact = read_fact(message_of(record))
                if fact.position <= merge.last:
                    # The topic was made anew, or we began beyond its end.
                    self._find_again()
                    return
                self._known[partition] = fact
                merge.add(partition.partition, fact)
        ahead = merge.ahead(MOST_WAITING)
        consumer.resume(*(one for one in consumer.paused() if one.partition not in ahead))
        consumer.pause(*(one for one in self.contact.partitions if one.partition in ahead))

    def _check(self) -> None:
        """Is the next position missing, or is it to come?"""
        missing = self._merge.missing()
        if missing is None or not self._nothing_comes():
            return
        if not self._sought:
            # In a topic that was made anew, it may lie before the offset from which we went on.
            self._merge.clear()
            self._find_again()
            self._sought = True
            return
        error = MissingPositionsError(f"{self.contact.topic} at {self.contact.brokers}", *missing)
        if not self._source.skip_missing:
            raise error
        self._source.warn(f"Going on although {error.what}.")
        self._merge.skip()

    def _nothing_comes(self) -> bool:
        """Whether no partition can still bring what is missing.

        Of one transaction, one partition may show its records before another: so a partition of which nothing waits
        has to be read to its very end, a while after the others came.
        """
        behind = [one for one in self.contact.partitions if one.partition in self._merge.behind()]
        if not behind:
            return True
        self._stalled = self._stalled or monotonic()
        return monotonic() - self._stalled > QUIET_SECONDS and self._are_read(behind)

    def _are_read(self, partitions: list[Any]) -> bool:
        """Whether partitions are read to their ends, also where something is not committed yet."""
        consumer = self.contact.consumer
        try:
            ends = consumer.end_offsets(partitions, timeout_ms=ANSWER_MS)
        except _ERRORS.KafkaError:
            return False  # who does not answer may have what is missing
        # A fetch that was answered tells of what is not committed, too; before, nothing is known.
        high = {one: consumer.highwater(one) for one in partitions}
        return all(high[one] is not None and consumer.position(one) >= max(high[one], ends[one]) for one in partitions)


def _list(looking: Contact) -> tuple[dict[str, AlarmState], dict[Any, int]]:
    """The list as the compacted topic has it now, and where each partition goes on."""
    states: dict[str, AlarmState] = {}
    ends: dict[Any, int] = {}
    for partition in looking.partitions:
        begin, ends[partition] = bounds(looking.consumer, partition)
        states |= alarm_list(looking.consumer, partition, begin, ends[partition])
    return states, ends


def _alarms(
    contact: Contact, states: dict[str, AlarmState], ends: dict[Any, int], *, until_now: bool
) -> Batches[AlarmUpdate]:
    yield [Entry(one) for one in listed(states.items())]
    if until_now:
        return
    contact.consumer.assign(list(ends))
    for partition, end in ends.items():
        contact.consumer.seek(partition, end)
    last = dict.fromkeys(ends, 0)
    while not contact.stopped.is_set():
        updates: list[AlarmUpdate] = []
        with contact.errors():
            for partition, several in contact.poll().items():
                for record in several:
                    updates.append(update(*read_alarm(message_of(record))))
                    if updates[-1].position < last[partition]:
                        raise SubscriptionError(f"{contact.topic} was made anew: subscribe again for its list")
                    last[partition] = updates[-1].position
        yield [Entry(one) for one in updates]


def alarm_list(consumer: Any, partition: Any, begin: int, end: int) -> dict[str, AlarmState]:
    """The newest state of each alarm between two offsets of a partition; it alone is assigned afterwards."""
    return newest(read_alarm(message_of(record)) for record in records(consumer, partition, begin, end))


def newest(changes: Iterable[tuple[str, AlarmState | AlarmLeft]]) -> dict[str, AlarmState]:
    """What keeping the newest state of each identity leaves."""
    states: dict[str, AlarmState] = {}
    for identity, change in changes:
        if isinstance(change, AlarmLeft):
            states.pop(identity, None)
        else:
            states[identity] = change
    return states
