"""The topics are made as the streams need them, and never changed in silence."""

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import InvalidReplicationFactorError, MessageSizeTooLargeError, UnknownTopicOrPartitionError

from consumers.kafka.connecting import Admin
from consumers.kafka.settings import LARGEST_REQUEST
from consumers.kafka.topics import TopicError, TopicNames, check_topics, create_topics, topic_ids
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]


@pytest.fixture
def names(prefix: str) -> TopicNames:
    return TopicNames.of(prefix)


def test_the_topics_have_the_program_s_name() -> None:
    assert TopicNames.of() == ("understudy.events", "understudy.alarms", "understudy.publisher")


def test_missing_topics_are_made_and_are_then_as_they_must_be(admin: Admin, names: TopicNames) -> None:
    with pytest.raises(TopicError, match=r"no topic .*\.events, .*\.alarms, .*\.publisher: understudy publish kafka"):
        check_topics(admin, names)

    assert create_topics(admin, names, partitions=4) == [
        f"{names.events}: made, 4 partitions, 1 replica",
        f"{names.alarms}: made, 4 partitions, 1 replica",
        f"{names.publisher}: made, 1 partition, 1 replica",
    ]

    check_topics(admin, names)
    assert create_topics(admin, names, partitions=4) == [
        f"{names.events}: exists, 4 partitions",
        f"{names.alarms}: exists, 4 partitions",
        f"{names.publisher}: exists, 1 partition",
    ]


def test_what_is_missing_is_made_by_a_command_with_the_prefix(admin: Admin, names: TopicNames, prefix: str) -> None:
    with pytest.raises(TopicError, match=f"understudy publish kafka --create-topics --topic-prefix {prefix} makes it$"):
        check_topics(admin, names)
    with pytest.raises(TopicError, match=r"understudy publish kafka --create-topics makes it$"):
        check_topics(admin, TopicNames.of())


def test_fewer_partitions_than_asked_for_are_told(admin: Admin, names: TopicNames) -> None:
    create_topics(admin, names)
    lines = create_topics(admin, names, partitions=3)
    assert f"{names.events}: exists, 1 partition" in lines
    assert any(line.startswith(f"{names.events}: stays at 1 partition, not 3: ") for line in lines)
    assert not any(line.startswith(f"{names.publisher}: stays") for line in lines)


def test_more_replicas_than_brokers_are_refused_in_words(admin: Admin, names: TopicNames) -> None:
    refusal = r"^3 replicas need as many brokers, and there is 1: nothing was made; lower --replication-factor$"
    with pytest.raises(TopicError, match=refusal):
        create_topics(admin, names, replicas=3)
    assert topic_ids(admin, names) == {}


class BeforeAdmin(KafkaAdminClient):
    """Knows of a broker that has gone since."""

    def describe_cluster(self) -> dict[str, Any]:
        described = super().describe_cluster()
        return described | {"brokers": [*described["brokers"], *described["brokers"]]}


def test_that_too_few_brokers_are_there_at_the_moment_is_not_for_good(kafka: Broker, names: TopicNames) -> None:
    with (
        closing(BeforeAdmin(bootstrap_servers=kafka.bootstrap)) as admin,
        pytest.raises(InvalidReplicationFactorError),
    ):
        create_topics(admin, names)


@pytest.mark.parametrize("prefix", ["a b", "", "ä", "x" * 201])
def test_a_prefix_that_no_topic_can_have_is_refused(prefix: str) -> None:
    with pytest.raises(TopicError, match="topics cannot be named"):
        TopicNames.of(prefix)


def test_what_the_brokers_do_not_make_is_told_in_words(admin: Admin, names: TopicNames) -> None:
    with pytest.raises(TopicError, match=r"the brokers do not make it: .*[^)]$") as raised:
        create_topics(admin, names, partitions=1_000_000_000)
    assert "Response" not in str(raised.value)


def test_a_setting_that_differs_is_told_with_its_remedy(admin: Admin, names: TopicNames) -> None:
    told = {"num_partitions": 1, "replication_factor": 1, "configs": {"retention.ms": "60000"}}
    admin.create_topics({names.events: told}, wait_for_metadata=True)

    lines = create_topics(admin, names)

    assert lines[0] == f"{names.events}: exists, 1 partition"
    remedy = f"kafka-configs.sh --alter --topic {names.events} --add-config"
    assert f"{names.events}: retention.ms is 60000 where -1 is right: {remedy} retention.ms=-1" in lines
    assert any("max.message.bytes is 1048588" in line for line in lines)
    check_topics(admin, names)


def test_a_compacted_topic_of_events_is_refused_and_left_alone(admin: Admin, names: TopicNames) -> None:
    told = {"num_partitions": 1, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}}
    admin.create_topics({names.events: told}, wait_for_metadata=True)
    refusal = rf"{re.escape(names.events)}: cleanup.policy is compact, and must be delete: kafka-configs\.sh"

    for _ in range(2):
        with pytest.raises(TopicError, match=refusal):
            create_topics(admin, names)
    with pytest.raises(TopicError, match=refusal):
        check_topics(admin, names)


def test_a_publisher_s_topic_with_two_partitions_is_refused(admin: Admin, names: TopicNames) -> None:
    told = {"num_partitions": 2, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}}
    admin.create_topics({names.publisher: told}, wait_for_metadata=True)
    with pytest.raises(TopicError, match="has 2 partitions, and must have 1"):
        create_topics(admin, names)


def test_a_topic_that_was_made_anew_has_another_id(kafka: Broker, admin: Admin, names: TopicNames) -> None:
    create_topics(admin, names)
    before = topic_ids(admin, names)
    assert set(before) == set(names)

    deleter = kafka.admin()
    deleter.delete_topics([names.events])
    deleter.close()
    assert names.events not in topic_ids(admin, names)

    create_topics(admin, names)
    after = topic_ids(admin, names)
    assert after[names.events] != before[names.events]
    assert after[names.alarms] == before[names.alarms]


class LateAdmin(KafkaAdminClient):
    """Asks a broker that does not know yet, for a while, what somebody else has just had made."""

    late = 0

    def describe_topics(self, topics: list[str] | None = None) -> list[dict[str, Any]]:
        described = super().describe_topics(topics)
        if self.late:
            self.late -= 1
            unknown = {"error_code": UnknownTopicOrPartitionError.errno, "partitions": []}
            return [topic | unknown for topic in described]
        return described


@pytest.mark.parametrize("late", [1, 4])
def test_topics_that_somebody_else_makes_at_the_same_moment_are_waited_for(
    kafka: Broker, admin: Admin, names: TopicNames, late: int
) -> None:
    create_topics(admin, names)
    with closing(LateAdmin(bootstrap_servers=kafka.bootstrap)) as other:
        other.late = late
        assert create_topics(other, names)[0] == f"{names.events}: exists, 1 partition"
        assert other.late == 0


def test_the_largest_fact_that_the_producer_takes_fits_into_the_topic(
    kafka: Broker,
    admin: Admin,
    names: TopicNames,
    make_producer: Callable[..., KafkaProducer],
    read_all: Callable[..., list[bytes]],
) -> None:
    create_topics(admin, names)
    producer = make_producer(kafka)
    largest = bytes(LARGEST_REQUEST - 200)

    producer.send(names.events, largest, key=b"pe1").get(30)

    assert read_all(kafka, names.events) == [largest]
    with pytest.raises(MessageSizeTooLargeError):
        producer.send(names.events, bytes(LARGEST_REQUEST + 1), key=b"pe1").get(30)
