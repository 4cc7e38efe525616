"""Where to go on: what Kafka has, compared with the position that is stored there and with the record.

A topic that was deleted, or deleted and made anew, is filled again: events from the first one on, alarms with the
present list. A lost position is found again in the newest event. Nothing is published twice to a topic that is whole.
"""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import kafka  # type: ignore[import-untyped]

from consumers.cloudevents import MalformedMessageError, position_of
from consumers.kafka.connecting import Admin
from consumers.kafka.outbox import Outbox
from consumers.kafka.position import Stored, Writer, newest_record, partitions, read_position
from consumers.kafka.reading_offsets import bounds, message_of, records
from consumers.kafka.topics import TopicError, TopicNames

_KAFKA: Any = kafka
_log = logging.getLogger(__name__)


class Standing(NamedTuple):
    """What holds at the beginning of a session: the position, and whether the alarms topic is to be mended first."""

    stored: Stored
    mend: bool


class Surveyor:
    """Finds out where to go on; ``consumer`` reads only what is committed."""

    def __init__(self, admin: Admin, consumer: Any, names: TopicNames, transactional_id: str, outbox: Outbox) -> None:
        self._admin: Any = admin
        self._consumer = consumer
        self._names = names
        self._transactional_id = transactional_id
        self._outbox = outbox

    def stored(self, record: str) -> Stored | None:
        """The position as Kafka has it, of the record with that identity; none where there is none.

        Raises:
            TopicError: it is that of another record.
        """
        stored = read_position(self._consumer, self._names.publisher)
        if stored is not None and (stored.record != record or stored.position > self._outbox.head()):
            raise TopicError(self._foreign())
        if stored is not None and stored.transactional_id != self._transactional_id:
            raise TopicError(
                f"{stored.writer} publishes to {self._names.events} with the transactional id "
                f"{stored.transactional_id}: use the same one, or stop it and delete topic {self._names.publisher}"
            )
        return stored

    def standing(self, stored: Stored | None, ids: Mapping[str, str], record: str, writer: Writer) -> Standing:
        """Where ``writer`` goes on with the record of that identity, where the topics have these ids now.

        Raises:
            TopicError: the topics hold something else than this record.
        """
        topics = {name: ids[name] for name in (self._names.events, self._names.alarms)}
        if stored is None:
            position = self._recovered()
            return Standing(self._at(position, position, record, topics, writer), mend=True)
        events_anew, alarms_anew = (stored.lacks(ids, name) for name in topics)
        position = 0 if events_anew else stored.position
        alarms = position if alarms_anew else stored.alarms
        if events_anew:
            _log.warning("topic %s was made anew: all events are published again", self._names.events)
            self._empty(self._names.events)
        if alarms_anew:
            _log.warning("topic %s was made anew: the alarm list is published again", self._names.alarms)
        return Standing(self._at(position, alarms, record, topics, writer), mend=alarms_anew)

    def _at(self, position: int, alarms: int, record: str, topics: dict[str, str], writer: Writer) -> Stored:
        return Stored(
            position=position,
            alarms=alarms,
            record=record,
            topics=topics,
            transactional_id=self._transactional_id,
            writer=writer,
        )

    def _recovered(self) -> int:
        """The newest position in the topic of events; 0 where it is empty."""
        newest, document = 0, None
        for partition in partitions(self._consumer, self._names.events):
            record = newest_record(self._consumer, partition)
            if record is None:
                continue
            try:
                position = position_of(message_of(record))
            except MalformedMessageError as error:
                raise TopicError(self._foreign()) from error
            if position > newest:
                newest, document = position, record.value
        if newest and not self._outbox.holds(newest, document):
            raise TopicError(self._foreign())
        if newest:
            _log.warning("the stored position is lost: going on after %d, as %s has it", newest, self._names.events)
        return newest

    def _foreign(self) -> str:
        return (
            f"topic {self._names.events} holds events of another record, or of a newer state of this one: "
            "use another --topic-prefix, or delete the three topics and publish anew with --create-topics"
        )

    def _empty(self, topic: str) -> None:
        """Takes away what is in a topic; subscribers see its beginning move."""
        there = partitions(self._consumer, topic)
        filled = [partition for partition in there if len(set(bounds(self._consumer, partition))) > 1]
        if filled:
            self._admin.delete_records(dict.fromkeys(filled, -1))

    def alarms_kept(self) -> dict[str, int]:
        """The identities that the topic of alarms has now, each with its position; -1 where it is not one of ours."""
        kept: dict[str, int] = {}
        for partition in partitions(self._consumer, self._names.alarms):
            begin, end = bounds(self._consumer, partition)
            for record in records(self._consumer, partition, begin, end):
                identity = record.key.decode(errors="replace")
                kept.pop(identity, None)
                if record.value is not None:
                    kept[identity] = _position(record)
        return kept


def _position(record: Any) -> int:
    try:
        return position_of(message_of(record))
    except MalformedMessageError:
        return -1
