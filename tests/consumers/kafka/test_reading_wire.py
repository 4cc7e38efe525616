"""What lies in the topics is what the AsyncAPI document says."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from kafka import KafkaConsumer, KafkaProducer

from consumers.kafka.connecting import Admin
from consumers.kafka.reading_offsets import bounds, partitions_of, records
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames, create_topics
from events.store import Record
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]
DOCUMENT = orjson.loads((Path(__file__).parents[3] / "docs" / "asyncapi.json").read_bytes())


def raw(broker: Broker, topic: str) -> Iterator[Any]:
    with closing(KafkaConsumer(**ClientSettings.read(broker.bootstrap).consumer())) as consumer:
        (partition,) = partitions_of(consumer, topic)
        yield from records(consumer, partition, *bounds(consumer, partition))


def check(part: str, value: Any) -> None:
    Draft202012Validator({**DOCUMENT, "$ref": f"#/{part}"}).validate(value)


def test_every_message_in_the_topics_is_as_described(
    kafka: Broker,
    record: Record,
    admin: Admin,
    prefix: str,
    story,
    publish,
    make_producer: Callable[..., KafkaProducer],
) -> None:
    names = TopicNames.of(prefix)
    create_topics(admin, names)
    producer = make_producer(kafka, transactional_id=prefix)
    producer.init_transactions()
    story.whole()
    publish(record, producer, prefix)
    for channel, topic in (("events", names.events), ("alarms", names.alarms)):
        kinds = set[str]()
        for one in raw(kafka, topic):
            headers = {name: value.decode() for name, value in one.headers}
            kinds.add(headers["ce_type"])
            described = DOCUMENT["channels"][channel]["messages"][headers["ce_type"]]["$ref"].removeprefix("#/")
            check(f"{described}/headers", headers)
            check(f"{described}/payload", None if one.value is None else orjson.loads(one.value))
        assert kinds >= ({"alarm.state.v1", "alarm.left.v1"} if channel == "alarms" else {"alarm.raised.v1"})
