"""The publisher beside a real broker: each position once, in order, with its own position in the same transaction."""

from collections.abc import Callable
from contextlib import closing

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from consumers.cloudevents import position_of
from consumers.kafka.connecting import connect_consumer
from consumers.kafka.position import KEY, Stored, read_position
from consumers.kafka.publishing import PublisherFencedError
from consumers.kafka.session import Session, SessionLostError
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicError, create_topics
from events.commands import AlarmAction
from events.store import Record

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]


@pytest.fixture
def stored(kafka, prefix) -> Callable[[], Stored | None]:
    """The position as Kafka has it."""

    def read() -> Stored | None:
        with closing(connect_consumer(ClientSettings.read(kafka.bootstrap))) as consumer:
            return read_position(consumer, f"{prefix}.publisher")

    return read


@pytest.mark.parametrize("partitions", [1, 3])
def test_every_fact_and_every_change_of_an_alarm_is_published(make, record, story, topics, partitions) -> None:
    for number in range(4):
        story.whole(f"pe{number}")
    publisher = make(partitions=partitions)
    publisher.run(once=True)
    topics.equal(record)
    assert publisher.status.position == record.head()
    assert publisher.status.published[topics.names.events] == record.head()
    assert publisher.status.oldest_unpublished is None


def test_a_publisher_goes_on_where_the_last_one_ended(make, record, story, topics) -> None:
    story.whole()
    make().run(once=True)
    story.whole("pe2")
    resumed = make()
    resumed.run(once=True)
    topics.equal(record)
    assert resumed.status.published[topics.names.events] == len(list(record.read_chassis("pe2")))


def test_nothing_new_publishes_nothing(make, record, story, topics) -> None:
    story.whole()
    make().run(once=True)
    again = make()
    again.run(once=True)
    assert not again.status.published
    topics.equal(record)


def test_facts_are_published_as_they_are_recorded_by_whichever_process(start, record, home, story, topics) -> None:
    story.whole()
    running = start()
    running.until_position(record.head())
    with closing(Record(home / "record.sqlite", record._clock)) as other:
        type(story)(other).whole("pe2")
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)


def test_an_empty_record_is_waited_for(start, record, story, topics) -> None:
    running = start()
    story.whole()
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)


def test_while_the_record_is_empty_it_is_in_contact_with_kafka(start, record, story, topics) -> None:
    running = start()
    running.until(lambda: running.publisher.status.up)
    story.whole()
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)


def test_topics_that_exist_do_not_need_as_many_brokers_as_replicas_were_asked_for(make, record, story, topics) -> None:
    story.whole()
    make().run(once=True)
    story.whole("pe2")
    make(replicas=2).run(once=True)
    topics.equal(record)


def test_the_position_counts_only_with_the_messages_before_it(make, record, story, topics, kafka, stored) -> None:
    story.whole()
    make().run(once=True)
    before = stored()
    assert before is not None
    assert before.position == record.head()
    torn = Session(ClientSettings.read(kafka.bootstrap), topics.names.publisher)
    position = Stored(
        **{name: getattr(before, name) for name in before.__struct_fields__ if name != "position"}, position=99
    )
    torn.begin([(topics.names.publisher, position.message())])
    torn._flush()
    uncommitted = topics.messages(topics.names.publisher, isolation_level="read_uncommitted")
    assert uncommitted[-1].key == KEY
    assert b'"position":99' in (uncommitted[-1].value or b"")
    assert stored() == before
    torn.close()
    assert stored() == before
    make().run(once=True)
    topics.equal(record)


def test_what_was_aborted_is_published_once(make, record, story, topics, kafka) -> None:
    story.whole()
    make().run(once=True)
    story.whole("pe2")
    before = topics.messages(topics.names.events, isolation_level="read_uncommitted")
    torn = Session(ClientSettings.read(kafka.bootstrap), topics.names.publisher)
    first = topics.messages(topics.names.events)[0]
    torn.begin([(topics.names.events, first)])
    torn._flush()
    torn.close()
    assert len(topics.messages(topics.names.events, isolation_level="read_uncommitted")) == len(before) + 1
    make().run(once=True)
    topics.equal(record)


def test_a_transaction_that_a_dead_publisher_left_open_holds_nobody_up(
    make, record, story, topics, make_producer, kafka
) -> None:
    story.whole()
    make().run(once=True)
    story.whole("pe2")
    dead = make_producer(kafka, transactional_id=topics.names.publisher)
    dead.init_transactions()
    dead.begin_transaction()
    dead.send(topics.names.events, b"{}", b"pe1").get(10)
    make().run(once=True)
    topics.equal(record)


def test_a_purged_alarm_leaves_a_tombstone(make, record, story, topics, list_wanted) -> None:
    story.provision()
    story.fail()
    make().run(once=True)
    assert len(topics.kept()) == len(list_wanted(record)) > 0
    story.succeed()
    story.act(AlarmAction.PURGE)
    make().run(once=True)
    last = topics.messages(topics.names.alarms)[-1]
    assert last.value is None
    assert position_of(last) == record.head()
    assert topics.kept() == list_wanted(record)
    topics.equal(record)


def test_an_older_publisher_ends_when_a_newer_one_has_taken_over(start, record, story, topics) -> None:
    story.whole()
    older = start()
    older.until_position(record.head())
    newer = start()
    newer.until_position(record.head())
    story.whole("pe2")
    assert isinstance(older.end(), PublisherFencedError)
    assert "another publisher has taken over" in str(older.error)
    newer.until_position(record.head())
    story.whole("pe3")
    newer.until_position(record.head())
    assert newer.stop() is None
    topics.equal(record)


def test_an_older_publisher_that_stands_by_lets_the_newer_one_work(start, record, story, topics) -> None:
    story.whole()
    older = start(stand_by=True)
    older.until_position(record.head())
    newer = start()
    newer.until_position(record.head())
    story.whole("pe2")
    older.until(lambda: older.publisher.status.standing_by)
    assert older.publisher.status.up
    newer.until_position(record.head())
    assert newer.stop() is None
    assert older.publisher.status.restarts["fenced"] >= 1
    assert older.stop() is None
    topics.equal(record)


def test_one_that_stands_by_takes_over_when_nobody_publishes(start, record, story, topics, monkeypatch) -> None:
    monkeypatch.setattr("consumers.kafka.publisher.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("consumers.kafka.publisher.TAKE_OVER_SECONDS", 0.5)
    story.whole()
    older = start(stand_by=True)
    older.until_position(record.head())
    newer = start()
    newer.until_position(record.head())
    story.whole("pe2")
    older.until(lambda: older.publisher.status.standing_by)
    newer.until_position(record.head())
    newer.publisher._publishing._tell_end = lambda _: None  # as when its process is killed
    assert newer.stop() is None
    story.whole("pe3")
    older.until_position(record.head())
    assert not older.publisher.status.standing_by
    assert older.stop() is None
    topics.equal(record)


def test_one_that_stands_by_goes_on_at_once_when_the_other_one_has_ended(
    start, record, story, topics, monkeypatch, caplog
) -> None:
    monkeypatch.setattr("consumers.kafka.publisher.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("consumers.kafka.publisher.TAKE_OVER_SECONDS", 1e9)
    story.whole()
    older = start(stand_by=True)
    older.until_position(record.head())
    newer = start()
    newer.until_position(record.head())
    story.whole("pe2")
    older.until(lambda: older.publisher.status.standing_by)
    newer.until_position(record.head())
    assert newer.stop() is None
    story.whole("pe3")
    older.until_position(record.head())
    assert "has ended: taking over at position" in caplog.text
    assert older.stop() is None
    topics.equal(record)


def test_one_beside_which_another_one_has_come_and_gone_goes_on(start, make, record, story, topics) -> None:
    story.whole()
    running = start()
    running.until_position(record.head())
    make().run(once=True)
    story.whole("pe2")
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)


def test_of_two_that_stand_by_one_takes_over(start, record, story, topics, monkeypatch) -> None:
    monkeypatch.setattr("consumers.kafka.publisher.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("consumers.kafka.publishing.CLAIM_SECONDS", 3.0)
    story.whole()
    all_three = [start(stand_by=True)]
    all_three[0].until_position(record.head())
    for number in (1, 2):
        all_three.append(start(stand_by=True))
        all_three[number].until_position(record.head())
        story.whole(f"pe{number + 1}")
        all_three[number - 1].until(lambda one=all_three[number - 1]: one.publisher.status.standing_by)
    *waiting, at_work = all_three
    at_work.until_position(record.head())
    assert at_work.stop() is None
    story.whole("pe4")
    head = record.head()
    waiting[0].until(lambda: {one.publisher.status.position for one in waiting} == {head})
    waiting[0].until(lambda: [one.publisher.status.standing_by for one in waiting].count(True) == 1)
    assert [one.stop() for one in waiting] == [None, None]
    topics.equal(record)


def test_one_that_kafka_has_given_up_on_goes_on_by_itself(start, record, story, topics, kafka, monkeypatch) -> None:
    monkeypatch.setattr("consumers.kafka.publishing.CLAIM_SECONDS", 0.5)
    story.whole()
    running = start()
    running.until_position(record.head())
    # As when its transaction was open for too long: Kafka has raised the epoch, and nobody has taken over.
    Session(ClientSettings.read(kafka.bootstrap), topics.names.publisher).close()
    story.whole("pe2")
    running.until_position(record.head())
    assert running.publisher.status.restarts["fenced"] == 1
    assert running.stop() is None
    topics.equal(record)


def test_topics_of_another_record_are_refused_and_nobody_is_fenced(start, make, record, story, tmp_path) -> None:
    story.whole()
    running = start()
    running.until_position(record.head())
    before = running.publisher.status.restarts.copy()
    with closing(Record(tmp_path / "other.sqlite", record._clock)) as other:
        type(story)(other).whole()
        with pytest.raises(TopicError, match="another record"):
            make(of=other).run(once=True)
    story.whole("pe2")
    running.until_position(record.head())
    assert running.publisher.status.restarts == before
    assert running.stop() is None


def test_another_transactional_id_is_refused_since_it_would_exclude_nobody(make, record, story, topics) -> None:
    story.whole()
    make().run(once=True)
    with pytest.raises(TopicError, match="use the same one"):
        make(transactional_id="another").run(once=True)
    topics.equal(record)


def test_missing_topics_are_an_error_that_names_the_remedy(make, story) -> None:
    story.whole()
    with pytest.raises(TopicError, match="publish kafka --create-topics"):
        make(create=False).run()


def test_one_that_stands_by_waits_for_missing_topics_and_shows_what_waits(
    start, record, story, topics, admin, caplog
) -> None:
    story.whole()
    running = start(create=False, stand_by=True)
    status = running.publisher.status
    running.until(lambda: status.restarts["topics"] > 1)
    assert status.oldest_unpublished == next(record.read()).recorded_at.timestamp()
    assert caplog.text.count("publishing has not begun: no topic") == 1
    create_topics(admin, topics.names)
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)


def test_topics_that_are_there_keep_their_partitions_and_it_says_what_to_do(
    make, record, story, topics, caplog
) -> None:
    story.whole()
    make(partitions=1).run(once=True)
    make().run(once=True)
    assert "keeps its partitions" not in caplog.text
    make(partitions=3).run(once=True)
    assert f"topic {topics.names.events} keeps its partitions: 1, not 3; to have as many, stop all" in caplog.text
    topics.equal(record)


def test_a_message_that_kafka_refuses_is_not_left_out(make, record, story, topics, admin) -> None:
    story.provision()
    make().run(once=True)
    story.fail()
    before = len(topics.messages(topics.names.events))
    admin.alter_configs([config(topics.names.events, "max.message.bytes", "300")])
    with pytest.raises(SessionLostError) as lost:
        make().run(once=True)
    assert lost.value.reason == "not-sent"
    assert len(topics.messages(topics.names.events)) == before
    admin.alter_configs([config(topics.names.events, "max.message.bytes", "1000000")])
    make().run(once=True)
    topics.equal(record)


def config(topic: str, name: str, value: str) -> ConfigResource:
    return ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})
