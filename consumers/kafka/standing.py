"""Where to go on: what Kafka has, compared with the position that is stored there and with the record.

A topic that was deleted, or deleted and made anew, is filled again: events from the first one on, alarms with the
present list. A lost position is found again in the newest event, and so is the end of a topic that lost its own. What
the topic of alarms has is always compared with the list. Nothing is published twice to a topic that is whole.
"""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import kafka  # type: ignore[import-untyped]
import kafka.admin  # type: ignore[import-untyped]

from consumers.cloudevents import MalformedMessageError, position_of
from consumers.kafka.connecting import Admin
from consumers.kafka.kept_events import KeptEvents, foreign
from consumers.kafka.outbox import Outbox
from consumers.kafka.position import Stored, Writer, partitions, read_position
from consumers.kafka.reading_offsets import bounds, message_of, records
from consumers.kafka.topics import There, TopicError, TopicNames

_KAFKA: Any = kafka
_log = logging.getLogger(__name__)


class Standing(NamedTuple):
    """What holds at the beginning of a session.

    ``stored``: the position. ``mend``: the topic of alarms is at the same one, and is to be compared with the list: no
    position tells what a broker has lost of it.
    """

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
            raise TopicError(foreign(self._names.events))
        if stored is not None and stored.transactional_id != self._transactional_id:
            raise TopicError(
                f"{stored.writer} publishes to {self._names.events} with the transactional id "
                f"{stored.transactional_id}: use the same one, or stop it and delete topic {self._names.publisher}"
            )
        return stored

    def standing(self, stored: Stored | None, there: Mapping[str, There], record: str, writer: Writer) -> Standing:
        """Where ``writer`` goes on with the record of that identity, where the topics are these now.

        Raises:
            TopicError: the topics hold something else than this record, or what cannot be gone on with.
        """
        now = {name: there[name] for name in (self._names.events, self._names.alarms)}
        if stored is None:
            position = self._recovered()
            return Standing(self._at(position, position, record, now, writer), mend=True)
        events_anew, alarms_anew = (stored.lacks(there, name) for name in now)
        for name, anew in zip(now, (events_anew, alarms_anew), strict=True):
            if not anew:
                stored.see_same_partitions(there, name)
        if events_anew:
            _log.warning("topic %s was made anew: all events are published again", self._names.events)
            self._empty(self._names.events)
            position, moved = 0, False
        else:
            position = self._reached(stored.position)
            moved = position != stored.position
        if alarms_anew:
            _log.warning("topic %s was made anew: the alarm list is published again", self._names.alarms)
        # Where events are lost, or a position is, nobody knows what the topic of alarms has lost.
        alarms = position if alarms_anew or moved else stored.alarms
        return Standing(self._at(position, alarms, record, now, writer), mend=alarms == position)

    def _at(self, position: int, alarms: int, record: str, now: Mapping[str, There], writer: Writer) -> Stored:
        return Stored(
            position=position,
            alarms=alarms,
            record=record,
            topics={name: one.id for name, one in now.items()},
            transactional_id=self._transactional_id,
            writer=writer,
            partitions={name: one.partitions for name, one in now.items()},
        )

    def _kept(self) -> KeptEvents:
        return KeptEvents(self._consumer, self._names.events, self._outbox)

    def _recovered(self) -> int:
        """How far the topic of events goes; 0 where it is empty."""
        position = self._kept().reach(0)
        if position:
            _log.warning("the stored position is lost: going on after %d, as %s has it", position, self._names.events)
        return position

    def _reached(self, stored: int) -> int:
        """How far the topic of events really goes, which was written up to ``stored``."""
        position = self._kept().reach(stored)
        if position < stored:
            _log.warning(
                "topic %s has lost the events after position %d: they are published again", self._names.events, position
            )
        elif position > stored:
            _log.warning(
                "the stored position %d is too old: going on after %d, as %s has it",
                stored, position, self._names.events,
            )  # fmt: skip
        return position

    def _empty(self, topic: str) -> None:
        """Takes away what is in a topic; subscribers see its beginning move."""
        there = partitions(self._consumer, topic)
        filled = [partition for partition in there if len(set(bounds(self._consumer, partition))) > 1]
        if filled:
            self._admin.delete_records(dict.fromkeys(filled, -1))

    def unended(self, there: Mapping[str, There]) -> bool:
        """Whether a part of a transaction is there which has lost its end: ours are ended where a session has begun."""
        both = [
            _KAFKA.TopicPartition(name, number)
            for name in (self._names.events, self._names.alarms)
            for number in range(there[name].partitions)
        ]
        ends = dict.fromkeys(both, _KAFKA.admin.OffsetSpec.LATEST)
        written = self._admin.list_partition_offsets(ends)
        committed = self._admin.list_partition_offsets(ends, isolation_level="read_committed")
        return any(committed[one].offset < end.offset for one, end in written.items())

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
