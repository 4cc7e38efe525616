"""Members of a group that were put out of it, since they did something else for too long, and come back."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from consumers.kafka.connecting import connect_admin
from consumers.kafka.reading import KafkaGroup, kafka_source
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames, create_topics
from consumers.subscription import subscribe_events
from events.store import Record
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka-expelled")]
PATIENCE_SECONDS = 60.0
GROUP = "noc"
# So long the broker waits for others to join a group that is empty: as by default, and not as in other tests.
JOINING_TOGETHER = {"group.initial.rebalance.delay.ms": "3000"}


def until(reached: Callable[[], bool]) -> None:
    deadline, breath = time.monotonic() + PATIENCE_SECONDS, threading.Event()
    while not reached():
        assert time.monotonic() < deadline
        breath.wait(0.05)


@pytest.fixture
def broker(new_broker: Callable[..., Broker]) -> Broker:
    return new_broker(JOINING_TOGETHER)


@pytest.fixture
def member(broker: Broker, tmp_path: Path) -> Callable[[], KafkaGroup | Any]:
    """Sources for members that are put out after two seconds without asking for more."""
    file = tmp_path / "client.properties"
    file.write_text("session.timeout.ms=1500\nheartbeat.interval.ms=300\nmax.poll.interval.ms=2000\n")
    return lambda: kafka_source(broker.bootstrap, file, group=GROUP)


@pytest.fixture
def members(broker: Broker) -> Callable[[], int]:
    """How many members the group has."""

    def count() -> int:
        with closing(broker.admin()) as admin:
            return len(admin.describe_groups([GROUP])[GROUP]["members"])

    return count


@pytest.fixture
def publishing(broker: Broker, record: Record, publish, make_producer) -> Callable[..., Callable[[], int]]:
    """Makes topics with so many partitions; what it returns publishes what is recorded by then."""

    def make(partitions: int) -> Callable[[], int]:
        with closing(connect_admin(ClientSettings.read(broker.bootstrap))) as admin:
            create_topics(admin, TopicNames.of(), partitions=partitions)
        producer, heads = make_producer(broker, transactional_id="one"), [0]
        producer.init_transactions()

        def go_on() -> int:
            heads.append(publish(record, producer, "understudy", after=heads[-1]))
            return heads[-1]

        return go_on

    return make


def test_what_a_member_handled_too_slowly_does_not_come_again(publishing, member, members, record, story) -> None:
    go_on = publishing(1)
    story.whole()
    head = go_on()
    with subscribe_events(member(), after=0) as events:
        found = [next(events) for _ in range(head)]
        until(lambda: members() == 0)
        story.fail()
        found += [next(events) for _ in range(go_on() - head)]
        events.commit()
    assert found == list(record.read())


def test_partitions_of_a_member_that_comes_back_beside_a_new_one_have_a_reader(
    publishing, member, members, story
) -> None:
    go_on, chassis = publishing(2), [f"pe{number}" for number in range(6)]
    for one in chassis:
        story.provision(one)
    head = go_on()
    seen, changed = set[int](), threading.Condition()

    def read(events: Any) -> None:
        for one in events:
            with changed:
                seen.add(one.position)
                changed.notify_all()

    with subscribe_events(member(), after=0) as first, subscribe_events(member(), after=0) as second:
        for _ in range(head):
            seen.add(next(first).position)
        until(lambda: members() == 0)
        readers = [threading.Thread(target=read, args=(one,)) for one in (first, second)]
        for one in readers:
            one.start()
        until(lambda: members() == 2)
        for one in chassis:
            story.fail(one)
        head = go_on()
        with changed:
            all_read = changed.wait_for(lambda: len(seen) == head, PATIENCE_SECONDS)
        for one in (first, second):
            one.stop()
        for reader in readers:
            reader.join()
    assert all_read, sorted({*range(1, head + 1)} - seen)
