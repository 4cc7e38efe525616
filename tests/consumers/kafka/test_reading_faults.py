"""A broker that dies, and a topic that is made anew, under a subscriber that follows."""

import logging
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import islice
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.errors import KafkaTimeoutError
from kafka.future import Future

from consumers.kafka import reading_contact, reading_member, reading_stream
from consumers.kafka.connecting import connect_admin
from consumers.kafka.reading import KafkaSource, kafka_source
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames, create_topics
from consumers.subscription import subscribe_events
from consumers.subscription.errors import NoContactError
from events.causes import Cause
from events.store import Record
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka-subscriber-faults")]
PATIENCE_SECONDS = 60
AWAY = "does not answer"
NAMES = TopicNames.of()


class Follower:
    """Follows on a thread, keeps what it gets and what it is told."""

    def __init__(self, broker: Broker, group: str | None) -> None:
        self.found: list[Any] = []
        self.told: list[str] = []
        self._changed = threading.Condition()
        self.stream = subscribe_events(kafka_source(broker.bootstrap, group=group, warn=self._tell), after=0)
        self.thread = threading.Thread(target=self._follow)
        self.thread.start()

    def _follow(self) -> None:
        for recorded in self.stream:
            with self._changed:
                self.found.append(recorded)
                self._changed.notify_all()

    def _tell(self, what: str) -> None:
        if "does not know group" in what or "not committed yet" in what:
            return
        with self._changed:
            self.told.append(what)
            self._changed.notify_all()

    @property
    def misses_kafka(self) -> bool:
        """What it was told last."""
        return bool(self.told) and AWAY in self.told[-1]

    def until(self, reached: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(reached, PATIENCE_SECONDS), (len(self.found), self.told)

    def end(self) -> None:
        self.stream.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.stream.close()


def make_topics(broker: Broker) -> None:
    with closing(connect_admin(ClientSettings.read(broker.bootstrap))) as admin:
        create_topics(admin, NAMES)


def delete_topics(broker: Broker) -> None:
    with closing(broker.admin()) as admin:
        admin.delete_topics(list(NAMES))


def begin(producer: KafkaProducer) -> KafkaProducer:
    producer.init_transactions()
    return producer


@pytest.mark.parametrize("group", [None, "noc"])
def test_a_subscriber_survives_a_dead_broker_and_a_topic_made_anew(
    group: str | None,
    record: Record,
    story,
    publish,
    new_broker: Callable[..., Broker],
    make_producer,
    monkeypatch,
    caplog,
) -> None:
    # What is logged of a refused connection keeps its socket, for as long as the log is kept.
    caplog.set_level(logging.CRITICAL, "kafka")
    monkeypatch.setattr(reading_contact, "QUIET_SECONDS", 0.3)
    broker = new_broker()
    make_topics(broker)
    story.whole()
    head = publish(record, begin(make_producer(broker, transactional_id="one")), "understudy")
    follower = Follower(broker, group)
    try:
        follower.until(lambda: len(follower.found) == head)
        broker.kill()
        follower.until(lambda: follower.misses_kafka)
        broker.start()
        follower.until(lambda: not follower.misses_kafka)
        story.fail()
        head = publish(record, begin(make_producer(broker, transactional_id="two")), "understudy", after=head)
        follower.until(lambda: len(follower.found) == head)

        delete_topics(broker)
        follower.until(lambda: follower.misses_kafka)
        make_topics(broker)
        story.fail()
        # A publisher that finds its topics gone writes everything anew.
        head = publish(record, begin(make_producer(broker, transactional_id="three")), "understudy")
        follower.until(lambda: len(follower.found) == head)
    finally:
        follower.end()
    assert follower.found == list(record.read())
    # Each is told once, whenever it begins; a loaded machine may miss Kafka more often.
    assert [AWAY in line for line in follower.told] == [True, False] * (len(follower.told) // 2)


async def join_slowly(coordinator: ConsumerCoordinator, join: Any = ConsumerCoordinator._do_join_and_sync_async) -> Any:
    """As with brokers under load: the answer comes after the poll has ended in which it was asked for."""
    assigned = await join(coordinator)
    with suppress(KafkaTimeoutError):
        await coordinator._manager.wait_for(Future(), 2 * reading_contact.POLL_MS)
    return assigned


def test_a_member_whose_rebalance_takes_longer_than_a_poll_reads_on_and_remembers(
    record: Record, story, publish, new_broker: Callable[..., Broker], make_producer, monkeypatch, caplog
) -> None:
    caplog.set_level(logging.CRITICAL, "kafka")
    monkeypatch.setattr(reading_contact, "QUIET_SECONDS", 0.3)
    monkeypatch.setattr(ConsumerCoordinator, "_do_join_and_sync_async", join_slowly)
    broker = new_broker()
    make_topics(broker)
    story.whole()
    head = publish(record, begin(make_producer(broker, transactional_id="one")), "understudy")
    follower = Follower(broker, "noc")
    try:
        follower.until(lambda: len(follower.found) == head)
        delete_topics(broker)
        follower.until(lambda: follower.misses_kafka)
        make_topics(broker)
        story.fail()
        head = publish(record, begin(make_producer(broker, transactional_id="two")), "understudy")
        follower.until(lambda: len(follower.found) == head)
    finally:
        follower.end()
    assert follower.found == list(record.read())
    with subscribe_events(kafka_source(broker.bootstrap, group="noc"), until_now=True) as events:
        assert list(events) == [], "the member read on without being one: nothing of it was committed"


def test_a_member_that_is_not_let_in_at_once_does_not_end_with_nothing(
    kafka: Broker, record: Record, story, publish, make_producer, prefix: str, monkeypatch
) -> None:
    monkeypatch.setattr(reading_member, "QUIET_SECONDS", 0.05)
    monkeypatch.setattr(ConsumerCoordinator, "_do_join_and_sync_async", join_slowly)
    with closing(connect_admin(ClientSettings.read(kafka.bootstrap))) as admin:
        create_topics(admin, TopicNames.of(prefix))
    story.whole()
    publish(record, begin(make_producer(kafka, transactional_id=prefix)), prefix)
    with subscribe_events(
        kafka_source(kafka.bootstrap, prefix=prefix, group=prefix), after=0, until_now=True
    ) as events:
        assert list(events) == list(record.read())


@pytest.mark.parametrize("failures", [2, 10**6])
def test_a_member_waits_where_kafka_goes_away_as_it_begins(
    kafka: Broker, record: Record, story, publish, make_producer, prefix: str, monkeypatch, failures: int
) -> None:
    monkeypatch.setattr(reading_stream, "AGAIN_SECONDS", 0.01)
    with closing(connect_admin(ClientSettings.read(kafka.bootstrap))) as admin:
        create_topics(admin, TopicNames.of(prefix))
    story.whole()
    head = publish(record, begin(make_producer(kafka, transactional_id=prefix)), prefix)
    told: list[str] = []
    source = kafka_source(kafka.bootstrap, prefix=prefix, group=prefix, warn=told.append)
    left, missed = iter(range(failures)), threading.Semaphore(0)

    def looking(source: KafkaSource, *asked: Any, look: Any = KafkaSource.looking) -> Any:
        if next(left, None) is None:
            return look(source, *asked)
        missed.release()
        raise NoContactError("no Kafka broker answers")

    monkeypatch.setattr(KafkaSource, "looking", looking)
    with subscribe_events(source, after=0) as events:
        found: list[Any] = []
        following = threading.Thread(target=lambda: found.extend(islice(events, head)))
        following.start()
        for _ in range(2):
            assert missed.acquire(timeout=PATIENCE_SECONDS)
        if failures > head:
            events.stop()
        following.join(PATIENCE_SECONDS)
        assert not following.is_alive()
    assert found == ([] if failures > head else list(record.read()))
    assert len([line for line in told if AWAY in line]) == 1


def lose_transactions(broker: Broker, number: int) -> None:
    """The host loses power: the last transactions, each with one batch of events and its mark, were not on the disk."""
    broker.kill()
    log = next(broker.folder.glob(f"data/{NAMES.events}-0/*.log"))
    written, starts, at = log.read_bytes(), list[int](), 0
    while at < len(written):
        starts.append(at)
        at += 12 + int.from_bytes(written[at + 8 : at + 12])  # the offset of a batch, and its length
    with log.open("r+b") as file:
        file.truncate(starts[-2 * number])
    broker.start()


def test_a_member_that_is_busy_while_events_are_lost_and_written_again_skips_nothing(
    record: Record, story, publish, new_broker: Callable[..., Broker], make_producer, take
) -> None:
    broker = new_broker()
    make_topics(broker)
    story.whole()
    head = publish(record, begin(make_producer(broker, transactional_id="one")), "understudy", at_once=1)
    with subscribe_events(kafka_source(broker.bootstrap, group="noc"), after=0) as events:
        found = take(events, head)
        lose_transactions(broker, 3)
        for cause in (*Cause, *Cause):
            story.fail(cause=cause)
        publish(record, begin(make_producer(broker, transactional_id="two")), "understudy", after=head - 3)
        found += take(events, record.head() - head)
    assert found == list(record.read())
