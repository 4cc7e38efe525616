"""Following Kafka: the same as from the record, in the order of the record, and nothing missing in silence."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer
from kafka.structs import TopicPartition

from consumers.cloudevents import alarm_message
from consumers.kafka.connecting import Admin
from consumers.kafka.reading import kafka_source
from consumers.kafka.reading_stream import KafkaSource
from consumers.kafka.topics import TopicNames, create_topics
from consumers.subscription import (
    Change,
    MissingPositionsError,
    RecordSource,
    SubscriptionError,
    subscribe_alarms,
    subscribe_events,
)
from events.causes import Cause
from events.commands import AlarmAction
from events.store import Record
from projections.alarm_changes import AlarmChanges
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]
Take = Callable[..., list[Any]]
Publish = Callable[..., int]


@pytest.fixture
def producer(kafka: Broker, prefix: str, make_producer: Callable[..., KafkaProducer]) -> KafkaProducer:
    """A publisher's, with topics of one partition."""
    made = make_producer(kafka, transactional_id=prefix)
    made.init_transactions()
    return made


@pytest.fixture(params=[1, 3], ids=["1 partition", "3 partitions"])
def topics(request: pytest.FixtureRequest, admin: Admin, prefix: str) -> TopicNames:
    names = TopicNames.of(prefix)
    create_topics(admin, names, partitions=request.param)
    return names


@pytest.fixture
def source(kafka: Broker, topics: TopicNames, prefix: str) -> KafkaSource:
    assert topics.events.startswith(prefix)
    found = kafka_source(kafka.bootstrap, prefix=prefix)
    assert isinstance(found, KafkaSource)
    return found


@pytest.fixture
def tell_fleet(story) -> Iterator[Callable[[], None]]:
    """Something happens on each of five chassis, whose facts are mixed."""

    def tell() -> None:
        for number in range(5):
            story.whole(f"pe{number}")
        for number in range(5):
            story.fail(f"pe{number}")

    return tell


def test_events_are_those_of_the_record_in_its_order(
    record: Record, source, producer, prefix, tell_fleet, publish, take: Take
) -> None:
    tell_fleet()
    publish(record, producer, prefix)
    for after in (0, 1, 41, record.head() - 1, record.head()):
        with subscribe_events(source, after=after, until_now=True) as events:
            assert take(events) == list(record.read(after=after))


def test_events_from_now_are_the_new_ones(record: Record, source, producer, prefix, story, publish, take: Take) -> None:
    story.whole()
    head = publish(record, producer, prefix)
    with subscribe_events(source) as events:
        story.fail()
        publish(record, producer, prefix, after=head)
        assert take(events, record.head() - head) == list(record.read(after=head))


def test_events_of_empty_topics_begin_with_the_first(
    record: Record, source, producer, prefix, story, publish, take: Take
) -> None:
    with subscribe_events(source, until_now=True) as events:
        assert take(events) == []
    with subscribe_events(source) as events:
        story.provision()
        publish(record, producer, prefix)
        assert take(events, 3) == list(record.read())


def test_what_is_not_committed_is_not_delivered(
    record: Record, source, producer, prefix, story, publish, take: Take
) -> None:
    story.whole()
    producer.begin_transaction()
    producer.send(f"{prefix}.events", key=b"pe1", value=b"{}")
    producer.flush()
    producer.abort_transaction()
    publish(record, producer, prefix)
    with subscribe_events(source, after=0, until_now=True) as events:
        assert take(events) == list(record.read())


def test_a_late_subscriber_gets_the_list_and_then_the_changes_as_from_the_record(
    record: Record, source, producer, prefix, story, tell_fleet, publish, take: Take
) -> None:
    tell_fleet()
    head = publish(record, producer, prefix)
    with subscribe_alarms(source) as alarms, subscribe_alarms(RecordSource(record)) as expected:
        listed = take(expected, 5)
        assert take(alarms, 5) == listed
        assert {one.change for one in listed} == {Change.LISTED}
        story.act(AlarmAction.ACKNOWLEDGE, chassis="pe3", cause=Cause.SOURCE_MISSING)
        story.succeed("pe3")
        publish(record, producer, prefix, after=head)
        assert take(alarms, 2) == take(expected, 2)


def test_the_list_alone_is_that_of_the_record(
    record: Record, source, producer, prefix, tell_fleet, publish, take: Take
) -> None:
    tell_fleet()
    publish(record, producer, prefix)
    found: list[list[Any]] = []
    for one in (source, RecordSource(record)):
        with subscribe_alarms(one, whole_list=True, until_now=True) as alarms:
            found.append(take(alarms))
    assert found[0] == found[1]
    assert len(found[0]) > 5


def test_all_changes_after_a_position_are_told_though_the_alarms_topic_keeps_the_last_only(
    record: Record, source, producer, prefix, tell_fleet, publish, take: Take
) -> None:
    tell_fleet()
    publish(record, producer, prefix)
    for after in (0, 30, record.head()):
        with (
            subscribe_alarms(source, after=after, until_now=True) as alarms,
            subscribe_alarms(RecordSource(record), after=after, until_now=True) as expected,
        ):
            assert take(alarms) == take(expected)


def cut(admin: Any, prefix: str, offset: int) -> None:
    """What retention does, at once."""
    admin.delete_records({TopicPartition(f"{prefix}.events", 0): offset})


@pytest.mark.parametrize("topics", [1], indirect=True)
def test_a_list_that_is_written_again_is_told_though_newer_changes_came_with_it(
    record: Record, source, producer, prefix, topics: TopicNames, story, publish, take: Take
) -> None:
    story.whole()
    publish(record, producer, prefix)
    changes = AlarmChanges()
    told = [alarm_message(name, one, fact) for fact in record.read() for name, one in changes.apply(fact)]
    with subscribe_alarms(source) as alarms:
        assert take(alarms, 1)[0].change is Change.LISTED
        producer.begin_transaction()
        for message in (told[-1], told[0], told[-1]):
            producer.send(topics.alarms, message.value, message.key, message.headers)
        producer.flush()
        producer.commit_transaction()
        with pytest.raises(SubscriptionError, match="was made anew: subscribe again for its list"):
            take(alarms)


@pytest.mark.parametrize("topics", [1], indirect=True)
def test_positions_that_were_cut_off_are_named(
    record: Record, source, producer, prefix, admin, story, publish, take: Take
) -> None:
    story.whole()
    publish(record, producer, prefix, at_once=1000)
    cut(admin, prefix, 4)
    for subscribe in (subscribe_events, subscribe_alarms):
        with subscribe(source, after=1) as stream, pytest.raises(MissingPositionsError) as raised:
            take(stream)
        assert (raised.value.first, raised.value.last) in {(2, 4), (1, 4)}
        assert "UNDERSTUDY_KAFKA" in str(raised.value)
    with subscribe_events(source, after=4, until_now=True) as events:
        assert take(events) == list(record.read(after=4))


@pytest.mark.parametrize("topics", [3], indirect=True)
def test_what_was_cut_off_in_one_of_several_partitions_is_named(
    kafka, record: Record, source, producer, prefix, admin, tell_fleet, publish, take: Take
) -> None:
    tell_fleet()
    publish(record, producer, prefix, at_once=1000)
    cut(admin, prefix, 4)
    lost = {one.position for one in record.read()} - set(there(kafka, prefix))
    assert lost
    with subscribe_events(source, after=0) as events, pytest.raises(MissingPositionsError) as raised:
        take(events)
    assert raised.value.first == min(lost)
    told: list[str] = []
    skipping = kafka_source(kafka.bootstrap, prefix=prefix, skip_missing=True, warn=told.append)
    with subscribe_events(skipping, after=0, until_now=True) as events:
        assert {one.position for one in take(events)} == {one.position for one in record.read()} - lost
    assert told[0].startswith("Going on although position")


@pytest.mark.parametrize("skip_missing", [False, True])
def test_a_reader_whose_topic_is_made_anew_and_grows_past_it_misses_nothing(
    kafka: Broker, record: Record, topics, producer, make_producer, prefix, admin, story, publish, take: Take,
    skip_missing: bool,
) -> None:  # fmt: skip
    story.whole()
    head = publish(record, producer, prefix, at_once=1)  # two offsets a fact; next time, hardly more than one
    told: list[str] = []
    source = kafka_source(kafka.bootstrap, prefix=prefix, skip_missing=skip_missing, warn=told.append)
    with subscribe_events(source, after=0) as events:
        take(events, head)
        partitions = len(admin.describe_topics([topics.events])[0]["partitions"])
        admin.delete_topics(list(topics))
        create_topics(admin, topics, partitions=partitions)
        for cause in (*Cause, *Cause, *Cause):
            story.fail(cause=cause)
        another = make_producer(kafka, transactional_id=f"{prefix}-anew", metadata_max_age_ms=500)
        another.init_transactions()
        publish(record, another, prefix, at_once=1000)
        assert record.head() > 3 * head
        assert take(events, record.head() - head) == list(record.read(after=head))
    assert told == []


def there(kafka: Broker, prefix: str) -> Iterator[int]:
    from kafka import KafkaConsumer  # noqa: PLC0415

    with closing(KafkaConsumer(bootstrap_servers=kafka.bootstrap, isolation_level="read_committed")) as consumer:
        partitions = [TopicPartition(f"{prefix}.events", number) for number in range(3)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(one) < end for one, end in ends.items()):
            for records in consumer.poll(500).values():
                yield from (int(dict(record.headers)["ce_position"]) for record in records)


def test_missing_topics_name_the_command_that_makes_them(kafka: Broker) -> None:
    with pytest.raises(SubscriptionError, match="understudy publish kafka --create-topics"):
        subscribe_events(kafka_source(kafka.bootstrap, prefix="nowhere"))


def test_brokers_that_were_never_there_are_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # What is logged of a refused connection keeps its socket, for as long as the log is kept.
    caplog.set_level(logging.CRITICAL, "kafka")
    monkeypatch.setitem(preferred(), "bootstrap_timeout_ms", 500)
    with pytest.raises(SubscriptionError, match=r"no Kafka broker answers at 127\.0\.0\.1:1.*without --kafka"):
        subscribe_events(kafka_source("127.0.0.1:1"))


def preferred() -> dict[str, Any]:
    from consumers.kafka import reading_contact  # noqa: PLC0415

    return reading_contact.PREFERRED


@pytest.mark.parametrize("topics", [1], indirect=True)
def test_what_is_none_of_ours_is_named(source, producer, prefix, take: Take) -> None:
    producer.begin_transaction()
    producer.send(f"{prefix}.events", key=b"x", value=orjson.dumps({"hello": 1}), headers=[("ce_id", b"7")])
    producer.flush()
    producer.commit_transaction()
    with pytest.raises(SubscriptionError, match="no header ce_"), subscribe_events(source, after=0) as events:
        take(events)


def test_stop_ends_a_subscriber_that_waits(source) -> None:
    with subscribe_events(source) as events:
        timer = threading.Timer(0.3, events.stop)
        timer.start()
        assert list(events) == []
        timer.join()
