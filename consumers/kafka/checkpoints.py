"""Kafka as a witness: the topic ``PREFIX.checkpoints`` has every signed checkpoint, keyed by the log that it is of.

Nothing in there is trusted for being there: whoever reads it back verifies the signatures. Whether it is out of reach
of those who write the record is a matter of ACLs. The topic has one partition and keeps everything: a few hundred
bytes for each checkpoint.
"""

from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Any

import kafka.errors  # type: ignore[import-untyped]

from consumers.kafka.connecting import (
    Admin,
    ConnectError,
    close_producer,
    connect_admin,
    connect_consumer,
    connect_producer,
)
from consumers.kafka.position import partitions
from consumers.kafka.reading_offsets import bounds, records
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import KEPT, MOST_REPLICAS, PREFIX, TopicError, make_topic, topics_there

CONNECTING: dict[str, Any] = {"bootstrap_timeout_ms": 10_000}
SEND_SECONDS = 30.0
"""How long a checkpoint may take until all replicas have it."""

_ERRORS: Any = kafka.errors


class CheckpointTopic:
    """The checkpoints in a cluster; each call connects, and lets go again: there are minutes between two."""

    def __init__(self, settings: ClientSettings, prefix: str = PREFIX) -> None:
        self._settings = settings
        self.topic = f"{prefix}.checkpoints"

    @property
    def name(self) -> str:
        """Of the witness, for people."""
        return f"Kafka's topic {self.topic}"

    def create(self, *, replicas: int | None = None) -> bool:
        """Makes the topic if it is missing; returns whether it was. ``replicas`` are three at most, if not given.

        Raises:
            ConnectError: no broker answers in time.
            TopicError: the brokers do not make it so, or do not let us see it.
        """
        with self._asking() as admin:
            if topics_there(admin, [self.topic]):
                return False
            count = replicas or min(MOST_REPLICAS, len(admin.describe_cluster()["brokers"]))
            configs = {**KEPT, "min.insync.replicas": str(max(1, count - 1))}
            return make_topic(admin, self.topic, {"num_partitions": 1, "replication_factor": count, "configs": configs})

    def send(self, origin: str, note: str) -> None:
        """Sends a note; when this returns, all replicas have it.

        Raises:
            ConnectError: no broker answers in time.
            TopicError: there is no such topic, or it did not take the note.
        """
        self._see_there()
        producer = connect_producer(self._settings, **CONNECTING)
        try:
            producer.send(self.topic, note.encode(), key=origin.encode()).get(SEND_SECONDS)
        except _ERRORS.KafkaError as error:
            raise TopicError(f"{self.topic} did not take a checkpoint: {error}") from error
        finally:
            close_producer(producer)

    def notes(self, origin: str | None = None) -> list[str]:
        """The notes that are there, the oldest first; of one log, if that is named.

        Raises:
            ConnectError: no broker answers in time.
            TopicError: there is no such topic, or it cannot be read.
        """
        wanted = None if origin is None else origin.encode()
        self._see_there()
        with closing(connect_consumer(self._settings, **CONNECTING)) as consumer:
            try:
                return [
                    (record.value or b"").decode(errors="replace")
                    for partition in partitions(consumer, self.topic)
                    for record in records(consumer, partition, *bounds(consumer, partition))
                    if wanted in {None, record.key}
                ]
            except _ERRORS.KafkaError as error:
                raise TopicError(f"{self.topic} cannot be read: {error}") from error

    def newest(self, origin: str) -> str | None:
        """The note of a log that was sent last, if there is one; see ``notes``."""
        found = self.notes(origin)
        return found[-1] if found else None

    def _see_there(self) -> None:
        with self._asking() as admin:
            if not topics_there(admin, [self.topic]):
                raise TopicError(f"no topic {self.topic}: --create-topics makes it")

    @contextmanager
    def _asking(self) -> Generator[Admin]:
        """Connected, to ask of topics; a broker that stops answering in the middle does not answer, either."""
        with closing(connect_admin(self._settings, **CONNECTING)) as admin:
            try:
                yield admin
            except _ERRORS.KafkaError as error:
                raise ConnectError(f"{self.topic} cannot be reached: {error}") from error
