"""The broker's host loses power: the end of some of the topics, which was not on its disk yet, is gone."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from consumers.cloudevents import position_of
from consumers.kafka.partitioning import partition_of
from consumers.kafka.topics import TopicError
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka-power"), pytest.mark.timeout(180)]
SOME_BYTES = 700
MARK_BYTES = 40
"""Of the mark of a commit: without it, a transaction that counted is open again."""
ALL_BYTES = 2**20
NAMES = ("pe1", "pe2", "pe3", "pe4", "pe5", "pe6", "pe7", "pe8")


@pytest.fixture
def kafka(new_broker: Callable[..., Broker]) -> Broker:
    """A broker of the test's own, in the place of the shared one."""
    return new_broker()


@pytest.fixture
def cut(kafka: Broker, prefix: str) -> Callable[..., None]:
    """Takes the ends of topics away, of so many bytes in the first partition, while the broker is dead."""

    def taken(**sizes: int) -> None:
        for name, size in sizes.items():
            log = next(kafka.folder.glob(f"data/{prefix}.{name}-0/*.log"))
            with log.open("r+b") as file:
                file.truncate(max(0, log.stat().st_size - size))

    return taken


@pytest.fixture
def lose_tail(kafka: Broker, cut: Callable[..., None]) -> Callable[..., None]:
    """The ends of topics are gone when the broker is back."""

    def lost(**sizes: int) -> None:
        kafka.kill()
        cut(**sizes)
        kafka.start()

    return lost


def positions(topics: Any) -> list[int]:
    return [position_of(message) for message in topics.messages(topics.names.events)]


@pytest.mark.parametrize(
    ("topic", "said"),
    [("events", "has lost the events after position"), ("alarms", "is not the alarm list: mending it")],
)
def test_what_the_broker_lost_is_published_again(
    make, record, story, topics, lose_tail, list_wanted, caplog, topic: str, said: str
) -> None:
    story.whole()
    make().run(once=True)
    for chassis, lost_bytes in (("pe2", SOME_BYTES), ("pe3", MARK_BYTES)):
        story.whole(chassis)
        make().run(once=True)
        caplog.clear()
        before = topics.messages(getattr(topics.names, topic))
        lose_tail(**{topic: lost_bytes})
        assert 0 < len(topics.messages(getattr(topics.names, topic))) < len(before)
        make().run(once=True)
        assert said in caplog.text
        assert topics.kept() == list_wanted(record)
        assert positions(topics) == [*range(1, record.head() + 1)]


def test_events_lost_before_others_that_are_there_are_refused_with_a_remedy(
    make, record, story, topics, lose_tail, admin_of
) -> None:
    first, second = (next(one for one in NAMES if partition_of(one.encode(), 2) == number) for number in (0, 1))
    for chassis in (first, second):
        story.whole(chassis)
        make(partitions=2).run(once=True)
    lose_tail(events=SOME_BYTES)
    story.whole("other")
    with pytest.raises(TopicError, match=r"has lost events, the first at position \d+: stop all that publish, delete"):
        make(partitions=2).run(once=True)
    with admin_of() as admin:
        admin.delete_topics([topics.names.events])
    make(partitions=2).run(once=True)
    assert sorted(positions(topics)) == [*range(1, record.head() + 1)]


def test_what_has_lost_its_end_together_with_the_position_is_published_once(
    make, record, story, topics, lose_tail, list_wanted
) -> None:
    story.whole()
    make().run(once=True)
    for chassis, of_the_position in (("pe2", SOME_BYTES), ("pe3", ALL_BYTES)):
        story.whole(chassis)
        make().run(once=True)
        lose_tail(events=MARK_BYTES, publisher=of_the_position)
        story.whole(f"{chassis}-later")
        make().run(once=True)
        assert positions(topics) == [*range(1, record.head() + 1)]
        assert topics.kept() == list_wanted(record)


def test_alarms_lost_under_a_publisher_are_published_again_beside_what_is_new(
    start, story, record, topics, kafka, cut, list_wanted
) -> None:
    story.whole()
    story.whole("pe2")
    running = start()
    running.until_position(record.head())
    kafka.kill()
    story.whole("pe3")
    running.until(lambda: running.publisher.status.restarts.total() > 1)
    assert running.publisher._publishing.outbox._pending
    cut(alarms=SOME_BYTES)
    kafka.start()
    running.until_position(record.head())
    assert running.stop() is None
    assert topics.kept() == list_wanted(record)
    assert positions(topics) == [*range(1, record.head() + 1)]


@pytest.fixture
def admin_of(kafka: Broker) -> Callable[[], Any]:
    """Connected when it is asked for: the broker was another process before."""
    return lambda: closing(kafka.admin())
