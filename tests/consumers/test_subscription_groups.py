"""Groups that read the record: what they remember, and who may be their member."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consumers.subscription import (
    Change,
    GroupBusyError,
    RecordGroup,
    SubscriptionError,
    subscribe_alarms,
    subscribe_events,
)
from events.store import Record

Take = Callable[..., list[Any]]


@pytest.fixture
def group(record: Record, home: Path) -> RecordGroup:
    return RecordGroup(record, home / "groups", "noc")


def test_a_group_goes_on_strictly_after_what_it_handled(record: Record, story, group: RecordGroup, take: Take) -> None:
    story.whole()
    with subscribe_events(group, after=0) as events:
        assert [one.position for one in take(events, 5)] == [1, 2, 3, 4, 5]
        events.commit()
    with subscribe_events(group, until_now=True) as events:
        assert [one.position for one in take(events)] == list(range(6, record.head() + 1))


def test_what_was_delivered_and_not_committed_comes_again(story, group: RecordGroup, take: Take) -> None:
    story.whole()
    for _ in range(2):
        with subscribe_events(group, after=0) as events:
            assert [one.position for one in take(events, 2)] == [1, 2]


def test_asking_for_the_next_one_says_that_the_last_is_handled(story, group: RecordGroup, take: Take) -> None:
    story.provision()
    with subscribe_events(group, after=0) as events:
        assert [one.position for one in take(events, 3)] == [1, 2, 3]
        story.fail()
        assert take(events, 1)[0].position == 4
    with subscribe_events(group, until_now=True) as events:
        assert take(events)[0].position == 4


def test_a_new_group_that_saw_nothing_yet_misses_nothing(record: Record, story, group: RecordGroup, take: Take) -> None:
    story.provision()
    head = record.head()
    subscribe_events(group).close()
    story.fail()
    with subscribe_events(group, until_now=True) as events:
        assert take(events)[0].position == head + 1


def test_a_group_of_alarms_gets_the_list_once_and_then_changes(story, group: RecordGroup, take: Take) -> None:
    story.whole()
    with subscribe_alarms(group, until_now=True) as alarms:
        assert [one.change for one in take(alarms)] == [Change.LISTED]
    story.succeed()
    with subscribe_alarms(group, until_now=True) as alarms:
        assert [one.change for one in take(alarms)] == [Change.CLEARED]
    with subscribe_alarms(group, until_now=True) as alarms:
        assert take(alarms) == []


def test_a_list_that_was_not_handled_to_its_end_comes_again(story, group: RecordGroup, take: Take) -> None:
    story.whole("pe1")
    story.whole("pe2")
    for _ in range(2):
        with subscribe_alarms(group) as alarms:
            assert [one.chassis for one in take(alarms, 1)] == ["pe1"]
            alarms.commit()


def test_a_group_has_one_member_at_a_time_for_each_stream(story, group: RecordGroup) -> None:
    story.provision()
    refused = pytest.raises(GroupBusyError, match="another process follows events as group noc")
    with subscribe_events(group), subscribe_alarms(group), refused:
        subscribe_events(group)
    subscribe_events(group).close()


def test_a_damaged_position_is_said_and_not_guessed(story, group: RecordGroup, home: Path) -> None:
    story.provision()
    subscribe_events(group).close()
    (home / "groups" / "noc.events").write_text("12x\n")
    with pytest.raises(SubscriptionError, match="is no position"):
        subscribe_events(group)


def test_a_folder_that_cannot_be_written_is_said_with_a_remedy(record: Record, home: Path) -> None:
    (home / "groups").touch()
    with pytest.raises(SubscriptionError, match=r"cannot be remembered in .*groups: File exists\. Let this user write"):
        subscribe_events(RecordGroup(record, home / "groups", "noc"))


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b"])
def test_a_group_has_a_name_that_a_file_can_have(record: Record, home: Path, name: str) -> None:
    with pytest.raises(SubscriptionError, match="cannot be the name of a group"):
        subscribe_events(RecordGroup(record, home / "groups", name))


@pytest.fixture
def restored(record: Record, story, home: Path) -> Iterator[Record]:
    """The record from a backup, after which something happened that the backup does not have."""
    story.whole()
    with closing(sqlite3.connect(home / "record.sqlite")) as now, closing(sqlite3.connect(home / "backup")) as backup:
        now.backup(backup)
    story.fail("pe1")
    with closing(Record(home / "backup", lambda: datetime.now(UTC))) as opened:
        assert opened.head() < record.head()
        yield opened


@pytest.mark.parametrize("subscribe", [subscribe_events, subscribe_alarms])
@pytest.mark.parametrize("grown", [False, True], ids=["shorter", "grown since"])
def test_a_group_that_has_handled_more_than_a_restored_record_has_is_told_so(
    subscribe: Any, restored: Record, record: Record, story, group: RecordGroup, home: Path, take: Take, grown: bool
) -> None:
    with subscribe(group, until_now=True) as stream:
        take(stream)
    story.fail()
    with subscribe(group, until_now=True) as stream:
        assert take(stream)
    if grown:
        type(story)(restored).whole("pe2")
        assert restored.head() > record.head()
    other = RecordGroup(restored, home / "groups", "noc")
    with pytest.raises(SubscriptionError, match=r"restored since: remove .*groups/noc\.\w+, and say --from"):
        subscribe(other)
    subscribe(group).close()


def test_what_a_group_remembers_of_an_event_is_what_was_delivered(
    story, group: RecordGroup, home: Path, take: Take
) -> None:
    story.whole()
    with subscribe_events(group, after=0) as events:
        handled = take(events, 5)[-1]
        with closing(sqlite3.connect(home / "record.sqlite")) as other:
            other.execute("DROP TRIGGER facts_are_never_updated")
            other.execute("UPDATE stored_events SET state = (SELECT state FROM stored_events WHERE position = 4)")
            other.commit()
        events.commit()
    with pytest.raises(SubscriptionError, match=f"has handled position {handled.position} of another record"):
        subscribe_events(group)


@pytest.mark.postgresql
@pytest.mark.xdist_group("postgresql-restarts")
@pytest.mark.parametrize("subscribe", [subscribe_events, subscribe_alarms])
def test_a_group_remembers_what_it_handled_though_the_server_is_away(
    subscribe: Any, story, start_postgres, home: Path, take: Take
) -> None:
    server = start_postgres()
    with closing(Record(server.url(server.new_database()), lambda: datetime.now(UTC))) as shared:
        told, group = type(story)(shared), RecordGroup(shared, home / "groups", "noc")
        told.provision()
        told.fail()
        with subscribe(group, after=0) as stream:
            take(stream, 1)
            server.stop()
            began = time.monotonic()
            stream.commit()
            assert time.monotonic() - began < 20
            server.start()
        with subscribe(group) as stream:
            told.fail()
            take(stream, 1)


def test_a_group_begins_with_a_position_that_somebody_has_written(
    record: Record, story, group: RecordGroup, home: Path, take: Take
) -> None:
    story.whole()
    subscribe_events(group).close()
    (home / "groups" / "noc.events").write_text("4\n")
    with subscribe_events(group, until_now=True) as events:
        assert [one.position for one in take(events)] == [*range(5, record.head() + 1)]


def test_a_position_that_somebody_has_written_beyond_the_record_is_refused(
    story, group: RecordGroup, home: Path
) -> None:
    story.whole()
    subscribe_events(group).close()
    (home / "groups" / "noc.events").write_text("4000\n")
    with pytest.raises(SubscriptionError, match="has handled position 4000 of another record"):
        subscribe_events(group)


def test_a_new_group_that_is_to_begin_beyond_the_record_has_handled_nothing(story, group: RecordGroup) -> None:
    story.provision()
    for _ in range(2):
        subscribe_events(group, after=100).close()
