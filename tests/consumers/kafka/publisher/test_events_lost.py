"""The stored position is not believed blindly: the record may be restored, positions may be lost, and topics grow."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import TopicPartition

from consumers.cloudevents import position_of
from consumers.kafka.position import KEY
from consumers.kafka.topics import TopicError, create_topics
from events.store import Record

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]


@pytest.fixture(autouse=True)
def _soon(monkeypatch) -> None:
    """What it knows of topics is old sooner."""
    monkeypatch.setattr("consumers.kafka.publishing.CHECK_SECONDS", 0.1)


@pytest.fixture
def store(make_producer, kafka, topics) -> Callable[..., None]:
    """Changes what is stored with the position; a field that is to be none is left away."""

    def stored(**changes: Any) -> None:
        now = orjson.loads(topics.messages(topics.names.publisher)[-1].value) | changes
        value = orjson.dumps({name: value for name, value in now.items() if value is not None})
        make_producer(kafka).send(topics.names.publisher, value, KEY).get(10)

    return stored


@pytest.fixture
def back_up(home: Path) -> Iterator[Callable[[], Record]]:
    """The record as it is now, as another one."""
    restored: list[Record] = []

    def backed_up() -> Record:
        copy = home / f"restored-{len(restored)}.sqlite"
        with closing(sqlite3.connect(home / "record.sqlite")) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        restored.append(Record(copy, lambda: datetime.now(UTC)))
        return restored[-1]

    yield backed_up
    for record in restored:
        record.close()


def test_a_record_that_was_restored_and_has_grown_since_is_not_published_into_the_old_stream(
    make, record, story, back_up, topics
) -> None:
    story.whole()
    restored = back_up()
    story.whole("pe2")
    make().run(once=True)
    published = topics.messages(topics.names.events)
    type(story)(restored).whole("pe3")
    type(story)(restored).whole("pe4")
    assert restored.head() > record.head()
    with pytest.raises(TopicError, match=r"newer state of this one: use another --topic-prefix\b.*delete the three"):
        make(of=restored).run(once=True)
    assert topics.messages(topics.names.events) == published


@pytest.mark.parametrize("kept", [0, 3], ids=["nothing is left", "the end is left"])
def test_events_that_retention_took_are_not_missed(make, record, story, topics, admin, kept: int) -> None:
    story.whole()
    make().run(once=True)
    published = record.head()
    before = -1 if not kept else next(
        one.offset for one in topics.records(topics.names.events) if one.headers and position_in(one) > published - kept
    )  # fmt: skip
    admin.delete_records({TopicPartition(topics.names.events, 0): before})
    story.whole("pe2")
    make().run(once=True)
    found = [position_of(message) for message in topics.messages(topics.names.events)]
    assert found == [*range(published + 1 - kept, record.head() + 1)]


def position_in(record: Any) -> int:
    return int(dict(record.headers)["ce_id"])


def test_a_stored_position_that_is_older_than_the_events_publishes_none_twice(
    make, record, story, topics, list_wanted, store
) -> None:
    story.whole()
    make().run(once=True)
    store(position=4, alarms=4)
    story.whole("pe2")
    make().run(once=True)
    found = [position_of(message) for message in topics.messages(topics.names.events)]
    assert found == [*range(1, record.head() + 1)]
    assert topics.kept() == list_wanted(record)


@pytest.mark.parametrize("name", ["events", "alarms"])
def test_a_topic_that_was_given_more_partitions_is_refused_with_a_remedy(
    make, record, story, topics, admin, list_wanted, name: str
) -> None:
    story.whole()
    make().run(once=True)
    topic = getattr(topics.names, name)
    admin.create_partitions({topic: 4})
    story.whole("pe2")
    with pytest.raises(TopicError, match=rf"{topic} had 1 partition and has 4 now, .*: stop all that publish"):
        make().run(once=True)
    admin.delete_topics([topic])
    make().run(once=True)
    assert {position_of(message) for message in topics.messages(topics.names.events)} == {*range(1, record.head() + 1)}
    assert topics.kept() == list_wanted(record)


def test_a_publisher_at_work_notices_that_a_topic_was_given_more_partitions(
    start, record, story, topics, admin, caplog
) -> None:
    story.whole()
    running = start()
    running.until_position(record.head())
    admin.create_partitions({topics.names.alarms: 2})
    running.until(lambda: "delete it, and publish with --create-topics again" in caplog.text)
    assert running.publisher.status.restarts["topics"]
    admin.delete_topics([topics.names.alarms])
    story.whole("pe2")
    running.until_position(record.head())
    assert running.stop() is None


def test_a_position_stored_without_numbers_of_partitions_is_gone_on_with(make, record, story, topics, store) -> None:
    story.whole()
    make().run(once=True)
    store(partitions=None)
    story.whole("pe2")
    make().run(once=True)
    topics.equal(record)
    stored = orjson.loads(topics.messages(topics.names.publisher)[-1].value)
    assert stored["partitions"] == {topics.names.events: 1, topics.names.alarms: 1}


def test_several_partitions_that_are_whole_are_gone_on_with(make, record, story, topics, admin) -> None:
    create_topics(admin, topics.names, partitions=4)
    for chassis in ("pe1", "pe2", "pe3"):
        story.whole(chassis)
        make().run(once=True)
    topics.equal(record)
    assert len(topics.messages(topics.names.events)) == record.head()
