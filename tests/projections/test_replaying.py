"""Replays of a record of several chassis, up to a position or a time."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest

from events.alarm_types import card_resource
from events.envelope import Recorded
from events.facts import AlarmKey, AlarmRaised, CardInserted, CardRemoved, Severity, Slot, StandbyReady
from projections.alarm_views import active
from projections.replaying import Fleet, Reached, alarm_lists, replay, sync_histories
from projections.sync_history import attempts

Record = Callable[..., list[Recorded]]


def raised(chassis: str) -> AlarmRaised:
    key = AlarmKey(resource=card_resource(chassis, Slot.B), alarm_type="card-removed")
    return AlarmRaised(alarm=key, severity=Severity.MAJOR, text="gone")


@pytest.fixture
def two_chassis(record: Record) -> list[Recorded]:
    for chassis in ("pe1", "pe2"):
        record(CardInserted(slot=Slot.A), CardRemoved(slot=Slot.B, detail="gone"), raised(chassis), chassis=chassis)
    return record.everything


def test_each_chassis_has_a_state_of_its_own(two_chassis: list[Recorded]) -> None:
    alarms, histories = alarm_lists(), sync_histories()
    reached = replay(two_chassis, [alarms, histories])
    assert reached == Reached(6, 6, two_chassis[-1].recorded_at)
    assert [view.resource for view in active(alarms.of("pe1"))] == ["pe1/B"]
    assert [view.resource for view in active(alarms.of("pe2"))] == ["pe2/B"]
    assert active(alarms.of("pe3")) == ()
    assert (list(alarms.states), histories.states) == (["pe1", "pe2"], {})


def test_a_replay_ends_at_its_position(two_chassis: list[Recorded]) -> None:
    alarms = alarm_lists()
    assert replay(two_chassis, [alarms], position=5).position == 5
    assert (len(active(alarms.of("pe1"))), len(active(alarms.of("pe2")))) == (1, 0)


def test_a_replay_ends_at_the_time_of_recording_not_of_occurrence(two_chassis: list[Recorded]) -> None:
    late = [msgspec.structs.replace(each, occurred_at=each.occurred_at - timedelta(days=1)) for each in two_chassis]
    alarms = alarm_lists()
    assert replay(late, [alarms], at=late[2].recorded_at).position == 3
    assert (len(active(alarms.of("pe1"))), len(active(alarms.of("pe2")))) == (1, 0)


def test_a_replay_is_a_prefix_even_where_the_clock_was_set_back(two_chassis: list[Recorded]) -> None:
    third = two_chassis[2].recorded_at
    set_back = [*two_chassis[:5], msgspec.structs.replace(two_chassis[5], recorded_at=third)]
    assert replay(set_back, [alarm_lists()], at=third).position == 3


def test_an_empty_replay_has_reached_nothing(two_chassis: list[Recorded]) -> None:
    assert replay([], [alarm_lists()]) == Reached(0, 0, None)
    assert replay(two_chassis, [alarm_lists()], position=0) == Reached(0, 0, None)


def test_a_time_without_a_zone_is_refused(two_chassis: list[Recorded]) -> None:
    with pytest.raises(ValueError, match="2026-01-05T02:13:00 has no time zone"):
        replay(two_chassis, [alarm_lists()], at=datetime(2026, 1, 5, 2, 13))  # noqa: DTZ001 - that is the mistake


def test_two_halves_of_a_replay_give_what_one_gives(story: list[Recorded]) -> None:
    whole, halves = (alarm_lists(), sync_histories()), (alarm_lists(), sync_histories())
    replay(story, whole)
    reached = replay(story, halves, position=len(story) // 2)
    replay(story[reached.facts :], halves)
    assert [fleet.states for fleet in halves] == [fleet.states for fleet in whole]
    assert len(attempts(whole[1].of("pe1"))) == 4


def test_a_fleet_without_a_list_of_facts_is_shown_all_of_them(record: Record) -> None:
    counted = Fleet(0, lambda count, _: count + 1)
    replay(record(CardInserted(slot=Slot.A), StandbyReady(slot=Slot.B)), [counted, alarm_lists()])
    assert counted.states == {"pe1": 2}
