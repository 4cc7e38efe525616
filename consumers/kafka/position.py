"""How far the publisher is, as it is stored in Kafka: written in the same transaction as what it speaks of."""

import os
import socket
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import kafka.errors  # type: ignore[import-untyped]
import msgspec
import orjson

from consumers.cloudevents import JSON, Message
from consumers.kafka.reading_offsets import bounds, message_of, partitions_of, records
from consumers.kafka.topics import HOW_TO_MAKE_ANEW, There, TopicError

_ERRORS: Any = kafka.errors
KEY = b"/understudy"
"""One publisher for each set of topics, so one key."""


class Writer(msgspec.Struct, frozen=True):
    """Who publishes: unique for each publisher, with its host and process for whoever looks for it."""

    name: str
    host: str
    process: int

    @classmethod
    def new(cls) -> "Writer":
        """A new one, in this process."""
        return cls(uuid4().hex, socket.gethostname(), os.getpid())

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A position with what must hold for it to count.

    ``position``: the events up to it are in the topic of events; ``alarms``: the alarms topic has what they changed up
    to this one, which is greater only while lost events are published again. ``record`` identifies the record,
    ``topics`` the topics of events and alarms by their ids: a topic that was made anew has another one; ``partitions``
    says how many each had, if it was written by one who knew. Only publishers with the same ``transactional_id``
    exclude each other. ``ended``: the writer has ended in order, so that nobody publishes now.
    """

    position: int
    alarms: int
    record: str
    topics: dict[str, str]
    transactional_id: str
    writer: Writer
    ended: bool = False
    partitions: dict[str, int] = msgspec.field(default_factory=dict[str, int])

    def message(self) -> Message:
        """As it is sent."""
        return Message(KEY, orjson.dumps(self, default=msgspec.structs.asdict), [("content-type", JSON)])

    def lacks(self, there: Mapping[str, There], name: str) -> bool:
        """Whether the topic is not the one that this position speaks of."""
        return self.topics.get(name) != there[name].id

    def see_same_partitions(self, there: Mapping[str, There], name: str) -> None:
        """Makes sure that every key has the partition that it had: what is in another one is never taken back.

        Raises:
            TopicError: the topic was given more partitions.
        """
        had, has = self.partitions.get(name), there[name].partitions
        if had not in {None, has}:
            raise TopicError(
                f"topic {name} had {had} partition{'' if had == 1 else 's'} and has {has} now, so that what comes next "
                f"would not follow what is there: {HOW_TO_MAKE_ANEW}"
            )


_read = msgspec.json.Decoder(Stored).decode


def partitions(consumer: Any, topic: str) -> list[Any]:
    """The partitions of a topic that is there.

    Raises:
        KafkaTimeoutError: none are known yet, which must not be taken for an empty topic.
    """
    found = partitions_of(consumer, topic)
    if not found:
        raise _ERRORS.KafkaTimeoutError(f"{topic}: its partitions are not known yet")
    return found


def newest_record(consumer: Any, partition: Any) -> Any | None:
    """The last committed record of a partition; none where there is none."""
    begin, end = bounds(consumer, partition)
    back = 2  # the mark of a transaction's end, and the record before it
    while True:
        start, found = max(begin, end - back), None
        for record in records(consumer, partition, start, end):
            found = record
        if found is not None or start == begin:
            return found
        back *= 8


def read_position(consumer: Any, topic: str) -> Stored | None:
    """What is stored, none where nothing is; ``consumer`` reads only what is committed.

    Raises:
        TopicError: something else is stored there.
    """
    for partition in partitions(consumer, topic):
        record = newest_record(consumer, partition)
        if record is not None:
            try:
                return _read(message_of(record).value or b"")
            except msgspec.DecodeError as error:
                raise TopicError(f"{topic} holds something that is no position: use another --topic-prefix") from error
    return None
