"""A consumer group as the source of a subscription: Kafka remembers what was handled, and several members share it.

Each member has some of the partitions, so the order is that of each chassis; with one partition it is the record's.
"""

from threading import Event
from typing import Any, TypeVar

import kafka.coordinator.assignors.cooperative_sticky as sticky  # type: ignore[import-untyped]

from consumers.cloudevents import Message, read_alarm, read_fact
from consumers.kafka.reading_contact import Contact
from consumers.kafka.reading_member import Beginning, Member, Reading
from consumers.kafka.reading_offsets import bounds, head_of, last_position, offset_after
from consumers.kafka.reading_stream import KafkaSource, alarm_list, see_not_emptied
from consumers.subscription.alarm_updates import AlarmUpdate, listed, update
from consumers.subscription.errors import SubscriptionError, SubscriptionUsageError
from consumers.subscription.notices import beyond
from consumers.subscription.stream import Entry, Stream
from events.envelope import Recorded

METADATA_MS = 5_000
"""How long a topic made anew may go unnoticed by a member that had found it deleted; by default it is 5 minutes."""
SESSION_MS = 10_000
"""After so long others take over from a member that was killed."""
_STICKY: Any = sticky

T = TypeVar("T")


class KafkaGroup:
    """The topics of a prefix, read by a member of a consumer group; ``kafka_source`` makes it."""

    def __init__(self, source: KafkaSource, name: str, *, begin_now: bool = False) -> None:
        self._source = source
        self._name = name
        self._begin_now = begin_now

    def events(self, start: int | None, *, until_now: bool) -> Stream[Recorded]:
        """Facts after those last handled; a new group begins as ``start`` says.

        Without ``start``, and unless it is to begin now, the iteration refuses a group that Kafka does not know: a new
        one cannot be told from one whose offsets Kafka has dropped, and that would miss what came since.
        """

        def first(contact: Contact, partition: Any) -> Beginning[Recorded]:
            if start is None and not self._begin_now:
                raise SubscriptionError(self._unknown(contact.topic))
            return self._after(contact, partition, start)

        was_told = self._begin_now or start is not None
        return self._stream(Reading(self._source.names.events, read_fact, first, was_told), until_now=until_now)

    def _unknown(self, topic: str) -> str:
        return (
            f"Kafka knows no position of group {self._name} in {topic}. Either the group is new, or Kafka has "
            "forgotten it: it does so with a topic that is deleted, and after offsets.retention.minutes without a "
            "member. Say where it begins: --from beginning, --from POSITION (of what it handled last), or --from now"
        )

    def _after(self, contact: Contact, partition: Any, start: int | None) -> Beginning[Recorded]:
        head = head_of(contact.consumer, contact.partitions)
        if start is None:
            told = "what is new"
        else:
            see_not_emptied(contact, head)
            told = f"what comes after position {start}"
            if start > head:
                self._source.warn(beyond(start, head))
        position = head if start is None else start
        offset = offset_after(contact.consumer, partition, position)
        return Beginning(offset, position, [], f"Kafka does not know group {self._name}: it begins with {told}.")

    def alarms(self, start: int | None, *, until_now: bool) -> Stream[AlarmUpdate]:
        """Alarm changes after those last handled; a new group begins with the list.

        Raises:
            SubscriptionUsageError: there is a ``start``.
        """
        if start is not None:
            raise SubscriptionUsageError("a group of alarms in Kafka begins with the list, and not at a position")

        def first(contact: Contact, partition: Any) -> Beginning[AlarmUpdate]:
            # Asked first: what comes after it is new, also what comes while the list is read.
            position = last_position(contact.consumer, partition)
            begin, end = bounds(contact.consumer, partition)
            states = alarm_list(contact.consumer, partition, begin, end)
            told = [Entry(one) for one in listed(states.items())]
            what = f"Kafka does not know group {self._name}: it begins with the list of alarms."
            return Beginning(end, position, [*told, Entry(None, (partition.partition, end))], what)

        def read(message: Message) -> AlarmUpdate:
            return update(*read_alarm(message))

        return self._stream(Reading(self._source.names.alarms, read, first, was_told=False), until_now=until_now)

    def _stream(self, reading: Reading[T], *, until_now: bool) -> Stream[T]:
        stopped = Event()
        contact = self._source.contact(
            reading.topic,
            stopped,
            group_id=self._name,
            session_timeout_ms=SESSION_MS,
            metadata_max_age_ms=METADATA_MS,
            # A member that comes or goes takes from the others only what it gets: the rest reads on.
            partition_assignment_strategy=[_STICKY.CooperativeStickyAssignor],
        )
        member = Member(self._source, contact, self._name, reading, until_now=until_now)
        return Stream(member.batches(), stopped, close=contact.close).remembered_by(member.remember, _nothing)


def _nothing() -> None:
    """The contact is closed, and the group left with it."""
