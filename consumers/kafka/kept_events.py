"""How far the topic of events really goes: what Kafka has, compared with the record.

A broker that loses power may lose the end of what it had not written to its disk yet, and a record may be restored from
a backup; a stored position knows of neither. What retention took from the beginning of a topic is not missed.
"""

from typing import Any

from consumers.cloudevents import MalformedMessageError, position_of
from consumers.kafka.outbox import Outbox
from consumers.kafka.partitioning import partition_of
from consumers.kafka.position import newest_record, partitions
from consumers.kafka.reading_offsets import bounds, message_of
from consumers.kafka.topics import HOW_TO_MAKE_ANEW, TopicError


class KeptEvents:
    """The newest event in each partition of the topic of events; ``consumer`` reads only what is committed.

    Raises:
        TopicError: one of them is not what the record has at its position.
    """

    def __init__(self, consumer: Any, topic: str, outbox: Outbox) -> None:
        self._topic = topic
        self._outbox = outbox
        there = partitions(consumer, topic)
        self._count = len(there)
        self._newest: dict[int, int] = {}
        for partition in there:
            record = newest_record(consumer, partition)
            if record is not None:
                self._newest[partition.partition] = self._position_of(record)
            elif not bounds(consumer, partition)[0]:  # else its beginning is gone, and all that it had with it
                self._newest[partition.partition] = 0

    def _position_of(self, record: Any) -> int:
        try:
            position = position_of(message_of(record))
        except MalformedMessageError as error:
            raise TopicError(foreign(self._topic)) from error
        if not self._outbox.holds(position, record.value):
            raise TopicError(foreign(self._topic))
        return position

    def newest(self) -> int:
        """The newest position that is there; 0 where there is none."""
        return max(self._newest.values(), default=0)

    def reach(self, written: int) -> int:
        """The position up to which everything is there, where it was written up to ``written``, or further.

        Raises:
            TopicError: what is missing lies before what is there, so it cannot be published again in its order.
        """
        position = max(written, self.newest())
        lost = self._first_lost(position)
        if lost is None:
            return position
        if lost < self.newest():
            raise TopicError(f"topic {self._topic} has lost events, the first at position {lost}: {HOW_TO_MAKE_ANEW}")
        return lost - 1

    def _first_lost(self, until: int) -> int | None:
        """The first position, at most ``until``, that is after the newest one of its partition."""
        if self._count == 1:
            newest = self._newest.get(0, until)
            return newest + 1 if newest < until else None
        ends = self._outbox.ends(until)
        short = {
            self._of(chassis) for chassis, last in ends.items() if last > self._newest.get(self._of(chassis), last)
        }
        after = min((self._newest[one] for one in short), default=until)
        for position, chassis in self._outbox.positions(after, until):
            if self._of(chassis) in short and position > self._newest[self._of(chassis)]:
                return position
        return None

    def _of(self, chassis: str) -> int:
        return partition_of(chassis.encode(), self._count)


def foreign(topic: str) -> str:
    """What is to be said of a topic with somebody else's events, and what to do."""
    return (
        f"topic {topic} holds events of another record, or of a newer state of this one: "
        "use another --topic-prefix. Or stop all who publish and subscribe, delete the three topics and the groups, "
        "publish anew with --create-topics, and subscribe --from a position that this record has"
    )
