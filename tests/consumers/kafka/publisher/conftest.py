"""Publishers of a record on which things happen, and what is in their topics."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from consumers.cloudevents import Message, alarm_message, fact_message, position_of
from consumers.kafka.publisher import Publisher
from consumers.kafka.publishing import Plan
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames
from events.store import Record
from projections.alarm_changes import AlarmChanges
from tests.servers.kafka import QUICK, Broker

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.01
SETTLING_SECONDS = 10.0


@pytest.fixture(autouse=True)
def _hush() -> Iterator[None]:
    """What kafka-python warns of in an outage names sockets that it left open, and would keep them for the report."""
    logger = logging.getLogger("kafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(level)


class Topics:
    """What is in the topics of a prefix."""

    def __init__(self, broker: Broker, prefix: str) -> None:
        self.names = TopicNames.of(prefix)
        self._settings = ClientSettings.read(broker.bootstrap)

    def records(self, topic: str, **preferred: Any) -> list[ConsumerRecord]:
        """All of a topic, partition by partition, as far as it is committed."""
        found: list[ConsumerRecord] = []
        with closing(KafkaConsumer(**{**self._settings.consumer(**QUICK), **preferred})) as consumer:
            for number in sorted(consumer.partitions_for_topic(topic) or ()):
                partition = TopicPartition(topic, number)
                consumer.assign([partition])
                consumer.seek_to_beginning(partition)
                end = self._settled_end(consumer, partition)
                while consumer.position(partition) < end:
                    found += consumer.poll(1000).get(partition, [])
        return found

    def _settled_end(self, consumer: KafkaConsumer, partition: TopicPartition) -> int:
        """The end of what is committed: Kafka says that a transaction is committed a moment before readers see it."""
        with closing(
            KafkaConsumer(**{**self._settings.consumer(**QUICK), "isolation_level": "read_uncommitted"})
        ) as all_:
            written = all_.end_offsets([partition])[partition]
        for _ in range(int(SETTLING_SECONDS / LOOK_SECONDS)):
            if consumer.end_offsets([partition])[partition] >= written:
                break
            threading.Event().wait(LOOK_SECONDS)
        end: int = consumer.end_offsets([partition])[partition]
        return end

    def messages(self, topic: str, **preferred: Any) -> list[Message]:
        """They, as messages."""
        return [Message(record.key, record.value, list(record.headers)) for record in self.records(topic, **preferred)]

    def equal(self, record: Record) -> None:
        """The events are those of the record, each once and in its order; so is each change of an alarm."""
        events, alarms = expected(record)
        assert by_key(self.messages(self.names.events)) == by_key(events)
        assert by_key(self.messages(self.names.alarms)) == by_key(alarms)
        if len({record.partition for record in self.records(self.names.events)}) == 1:
            assert [position_of(message) for message in self.messages(self.names.events)] == [
                *range(1, len(events) + 1)
            ]

    def kept(self) -> dict[bytes, bytes]:
        """The alarms topic as compaction will leave it."""
        kept: dict[bytes, bytes] = {}
        for message in self.messages(self.names.alarms):
            kept.pop(message.key, None)
            if message.value is not None:
                kept[message.key] = message.value
        return kept


def expected(record: Record) -> tuple[list[Message], list[Message]]:
    """The messages of events and of alarms."""
    changes, facts = AlarmChanges(), list(record.read())
    events = [fact_message(fact) for fact in facts]
    alarms = [alarm_message(name, change, fact) for fact in facts for name, change in changes.apply(fact)]
    return events, alarms


def by_key(messages: list[Message]) -> dict[bytes, list[Message]]:
    found: dict[bytes, list[Message]] = {}
    for message in messages:
        found.setdefault(message.key, []).append(message)
    return found


@pytest.fixture
def topics(kafka: Broker, prefix: str) -> Topics:
    return Topics(kafka, prefix)


@pytest.fixture
def list_wanted() -> Callable[[Record], dict[bytes, bytes]]:
    """The present alarm list, as the alarms topic is to keep it."""

    def wanted(record: Record) -> dict[bytes, bytes]:
        kept: dict[bytes, bytes] = {}
        for message in expected(record)[1]:
            kept.pop(message.key, None)
            if message.value is not None:
                kept[message.key] = message.value
        return kept

    return wanted


@pytest.fixture
def make(kafka: Broker, prefix: str, record: Record) -> Callable[..., Publisher]:
    """A publisher of the record, which makes topics that are missing unless told otherwise."""

    def made(
        *, stand_by: bool = False, told: dict[str, Any] | None = None, of: Record = record, **plan: Any
    ) -> Publisher:
        settings = ClientSettings.read(kafka.bootstrap)
        settings = settings._replace(told={"reconnect_backoff_max_ms": 100, **(told or {})})
        return Publisher(of, settings, Plan(**{"prefix": prefix, "create": True, **plan}), stand_by=stand_by)

    return made


class Running:
    """A publisher in a thread of its own."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.publisher.run()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def until(self, condition: Callable[[], object]) -> None:
        """Waits until something holds."""
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            if condition():
                return
            self._thread.join(LOOK_SECONDS)
        raise AssertionError(f"not within {PATIENCE_SECONDS:g} s: {self.publisher.status}, {self.error!r}")

    def until_position(self, position: int) -> None:
        """Waits until it has published up to a position, and knows it."""
        self.until(lambda: (self.publisher.status.position or 0) >= position and self.publisher.status.up)

    def end(self) -> BaseException | None:
        """Waits for its end; returns the error in which it ended."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        return self.error

    def stop(self) -> BaseException | None:
        """Stops it."""
        self.publisher.stop()
        return self.end()


@pytest.fixture
def start(make: Callable[..., Publisher]) -> Iterator[Callable[..., Running]]:
    """Starts a publisher; all are stopped in the end."""
    started: list[Running] = []

    def run(**arguments: Any) -> Running:
        started.append(Running(make(**arguments)))
        return started[-1]

    yield run
    for running in started:
        with suppress(AssertionError):  # an earlier failure tells more
            running.stop()
