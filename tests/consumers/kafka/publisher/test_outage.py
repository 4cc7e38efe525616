"""While Kafka is away: facts wait in the record, little is in memory, and a stop is a stop."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from kafka.errors import KafkaTimeoutError

from consumers.kafka.connecting import ConnectError
from consumers.kafka.outbox import FACTS_AT_MOST
from consumers.kafka.session import Session, SessionLostError
from consumers.kafka.settings import ClientSettings
from events.commands import StartSupervision
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka-outage")]
IMPATIENT = {"request_timeout_ms": 1000, "delivery_timeout_ms": 2000, "bootstrap_timeout_ms": 500}
MANY = 5 * FACTS_AT_MOST
SOON_SECONDS = 40.0
PATIENCE_SECONDS = 30.0


@pytest.fixture
def kafka(new_broker: Callable[..., Broker]) -> Iterator[Broker]:
    """A broker of the test's own, in the place of the shared one."""
    broker = new_broker()
    yield broker
    with suppress(ProcessLookupError, AssertionError):
        broker.thaw()


@pytest.fixture
def much(record) -> Callable[[], None]:
    """Records more than two batches."""

    def recorded() -> None:
        command = StartSupervision(host="mgmt1", process=1)
        for _ in range(5):
            record.execute_all([("pe1", command)] * FACTS_AT_MOST)

    return recorded


def test_while_the_broker_is_dead_facts_wait_in_the_record(start, record, story, much, topics, kafka, caplog) -> None:
    caplog.set_level("INFO", "consumers.kafka")
    story.whole()
    running = start(told=IMPATIENT)
    running.until_position(record.head())
    position, status = record.head(), running.publisher.status
    kafka.kill()
    much()
    running.until(lambda: status.restarts["kafka-away"] > 3)
    assert not status.up
    assert status.position == position
    assert status.oldest_unpublished == pytest.approx(next(record.read(after=position)).recorded_at.timestamp())
    outbox = running.publisher._publishing.outbox
    assert sum(len(batch.messages) for batch in outbox._pending) <= 2 * FACTS_AT_MOST < MANY
    # A restart is counted just before it would be told of, and one before the outage would be told of, too.
    tries = status.restarts.total()
    assert 1 <= caplog.text.count("publishing has stopped at position") < tries - 1
    kafka.start()
    running.until_position(record.head())
    assert status.oldest_unpublished is None
    assert caplog.text.count("publishing to") >= 2
    assert running.stop() is None
    topics.equal(record)


def test_a_broker_that_hangs_is_left_and_nothing_is_doubled_when_it_goes_on(
    start, record, story, much, topics, kafka
) -> None:
    story.whole()
    running = start(told=IMPATIENT)
    running.until_position(record.head())
    much()
    kafka.freeze()
    story.whole("pe2")
    running.until(running.publisher.status.restarts.total)
    kafka.thaw()
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)


def test_a_transaction_of_which_a_message_has_expired_is_not_committed(make, record, story, topics, kafka) -> None:
    story.whole()
    make().run(once=True)
    message, *_ = topics.messages(topics.names.events)
    settings = ClientSettings.read(kafka.bootstrap)._replace(told=IMPATIENT)
    with closing(Session(settings, topics.names.publisher)) as session:
        session.begin([(topics.names.events, message)])
        session._see_written()
        kafka.freeze()
        session._sent.append(session._producer.send(topics.names.events, b"{}", b"pe1"))
        with pytest.raises(KafkaTimeoutError):
            session._sent[0].get(PATIENCE_SECONDS)
        kafka.thaw()
        with pytest.raises(SessionLostError, match="KafkaTimeoutError") as lost:
            session.commit()
    assert lost.value.reason == "not-sent"
    make().run(once=True)
    topics.equal(record)


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_a_stop_ends_it_also_while_kafka_is_away(start, record, story, kafka, fault) -> None:
    story.whole()
    running = start(told=IMPATIENT)
    running.until_position(record.head())
    getattr(kafka, fault)()
    story.whole("pe2")
    running.until(lambda: running.publisher.status.oldest_unpublished)
    began = time.monotonic()
    assert running.stop() is None
    assert time.monotonic() - began < SOON_SECONDS
    assert [thread.name for thread in threading.enumerate() if "kafka" in thread.name] == []


def test_once_ends_with_what_is_the_matter(make, story, kafka) -> None:
    story.whole()
    kafka.kill()
    with pytest.raises(ConnectError, match="no Kafka broker answers at"):
        make(told={"bootstrap_timeout_ms": 500}).run(once=True)


def test_a_broker_that_comes_later_is_waited_for(start, record, story, topics, kafka) -> None:
    story.whole()
    kafka.stop()
    running = start(told={"bootstrap_timeout_ms": 300})
    running.until(lambda: running.publisher.status.restarts["kafka-away"])
    kafka.start()
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)


def test_while_the_record_is_empty_it_notices_that_kafka_is_away(start, record, story, kafka, monkeypatch) -> None:
    monkeypatch.setattr("consumers.kafka.publishing.CHECK_SECONDS", 0.1)
    running = start(told=IMPATIENT)
    status = running.publisher.status
    running.until(lambda: status.up)
    kafka.kill()
    running.until(lambda: not status.up and status.restarts["kafka-away"])
    kafka.start()
    story.whole()
    running.until_position(record.head())
    assert running.stop() is None


def test_begun_while_the_broker_is_dead_it_does_not_say_that_all_waits(start, make, record, story, kafka) -> None:
    story.whole()
    make().run(once=True)
    kafka.kill()
    running = start(told=IMPATIENT)
    status = running.publisher.status
    running.until(lambda: status.restarts["kafka-away"] > 1)
    assert (status.position, status.oldest_unpublished) == (None, None)
    kafka.start()
    running.until_position(record.head())
    assert running.stop() is None
