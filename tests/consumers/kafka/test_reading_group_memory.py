"""What a group remembers is positions: none is skipped in silence where Kafka has lost its offsets or has others."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import OffsetAndMetadata, TopicPartition

from consumers.kafka import reading_group
from consumers.kafka.reading import KafkaGroup, kafka_source
from consumers.kafka.topics import TopicNames, create_topics
from consumers.subscription import (
    MissingPositionsError,
    RecordSource,
    Stream,
    SubscriptionError,
    subscribe_alarms,
    subscribe_events,
)
from events.causes import Cause
from events.store import Record
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]
Take = Callable[..., list[Any]]
PATIENCE_SECONDS = 60.0


class Site:
    """A record, its topics, and the groups that read them."""

    def __init__(self, broker: Broker, prefix: str, publish: Callable[..., int], produce: Callable[..., Any]) -> None:
        self.broker, self.prefix, self.partitions = broker, prefix, 1
        self.events = TopicPartition(f"{prefix}.events", 0)
        self.told: list[str] = []
        self._publish, self._produce, self._published = publish, produce, 0

    def publish(self, record: Record, *, at_once: int, after: int = 0) -> None:
        """Makes the topics if they are missing, and writes what comes after, so many facts in a transaction."""
        with closing(self.broker.admin()) as admin:
            create_topics(admin, TopicNames.of(self.prefix), partitions=self.partitions)
        self._published += 1
        producer: KafkaProducer = self._produce(
            self.broker, transactional_id=f"{self.prefix}-{self._published}", metadata_max_age_ms=500
        )
        producer.init_transactions()
        self._publish(record, producer, self.prefix, at_once=at_once, after=after)

    def group(self, **more: Any) -> KafkaGroup:
        source = kafka_source(
            self.broker.bootstrap, prefix=self.prefix, group=self.prefix, warn=self.told.append, **more
        )
        assert isinstance(source, KafkaGroup)
        return source

    def delete_topics(self) -> None:
        with closing(self.broker.admin()) as admin:
            admin.delete_topics(list(TopicNames.of(self.prefix)))

    def forget(self) -> None:
        """What offsets.retention.minutes does in the end."""
        with closing(self.broker.admin()) as admin:
            admin.delete_groups([self.prefix])

    def cut(self, offset: int) -> None:
        with closing(self.broker.admin()) as admin:
            admin.delete_records({self.events: offset})

    def commit(self, offset: int, metadata: str) -> None:
        arguments = {"bootstrap_servers": self.broker.bootstrap, "group_id": self.prefix, "enable_auto_commit": False}
        with closing(KafkaConsumer(**arguments)) as consumer:
            consumer.assign([self.events])
            consumer.commit({self.events: OffsetAndMetadata(offset, metadata, -1)})


@pytest.fixture
def site(kafka: Broker, prefix: str, publish: Callable[..., int], make_producer: Callable[..., Any]) -> Site:
    return Site(kafka, prefix, publish, make_producer)


def positions(found: list[Any]) -> list[int]:
    return [one.position for one in found]


def handle(site: Site, take: Take, number: int) -> None:
    with subscribe_events(site.group(), after=0) as events:
        assert positions(take(events, number)) == list(range(1, number + 1))
        events.commit()


@pytest.mark.parametrize("lost", ["with its topic", "as it expires"])
def test_a_group_that_kafka_has_forgotten_is_not_taken_for_one_that_begins_now(
    record: Record, site: Site, story, take: Take, lost: str
) -> None:
    story.whole()
    site.publish(record, at_once=1)
    handle(site, take, 5)
    if lost == "with its topic":
        site.delete_topics()
        site.publish(record, at_once=1000)
    else:
        site.forget()
    with subscribe_events(site.group(), until_now=True) as events, pytest.raises(SubscriptionError) as raised:
        take(events)
    assert "--from POSITION (of what it handled last)" in str(raised.value)
    site.told.clear()
    with subscribe_events(site.group(), after=5, until_now=True) as events:
        assert positions(take(events)) == list(range(6, record.head() + 1))
    assert site.told == [f"Kafka does not know group {site.prefix}: it begins with what comes after position 5."]


def test_a_group_of_alarms_that_kafka_does_not_know_says_that_it_begins_with_the_list(
    record: Record, site: Site, story, take: Take
) -> None:
    story.whole()
    site.publish(record, at_once=1000)
    with subscribe_alarms(site.group(), until_now=True) as alarms:
        assert take(alarms)
    assert site.told == [f"Kafka does not know group {site.prefix}: it begins with the list of alarms."]


def test_a_new_group_of_alarms_misses_no_change_that_comes_while_it_reads_the_list(
    record: Record, site: Site, story, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.whole()
    site.publish(record, at_once=1000)
    head, read_list = record.head(), reading_group.alarm_list

    def read_as_things_go_on(*where: Any) -> Any:
        states = read_list(*where)
        if record.head() == head:
            story.fail(cause=Cause.CHECKSUM_MISMATCH)
            story.fail(cause=Cause.NO_SPACE)
            site.publish(record, at_once=1, after=head)
        return states

    monkeypatch.setattr(reading_group, "alarm_list", read_as_things_go_on)
    with subscribe_alarms(site.group(), until_now=True, whole_list=True) as alarms:
        told = {one.identity: one.alarm for one in take(alarms)}
    with subscribe_alarms(RecordSource(record), until_now=True, whole_list=True) as alarms:
        assert told == {one.identity: one.alarm for one in take(alarms)}


class Following:
    """A member at work on a thread."""

    def __init__(self, stream: Stream[Any]) -> None:
        self.found: list[int] = []
        self._stream = stream
        self._came = threading.Condition()
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        for one in self._stream:
            with self._came:
                self.found.append(one.position)
                self._came.notify_all()

    def until(self, number: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: len(self.found) >= number, PATIENCE_SECONDS), self.found

    def end(self) -> None:
        self._stream.stop()
        self._thread.join()
        self._stream.close()


@pytest.fixture
def follow() -> Iterator[Callable[[Stream[Any]], Following]]:
    started: list[Following] = []

    def start(stream: Stream[Any]) -> Following:
        started.append(Following(stream))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_member_at_work_skips_nothing_when_its_topic_is_made_anew_with_other_offsets(
    record: Record, site: Site, story, follow: Callable[[Stream[Any]], Following], partitions: int
) -> None:
    site.partitions = partitions
    story.whole()
    site.publish(record, at_once=1)  # two offsets a fact; next time, hardly more than one
    following = follow(subscribe_events(site.group(), after=0))
    following.until(record.head())
    site.delete_topics()
    for cause in Cause:
        story.fail(cause=cause)
    site.publish(record, at_once=1000)
    following.until(record.head())
    assert following.found == list(range(1, record.head() + 1))


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_member_that_is_busy_while_its_topic_is_made_anew_skips_nothing_either(
    record: Record, site: Site, story, take: Take, partitions: int
) -> None:
    site.partitions = partitions
    story.whole()
    site.publish(record, at_once=1)
    head = record.head()
    with subscribe_events(site.group(), after=0) as events:
        assert positions(take(events, head)) == list(range(1, head + 1))
        site.delete_topics()
        for cause in (*Cause, *Cause, *Cause):
            story.fail(cause=cause)
        assert record.head() > 3 * head
        site.publish(record, at_once=1000)
        assert positions(take(events, record.head() - head)) == list(range(head + 1, record.head() + 1))


@pytest.fixture
def restored(record: Record, story: Any, home: Path) -> Iterator[Record]:
    """The record, which went on; and this is a backup of it, which has gone on in its own way, and further."""
    story.whole()
    copy = home / "restored.sqlite"
    with closing(sqlite3.connect(home / "record.sqlite")) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    story.whole("pe2")
    with closing(Record(copy, lambda: datetime.now(UTC))) as opened:
        again = type(story)(opened)
        again.whole("pe3")
        again.whole("pe4")
        assert opened.head() > record.head()
        yield opened


@pytest.mark.parametrize("at_once", [(1, 1000), (1000, 1)])
@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("member", [False, True])
def test_who_reads_is_told_that_its_topic_was_made_anew_with_another_history(
    record: Record, restored: Record, site: Site, take: Take, member: bool, partitions: int, at_once: tuple[int, int]
) -> None:
    site.partitions = partitions
    site.publish(record, at_once=at_once[0])
    source = site.group() if member else kafka_source(site.broker.bootstrap, prefix=site.prefix)
    with subscribe_events(source, after=0) as events:
        take(events, record.head())
        site.delete_topics()
        site.publish(restored, at_once=at_once[1])
        with pytest.raises(SubscriptionError, match=r"has another fact at position \d+ than was read there"):
            take(events)


@pytest.mark.parametrize(("offset", "position"), [(9, 2), (3, 5), (10_000, 4)])
def test_where_an_offset_and_its_position_disagree_the_position_counts(
    record: Record, site: Site, story, take: Take, offset: int, position: int
) -> None:
    story.whole()
    site.publish(record, at_once=1000)
    site.commit(offset, str(position))
    with subscribe_events(site.group(), until_now=True) as events:
        assert positions(take(events)) == list(range(position + 1, record.head() + 1))


def test_the_position_counts_in_one_of_several_partitions_too(record: Record, site: Site, story, take: Take) -> None:
    site.partitions = 3
    for number in range(5):
        story.whole(f"pe{number}")
    site.publish(record, at_once=1000)
    site.commit(5, "0")
    with subscribe_events(site.group(), after=0, until_now=True) as events:
        assert sorted(positions(take(events))) == list(range(1, record.head() + 1))


def test_an_offset_that_was_set_with_other_tools_counts(record: Record, site: Site, story, take: Take) -> None:
    story.whole()
    site.publish(record, at_once=1000)
    site.commit(4, "")
    with subscribe_events(site.group(), until_now=True) as events:
        assert positions(take(events)) == list(range(5, record.head() + 1))


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_new_group_is_told_what_was_cut_off(record: Record, site: Site, story, take: Take, partitions: int) -> None:
    site.partitions = partitions
    for number in range(5):
        story.whole(f"pe{number}")
    site.publish(record, at_once=1000)
    site.cut(6)
    with subscribe_events(site.group(), after=0) as events, pytest.raises(MissingPositionsError) as raised:
        take(events)
    with subscribe_events(site.group(skip_missing=True), after=0, until_now=True) as events:
        found = positions(take(events))
    lost = sorted(set(range(1, record.head() + 1)) - set(found))
    assert len(lost) == 6
    assert raised.value.first == lost[0]
    assert any(line.startswith("Going on although position") for line in site.told)
    with subscribe_events(site.group(), until_now=True) as events:
        assert take(events) == []


def test_a_new_group_of_a_topic_that_was_emptied_is_told(record: Record, site: Site, story, take: Take) -> None:
    story.whole()
    site.publish(record, at_once=1000)
    site.cut(-1)
    with subscribe_events(site.group(), after=0) as events, pytest.raises(SubscriptionError, match="was emptied"):
        take(events)


def test_where_a_known_group_would_begin_does_not_count_and_that_is_said(
    record: Record, site: Site, story, take: Take
) -> None:
    story.whole()
    site.publish(record, at_once=1000)
    handle(site, take, 5)
    for options, start in (({}, 0), ({"begin_now": True}, None), ({}, None)):
        site.told.clear()
        with subscribe_events(site.group(**options), after=start) as events:
            assert positions(take(events, 1)) == [6]
        said = [f"Group {site.prefix} is known, and goes on after position 5; --from is for a new one."]
        assert site.told == ([] if start is None and not options else said)


def test_a_beginning_beyond_the_end_is_said_and_kept(record: Record, site: Site, story, take: Take) -> None:
    story.provision()
    site.publish(record, at_once=1000)
    head = record.head()
    with subscribe_events(site.group(), after=head + 2, until_now=True) as events:
        assert take(events) == []
    assert site.told[0] == f"Position {head + 2} is beyond the last one, {head}: nothing comes until it is passed."
    site.told.clear()
    source = kafka_source(site.broker.bootstrap, prefix=site.prefix, warn=site.told.append)
    for subscribe in (subscribe_events, subscribe_alarms):
        with subscribe(source, after=head + 2, until_now=True) as stream:
            assert take(stream) == []
    assert len(site.told) == 2


def test_a_group_needs_a_name(kafka: Broker) -> None:
    with pytest.raises(SubscriptionError, match="needs a name"):
        kafka_source(kafka.bootstrap, group="")
