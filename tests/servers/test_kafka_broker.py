"""The broker that the tests start is a real one, which keeps what it acknowledged."""

from collections.abc import Callable
from contextlib import closing

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]


def test_a_killed_broker_keeps_what_it_acknowledged(new_broker: Callable[..., Broker]) -> None:
    broker = new_broker()
    with closing(broker.admin()) as admin:
        admin.create_topics([NewTopic("kept", 1, 1)])
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as producer:
        for number in range(100):
            sent = producer.send("kept", b"%d" % number)
        producer.flush()
        assert sent.get(10).offset == 99

    bootstrap, killed = broker.bootstrap, broker.pid
    broker.kill()
    broker.start()

    assert broker.bootstrap == bootstrap
    assert broker.pid != killed
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")) as consumer:
        consumer.assign([TopicPartition("kept", 0)])
        assert [next(consumer).value for _ in range(100)] == [b"%d" % number for number in range(100)]


def test_the_shared_broker_makes_no_topic_unasked(kafka: Broker) -> None:
    with closing(kafka.admin()) as admin:
        assert "never-made" not in admin.list_topics()


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(new_broker: Callable[..., Broker]) -> None:
    with pytest.raises(AssertionError, match=r"does not start(?s:.*)process.roles"):
        new_broker({"process.roles": "conductor"})
