"""Following the record: what is delivered, in which order, and how it ends."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from consumers.subscription import AlarmUpdate, Change, RecordSource, subscribe_alarms, subscribe_events
from events.causes import Cause
from events.commands import AlarmAction
from events.facts import Severity
from events.store import Record
from projections.alarm_changes import AlarmChanges
from projections.alarm_views import Place
from projections.event_log import entry

Take = Callable[..., list[Any]]


def positions(found: list[Any]) -> list[int]:
    return [one.position for one in found]


def test_events_begin_strictly_after_a_position_and_end_with_what_is_there(record: Record, story, take: Take) -> None:
    story.whole()
    with subscribe_events(RecordSource(record), after=3, until_now=True) as events:
        assert positions(take(events)) == list(range(4, record.head() + 1))


def test_without_a_position_only_new_events_are_delivered(record: Record, story, take: Take) -> None:
    story.whole()
    head = record.head()
    with subscribe_events(RecordSource(record)) as events:
        story.fail()
        assert positions(take(events, 2)) == [head + 1, head + 2]


def test_what_is_recorded_while_one_catches_up_comes_next(record: Record, story, take: Take) -> None:
    story.whole()
    with subscribe_events(RecordSource(record), after=0) as events:
        first = take(events, 1)
        story.fail()
        assert positions(first + take(events, record.head() - 1)) == list(range(1, record.head() + 1))


def test_a_late_subscriber_gets_the_active_alarms_and_then_what_happens(record: Record, story, take: Take) -> None:
    story.whole()
    with subscribe_alarms(RecordSource(record)) as alarms:
        (listed,) = take(alarms, 1)
        story.act(AlarmAction.ACKNOWLEDGE, cause=Cause.SOURCE_MISSING)
        (acknowledged,) = take(alarms, 1)
    assert (listed.change, listed.alarm.place) == (Change.LISTED, Place.ACTIVE)
    assert (acknowledged.change, acknowledged.identity) == (Change.ACKNOWLEDGED, listed.identity)
    assert listed.position < acknowledged.position == record.head()


def test_the_whole_list_has_cleared_alarms_too(record: Record, story, take: Take) -> None:
    story.whole()
    with subscribe_alarms(RecordSource(record), whole_list=True, until_now=True) as alarms:
        assert {one.alarm.place for one in take(alarms)} == {Place.ACTIVE, Place.CLEARED}


def test_every_change_says_what_happened(record: Record, story, take: Take) -> None:
    story.whole()
    with subscribe_alarms(RecordSource(record), after=0, until_now=True) as alarms:
        told = [one.change for one in take(alarms) if "no-space" in one.identity]
    by_operators = [Change.ACKNOWLEDGED, Change.COMMENTED, Change.SHELVED, Change.UNSHELVED, Change.CLOSED]
    with_card = [Change.MASKED, Change.UPDATED]
    assert told == [Change.RAISED, Change.UPDATED, *by_operators, *with_card, Change.CLEARED, Change.LEFT]


@pytest.mark.parametrize("after", range(0, 40, 3))
def test_the_list_at_any_moment_and_the_changes_after_it_give_the_list(
    record: Record, story, take: Take, after: int
) -> None:
    story.whole()
    changes = AlarmChanges()
    for recorded in record.read(until=after):
        changes.apply(recorded)
    kept: dict[str, Any] = {identity: state.alarm for identity, state in changes.snapshot()}
    with subscribe_alarms(RecordSource(record), after=after, until_now=True) as alarms:
        for told in take(alarms):
            assert told.position > after
            keep(kept, told)
    with subscribe_alarms(RecordSource(record), whole_list=True, until_now=True) as alarms:
        assert kept == {told.identity: told.alarm for told in take(alarms)}


def keep(kept: dict[str, Any], told: AlarmUpdate) -> None:
    if told.alarm is None:
        del kept[told.identity]
    else:
        kept[told.identity] = told.alarm


def test_a_chassis_is_chosen(record: Record, story, take: Take) -> None:
    story.whole("pe1")
    story.whole("pe2")
    with subscribe_events(RecordSource(record), after=0, chassis="pe2", until_now=True) as events:
        assert {one.chassis for one in take(events)} == {"pe2"}
    with subscribe_alarms(RecordSource(record), after=0, chassis="pe1", until_now=True) as alarms:
        assert {one.chassis for one in take(alarms)} == {"pe1"}


def test_events_of_a_severity_are_those_whose_log_entry_is_at_least_so_severe(record, story, take: Take) -> None:
    story.whole()
    with subscribe_events(RecordSource(record), after=0, severity=Severity.MAJOR, until_now=True) as events:
        assert {str(entry(one).severity) for one in take(events)} == {"MAJOR", "CRITICAL"}


def test_alarms_of_a_severity_are_told_to_the_end(record: Record, story, take: Take) -> None:
    story.whole()
    with subscribe_alarms(RecordSource(record), after=0, severity=Severity.CRITICAL, until_now=True) as alarms:
        told = take(alarms)
    assert {one.alarm.perceived_severity for one in told if one.alarm} == {Severity.CRITICAL}
    assert Change.CLEARED in {one.change for one in told}


def test_stop_ends_the_iteration_of_another_thread_where_it_waits(record: Record, story) -> None:
    story.provision()
    found: list[Any] = []
    with subscribe_events(RecordSource(record), after=0) as events:
        began = threading.Event()

        def follow() -> None:
            for recorded in events:
                found.append(recorded)
                began.set()

        thread = threading.Thread(target=follow)
        thread.start()
        assert began.wait(20)
        events.stop()
        thread.join(20)
        assert not thread.is_alive()
    assert positions(found) == list(range(1, len(found) + 1))


def test_an_empty_record_has_an_empty_list_and_then_what_happens(record: Record, story, take: Take) -> None:
    with subscribe_alarms(RecordSource(record), until_now=True) as alarms:
        assert take(alarms) == []
    with subscribe_alarms(RecordSource(record)) as alarms:
        story.provision()
        story.fail()
        assert [one.change for one in take(alarms, 1)] == [Change.RAISED]
