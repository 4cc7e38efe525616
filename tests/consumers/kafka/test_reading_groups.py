"""Consumer groups: several members share the partitions, and none of what they handled is handled again."""

import subprocess
import sys
import threading
import time
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
PATIENCE_SECONDS, LOOK_SECONDS = 60.0, 0.05
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
    kafka: Broker, record: Record, make_topics, group, producer, prefix, story, publish, take: Take
) -> None:
    make_topics(3)
    story.provision()
    head = publish(record, producer, prefix)
    beginning = kafka_source(kafka.bootstrap, prefix=prefix, group=prefix, begin_now=True)
    with subscribe_events(beginning, until_now=True) as events:
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


class Member:
    """A member as a process, and the positions that it has printed."""

    def __init__(self, *words: str) -> None:
        self.printed: list[int] = []
        self._process = subprocess.Popen([sys.executable, "-c", MEMBER, *words], stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.printed.append(int(line))

    def until_it_adds(self, printed: list[int], enough: int) -> None:
        """Waits until there are so many positions with those that others have printed."""
        until(lambda: len({*printed, *self.printed}) >= enough)

    def leave(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        """Returns when everything that it has printed is read."""
        self._process.kill()
        self._process.wait()
        self._thread.join()


@pytest.fixture
def join(kafka: Broker, prefix: str, quick: Path) -> Iterator[Callable[[], Member]]:
    """Starts a member."""
    with ExitStack() as stack:

        def start() -> Member:
            member = Member(kafka.bootstrap, prefix, str(quick))
            stack.callback(member.kill)
            return member

        yield start


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(LOOK_SECONDS)


def test_after_any_kill_the_next_member_goes_on_without_a_gap(
    record: Record, make_topics, producer, prefix, story, publish, join
) -> None:
    make_topics(1)
    story.whole()
    publish(record, producer, prefix)
    printed: list[int] = []
    while len(set(printed)) < record.head():
        member, enough = join(), min(len(set(printed)) + 9, record.head())
        member.until_it_adds(printed, enough)
        member.kill()
        printed += member.printed
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

    def both_read() -> bool:
        nonlocal head
        for name in chassis:  # whoever came first may have read everything that there was
            story.fail(name)
        head = publish(record, producer, prefix, after=head)
        return all(member.printed for member in members)

    until(both_read)
    members[0].leave()
    wanted = set(range(1, record.head() + 1))
    until(lambda: wanted == {*members[0].printed, *members[1].printed})
