"""Clients of a real broker, and topics of one's own."""

import gc
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from consumers.kafka.connecting import Admin, close_producer, connect_admin
from consumers.kafka.settings import ClientSettings
from tests.servers.kafka import QUICK, Broker

_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """kafka-python leaves it to the collector to close the sockets of connections that came to nothing."""
    for item in items:
        leaves_open = r"ignore:unclosed <(ssl\.SSLSocket|socket\.socket):ResourceWarning"
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings(leaves_open))


@pytest.fixture(autouse=True)
def _collect(request: pytest.FixtureRequest) -> Iterator[None]:
    """They are to warn here, where that is expected, and not in a later test."""
    yield
    if request.node.get_closest_marker("kafka"):
        gc.collect()


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A prefix of topics and transactions that no other test has."""
    return f"t{next(_numbers)}-{request.node.name.partition('[')[0]}"[:80]


@pytest.fixture
def admin(kafka: Broker) -> Iterator[Admin]:
    """Of the shared broker."""
    with closing(connect_admin(ClientSettings.read(kafka.bootstrap))) as connected:
        yield connected


@pytest.fixture
def make_producer() -> Iterator[Callable[..., KafkaProducer]]:
    """A producer with our settings; closed in the end, without waiting for what cannot be sent."""
    made: list[KafkaProducer] = []

    def make(broker: Broker, **preferred: Any) -> KafkaProducer:
        settings = ClientSettings.read(broker.bootstrap).producer(**{**QUICK, **preferred})
        made.append(KafkaProducer(**settings))
        return made[-1]

    yield make
    for producer in made:
        close_producer(producer)
    made.clear()


@pytest.fixture
def read_all() -> Callable[..., list[bytes]]:
    """The values in partition 0 of a topic as far as it is committed, or written with another isolation level."""

    def read(broker: Broker, topic: str, **preferred: Any) -> list[bytes]:
        settings = ClientSettings.read(broker.bootstrap).consumer(**{**QUICK, **preferred})
        with closing(KafkaConsumer(**settings)) as consumer:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            end = consumer.end_offsets([partition])[partition]
            values: list[bytes] = []
            while consumer.position(partition) < end:
                values += [record.value for record in consumer.poll(1000).get(partition, [])]
            return values

    return read
