"""Topics that are deleted, made anew, or hold what is not ours: the publisher notices, and makes good what it can."""

from collections.abc import Callable
from contextlib import closing

import pytest

from consumers.cloudevents import position_of
from consumers.kafka.connecting import connect_consumer
from consumers.kafka.position import read_position
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicError, create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]
NAMES = ("events", "alarms", "publisher")


@pytest.fixture(autouse=True)
def _soon(monkeypatch) -> None:
    """What it knows of topics is old sooner."""
    monkeypatch.setattr("consumers.kafka.publishing.CHECK_SECONDS", 0.1)


@pytest.fixture
def delete(admin, topics) -> Callable[..., None]:
    """Deletes topics, and makes them anew if told so."""

    def deleted(*names: str, anew: bool = True) -> None:
        admin.delete_topics([getattr(topics.names, name) for name in names])
        if anew:
            create_topics(admin, topics.names)

    return deleted


@pytest.fixture
def published(make, story) -> None:
    """A record on which things happened, all published; the alarm list is not empty."""
    story.whole()
    story.whole("pe2")
    make().run(once=True)


@pytest.mark.usefixtures("published")
def test_events_are_published_again_to_a_topic_made_anew_and_alarms_are_not(
    make, delete, record, story, topics
) -> None:
    alarms = topics.messages(topics.names.alarms)
    delete("events")
    story.whole("pe3")
    make().run(once=True)
    assert topics.messages(topics.names.alarms)[: len(alarms)] == alarms
    topics.equal(record)


@pytest.mark.usefixtures("published")
def test_the_alarm_list_is_published_again_to_a_topic_made_anew_and_events_are_not(
    make, delete, record, story, topics, list_wanted
) -> None:
    delete("alarms")
    make().run(once=True)
    assert topics.kept() == list_wanted(record)
    assert len(topics.messages(topics.names.alarms)) == len(topics.kept())
    story.whole("pe3")
    make().run(once=True)
    assert topics.kept() == list_wanted(record)
    assert len(topics.messages(topics.names.events)) == record.head()


@pytest.mark.usefixtures("published")
def test_events_and_alarms_both_made_anew_are_filled_again(make, delete, record, topics) -> None:
    delete("events", "alarms")
    make().run(once=True)
    topics.equal(record)


@pytest.mark.parametrize("more", [(), ("alarms",), ("events",), ("events", "alarms")], ids=" ".join)
@pytest.mark.usefixtures("published")
def test_a_lost_position_is_found_again_in_the_events(make, delete, record, story, topics, list_wanted, more) -> None:
    delete("publisher", *more)
    story.whole("pe3")
    publisher = make()
    publisher.run(once=True)
    events = [position_of(message) for message in topics.messages(topics.names.events)]
    assert events == [*range(1, record.head() + 1)]
    assert topics.kept() == list_wanted(record)
    if not more:
        topics.equal(record)
        assert publisher.status.published[topics.names.events] < record.head()


@pytest.mark.usefixtures("published")
def test_what_others_wrote_to_events_made_anew_is_taken_away(
    make, delete, record, topics, make_producer, kafka
) -> None:
    delete("events")
    make_producer(kafka).send(topics.names.events, b"{}", b"pe1").get(10)
    make().run(once=True)
    topics.equal(record)


@pytest.mark.usefixtures("published")
def test_alarms_that_are_not_on_the_list_are_taken_away_from_a_topic_made_anew(
    make, delete, record, topics, list_wanted, make_producer, kafka
) -> None:
    delete("alarms")
    make_producer(kafka).send(topics.names.alarms, b"{}", b"pe9/A flash-full ").get(10)
    make().run(once=True)
    assert topics.kept() == list_wanted(record)


def test_a_topic_deleted_under_an_idle_publisher_is_made_and_filled_again(start, delete, record, story, topics) -> None:
    story.whole()
    running = start()
    running.until_position(record.head())
    delete("events", anew=False)
    running.until(running.publisher.status.restarts.total)  # it may meet the new topic first
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_deleted_and_made_anew_while_facts_come_loses_none(
    start, delete, record, story, topics, list_wanted, name
) -> None:
    story.whole()
    running = start()
    running.until_position(record.head())
    story.whole("pe2")
    delete(name)
    story.whole("pe3")
    running.until(running.publisher.status.restarts.total)  # it may meet the new topic first
    story.whole("pe4")
    running.until_position(record.head())
    assert running.stop() is None
    events = topics.messages(topics.names.events)
    assert [position_of(message) for message in events] == [*range(1, record.head() + 1)]
    assert topics.kept() == list_wanted(record)


def test_a_publisher_that_may_not_make_topics_waits_for_them(
    start, delete, make, record, story, topics, admin, caplog
) -> None:
    story.whole()
    make().run(once=True)
    running = start(create=False)
    running.until_position(record.head())
    delete("events", anew=False)
    running.until(lambda: "understudy publish kafka --create-topics" in caplog.text)
    assert not running.publisher.status.up
    create_topics(admin, topics.names)
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)


@pytest.mark.usefixtures("published")
def test_events_of_another_record_are_not_built_upon(make, delete, topics, make_producer, kafka) -> None:
    delete("events", "publisher")
    headers = topics.messages(topics.names.alarms)[0].headers
    make_producer(kafka).send(topics.names.events, b"{}", b"pe1", headers).get(10)
    with pytest.raises(TopicError, match="another record"):
        make().run(once=True)


@pytest.mark.usefixtures("published")
def test_something_else_in_the_topic_of_the_position_is_refused(make, topics, make_producer, kafka) -> None:
    make_producer(kafka).send(topics.names.publisher, b"{}", b"key").get(10)
    with pytest.raises(TopicError, match="no position"):
        make().run(once=True)


@pytest.mark.usefixtures("published")
def test_the_stored_position_names_its_writer_and_the_topics(kafka, prefix, record) -> None:
    with closing(connect_consumer(ClientSettings.read(kafka.bootstrap))) as consumer:
        stored = read_position(consumer, f"{prefix}.publisher")
    assert stored is not None
    assert (stored.position, stored.alarms) == (record.head(), record.head())
    assert set(stored.topics) == {f"{prefix}.events", f"{prefix}.alarms"}
    assert stored.writer.process > 0
