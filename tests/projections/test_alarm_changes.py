"""What each fact changes on the alarm list, given any history that decisions can make."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from events.alarm_types import FLASH_FULL, flash_resource, sync_failed_key
from events.causes import Cause, Scope
from events.envelope import Recorded
from events.facts import AlarmCleared, AlarmKey, AlarmPurged, AlarmRaised, AlarmShelved, CardRemoved, Severity, Slot
from projections.alarm_changes import AlarmChanges, AlarmLeft, AlarmState
from projections.alarm_list import MAX_CLEARED
from projections.alarm_views import Place, views_of

Record = Callable[..., list[Recorded]]
NO_SPACE = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE)
NAME = "pe1/B config-sync-failed no-space"


def raised(key: AlarmKey = NO_SPACE) -> AlarmRaised:
    return AlarmRaised(alarm=key, severity=Severity.MAJOR, text="full")


def test_a_keeper_of_the_newest_states_has_the_alarm_list(histories) -> None:
    @given(histories)
    def property_(history: Any) -> None:
        changes, kept = AlarmChanges(), dict[str, AlarmState]()
        for recorded in history.recorded:
            for name, change in changes.apply(recorded):
                assert change.position == recorded.position
                if isinstance(change, AlarmLeft):
                    del kept[name]
                else:
                    assert kept.get(name) != change
                    kept[name] = change
            alarms = changes.lists.of(recorded.chassis)
            assert {name: state.alarm for name, state in kept.items()} == views_of(alarms, alarms.alarms)
        assert dict(changes.snapshot()) == kept

    property_()


def test_a_purge_makes_an_alarm_leave(record: Record) -> None:
    changes = AlarmChanges()
    facts = record(
        raised(),
        AlarmCleared(alarm=NO_SPACE, evidence=1, proof="space"),
        AlarmPurged(alarm=NO_SPACE, operator="noc", text=""),
    )
    found = [change for recorded in facts for change in changes.apply(recorded)]
    assert found[-1] == (NAME, AlarmLeft(chassis="pe1", position=3, identity=NAME))
    assert changes.snapshot() == []


def test_a_removed_card_masks_its_alarms(record: Record) -> None:
    changes = AlarmChanges()
    first, second = record(raised(), CardRemoved(slot=Slot.B, detail="gone"))
    changes.apply(first)
    ((name, change),) = changes.apply(second)
    assert (name, change.position) == (NAME, 2)
    assert isinstance(change, AlarmState)
    assert change.alarm.place is Place.MASKED


def test_a_shelf_is_a_change(record: Record) -> None:
    changes = AlarmChanges()
    for recorded in record(raised(), AlarmShelved(alarm=NO_SPACE, operator="noc", text="known")):
        found = changes.apply(recorded)
    assert [change.alarm.place for _, change in found if isinstance(change, AlarmState)] == [Place.SHELVED]


def test_an_old_cleared_alarm_that_the_list_drops_leaves(record: Record) -> None:
    changes = AlarmChanges()
    left = []
    for number in range(MAX_CLEARED + 2):
        key = AlarmKey(resource=flash_resource("pe1", Slot.B, f"cf{number}:"), alarm_type=FLASH_FULL)
        for recorded in record(raised(key), AlarmCleared(alarm=key, evidence=1, proof="there")):
            left += [name for name, change in changes.apply(recorded) if isinstance(change, AlarmLeft)]
    assert left
    assert not set(left) & set(changes.lists.of("pe1").alarms)
    assert len(changes.snapshot()) == len(changes.lists.of("pe1").alarms)


@pytest.mark.parametrize("times", [1, 2])
def test_a_snapshot_has_each_alarm_at_the_position_that_changed_it_last(record: Record, times: int) -> None:
    changes = AlarmChanges()
    for recorded in record(*[raised()] * times):
        changes.apply(recorded)
    assert [state.position for _, state in changes.snapshot()] == [1]
