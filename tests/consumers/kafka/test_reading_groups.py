"""Consumer groups: several members share the partitions, and none of what they handled is handled again."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.structs import TopicPartition

from consumers.kafka.connecting import Admin
from consumers.kafka.reading import KafkaGroup, kafka_source
from consumers.kafka.topics import TopicNames, create_topics
from consumers.subscription import (
    Change,
    MissingPositionsError,
    RecordSource,
    SubscriptionError,
    subscribe_alarms,
    subscribe_events,
)
from events.store import Record
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]
Take = Callable[..., list[Any]]
MEMBER = """
import sys
from pathlib import Path
from consumers.kafka.reading import kafka_source
from consumers.subscription import subscribe_events

source = kafka_source(sys.argv[1], Path(sys.argv[3]), prefix=sys.argv[2], group=sys.argv[2])
with subscribe_events(source, after=0) as events:
    for recorded in events:
        print(recorded.position, flush=True)
"""


@pytest.fixture
def producer(kafka: Broker, prefix: str, make_producer: Callable[..., KafkaProducer]) -> KafkaProducer:
    """A publisher's."""
    made = make_producer(kafka, transactional_id=prefix)
    made.init_transactions()
    return made


@pytest.fixture
def make_topics(admin: Admin, prefix: str) -> Callable[[int], None]:
    return lambda partitions: create_topics(admin, TopicNames.of(prefix), partitions=partitions) and None


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """Settings with which a killed member is missed soon."""
    file = tmp_path / "client.properties"
    file.write_text("session.timeout.ms=1500\nheartbeat.interval.ms=300\n")
    return file


@pytest.fixture
def group(kafka: Broker, prefix: str, quick: Path) -> KafkaGroup:
    found = kafka_source(kafka.bootstrap, quick, prefix=prefix, group=prefix)
    assert isinstance(found, KafkaGroup)
    return found


def positions(found: list[Any]) -> list[int]:
    return [one.position for one in found]


def test_a_group_goes_on_strictly_after_what_it_handled(
    record: Record, make_topics, group, producer, prefix, story, publish, take: Take
) -> None:
    make_topics(1)
    story.whole()
    publish(record, producer, prefix)
    with subscribe_events(group, after=2) as events:
        assert positions(take(events, 5)) == [3, 4, 5, 6, 7]
        events.commit()
    with subscribe_events(group, until_now=True) as events:
        assert positions(take(events)) == list(range(8, record.head() + 1))
    with subscribe_events(group, after=0, until_now=True) as events:
        assert take(events) == []


def test_what_was_delivered_and_not_committed_comes_again(
    record: Record, make_topics, group, producer, prefix, story, publish, take: Take
) -> None:
    make_topics(1)
    story.whole()
    publish(record, producer, prefix)
    for _ in range(2):
        with subscribe_events(group, after=0) as events:
            assert positions(take(events, 2)) == [1, 2]


def test_a_new_group_that_saw_nothing_yet_misses_nothing(
    record: Record, make_topics, group, producer, prefix, story, publish, take: Take
) -> None:
    make_topics(3)
    story.provision()
    head = publish(record, producer, prefix)
    with subscribe_events(group, until_now=True) as events:
        assert take(events) == []
    story.fail()
    publish(record, producer, prefix, after=head)
    with subscribe_events(group, until_now=True) as events:
        assert positions(take(events)) == list(range(head + 1, record.head() + 1))


def test_a_group_of_alarms_gets_the_list_once_and_then_changes(
    record: Record, make_topics, group, producer, prefix, story, publish, take: Take
) -> None:
    make_topics(3)
    for chassis in ("pe1", "pe2"):
        story.whole(chassis)
    head = publish(record, producer, prefix)
    with (
        subscribe_alarms(group, until_now=True) as alarms,
        subscribe_alarms(RecordSource(record), until_now=True) as expected,
    ):
        listed = take(alarms)
        assert sorted(positions(listed)) == positions(take(expected))
        assert {one.change for one in listed} == {Change.LISTED}
    story.succeed("pe2")
    publish(record, producer, prefix, after=head)
    with subscribe_alarms(group, until_now=True) as alarms:
        assert [(one.chassis, one.change) for one in take(alarms)] == [("pe2", Change.CLEARED)]


def test_a_group_of_alarms_cannot_begin_at_a_position(group: KafkaGroup) -> None:
    with pytest.raises(SubscriptionError, match="begins with the list"):
        subscribe_alarms(group, after=3)


def test_a_group_whose_next_positions_were_cut_off_says_which(
    record: Record, make_topics, group, producer, prefix, admin: Any, story, publish, take: Take
) -> None:
    make_topics(1)
    story.whole()
    publish(record, producer, prefix, at_once=1000)
    with subscribe_events(group, after=0) as events:
        take(events, 2)
        events.commit()
    admin.delete_records({TopicPartition(f"{prefix}.events", 0): 6})
    with subscribe_events(group) as events, pytest.raises(MissingPositionsError) as raised:
        take(events)
    assert (raised.value.first, raised.value.last) == (3, 6)


@pytest.fixture
def join(kafka: Broker, prefix: str, quick: Path) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Starts a member as a process."""
    with ExitStack() as stack:

        def start() -> "subprocess.Popen[str]":
            command = [sys.executable, "-c", MEMBER, kafka.bootstrap, prefix, str(quick)]
            member = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(member.kill)
            return member

        yield start


def test_after_any_kill_the_next_member_goes_on_without_a_gap(
    record: Record, make_topics, producer, prefix, story, publish, join
) -> None:
    make_topics(1)
    story.whole()
    publish(record, producer, prefix)
    printed: list[int] = []
    while len(set(printed)) < record.head():
        member = join()
        assert member.stdout is not None
        for line in member.stdout:
            printed.append(int(line))
            if len(printed) % 9 == 0 or len(set(printed)) == record.head():
                member.kill()
                break
        rest = member.stdout.read().split()
        printed += [int(word) for word in rest]
    firsts = list(dict.fromkeys(printed))
    assert firsts == list(range(1, record.head() + 1))


def test_members_share_the_chassis_and_lose_none_when_one_leaves(
    record: Record, make_topics, producer, prefix, story, publish, join
) -> None:
    make_topics(3)
    chassis = [f"pe{number}" for number in range(8)]
    for name in chassis:
        story.provision(name)
    head = publish(record, producer, prefix)
    members = [join(), join()]
    first = [member.stdout.readline() for member in members]
    assert all(first)
    for name in chassis:
        story.fail(name)
    publish(record, producer, prefix, after=head)
    members[0].terminate()
    wanted = set(range(1, record.head() + 1))
    seen = {int(word) for line in (*first, members[0].stdout.read()) for word in line.split()}
    while seen != wanted:
        seen.add(int(members[1].stdout.readline()))
