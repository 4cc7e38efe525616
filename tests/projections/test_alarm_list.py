"""The alarm list, given facts as recorded."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import reduce

import msgspec
import orjson
import pytest

from events.alarm_types import CARD_REMOVED, SINGLE_CARD, card_resource, flash_resource, sync_failed_key
from events.causes import Cause, Scope
from events.envelope import Recorded
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmClosed,
    AlarmCommented,
    AlarmCompressed,
    AlarmKey,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    AlarmShelved,
    AlarmUnshelved,
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    Severity,
    Slot,
    StandbyReady,
)
from projections.alarm_entries import MAX_OPERATOR_STATE_CHANGES, MAX_STATUS_CHANGES, OperatorState, SeverityWithClear
from projections.alarm_list import EMPTY, MAX_CLEARED, AlarmList, evolve
from projections.alarm_views import (
    AlarmCounts,
    Place,
    active,
    cleared,
    counts,
    listing,
    masked,
    shelved,
    summary,
    view_of,
)

Record = Callable[..., list[Recorded]]

NO_SPACE = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE)
FLASH = AlarmKey(resource=flash_resource("pe1", Slot.B, "cf3:"), alarm_type="flash-full")
REMOVED = AlarmKey(resource=card_resource("pe1", Slot.B), alarm_type=CARD_REMOVED)
SINGLE = AlarmKey(resource="pe1", alarm_type=SINGLE_CARD)


def fold(recorded: Iterable[Recorded], state: AlarmList = EMPTY) -> AlarmList:
    return reduce(evolve, recorded, state)


def raise_(key: AlarmKey = NO_SPACE, severity: Severity = Severity.MAJOR, text: str = "flash is full") -> AlarmRaised:
    return AlarmRaised(alarm=key, severity=severity, text=text)


def clear(evidence: int, key: AlarmKey = NO_SPACE, proof: str = "a copy succeeded") -> AlarmCleared:
    return AlarmCleared(alarm=key, evidence=evidence, proof=proof)


def test_a_raised_alarm_is_active_with_the_leaves_of_rfc_8632_x733_and_sros(record: Record) -> None:
    [raised] = record(raise_())
    [view] = active(fold([raised]))
    at = raised.occurred_at
    assert (view.place, view.index, view.count, view.raised_position) == (Place.ACTIVE, 1, 1, 1)
    assert (view.resource, view.alarm_type_id, view.alarm_type_qualifier) == ("pe1/B", "config-sync-failed", "no-space")
    assert (view.time_created, view.last_raised, view.last_changed) == (at, at, at)
    assert (view.perceived_severity, view.is_cleared, view.alarm_text) == (Severity.MAJOR, False, "flash is full")
    assert (view.probable_cause, view.probable_cause_string) == (151, "storageCapacityProblem")
    assert (view.event_type, view.alarm_id) == ("equipment-alarm", "64-2013-1")
    assert view.proposed_repair_actions == "Remove old images or logs from the standby card's flash."
    assert (view.operator_state, view.operator_state_change, view.clearance) == (OperatorState.NONE, (), None)


def test_a_repeat_is_counted_and_is_no_status_change(record: Record) -> None:
    raised, repeated = record(raise_(), AlarmRepeated(alarm=NO_SPACE, count=2, text="flash is full"))
    [view] = active(fold([raised, repeated]))
    assert (view.count, len(view.status_change), view.last_changed) == (2, 1, raised.occurred_at)


def test_a_repeat_with_another_text_is_a_status_change(record: Record) -> None:
    raised, repeated = record(raise_(), AlarmRepeated(alarm=NO_SPACE, count=2, text="2 bytes are missing"))
    [view] = active(fold([raised, repeated]))
    assert (view.alarm_text, view.last_changed) == ("2 bytes are missing", repeated.occurred_at)
    assert view.last_raised == raised.occurred_at
    assert [change.alarm_text for change in view.status_change] == ["2 bytes are missing", "flash is full"]


def test_another_severity_of_an_alarm_that_stands_is_a_status_change_and_no_new_raise(record: Record) -> None:
    raised, worse = record(raise_(), raise_(severity=Severity.CRITICAL))
    [view] = active(fold([raised, worse]))
    assert (view.perceived_severity, view.index, view.last_raised) == (Severity.CRITICAL, 1, raised.occurred_at)
    assert len(view.status_change) == 2
    [next_one, _] = active(fold(record(raise_(SINGLE)), fold([raised, worse])))
    assert next_one.index == 2


def test_a_cleared_alarm_says_what_proved_it(record: Record) -> None:
    *_, evidence, cleared_fact = record(raise_(), StandbyReady(slot=Slot.B), clear(2))
    state = fold(record.everything)
    [view] = cleared(state)
    assert active(state) == ()
    assert view.is_cleared
    assert view.perceived_severity is Severity.MAJOR
    assert view.clearance is not None
    assert (view.clearance.proof, view.clearance.time) == ("a copy succeeded", cleared_fact.occurred_at)
    assert (view.clearance.position, view.clearance.evidence_position) == (cleared_fact.position, evidence.position)
    assert view.status_change[0].perceived_severity is SeverityWithClear.CLEARED


def test_the_evidence_is_found_in_a_record_of_several_chassis(record: Record) -> None:
    record(raise_())
    record(CardInserted(slot=Slot.A), CardInserted(slot=Slot.B), CardRemoved(slot=Slot.B, detail="gone"), chassis="pe2")
    evidence, _ = record(StandbyReady(slot=Slot.B), clear(2))
    [view] = cleared(fold(each for each in record.everything if each.chassis == "pe1"))
    assert view.clearance is not None
    assert view.clearance.evidence_position == evidence.position == 5


def test_without_positions_the_evidence_is_known_by_its_version_alone(record: Record) -> None:
    record(raise_(), StandbyReady(slot=Slot.B), clear(2))
    [view] = cleared(fold(msgspec.structs.replace(each, position=0) for each in record.everything))
    assert view.clearance is not None
    assert (view.clearance.evidence_version, view.clearance.evidence_position) == (2, 0)


def test_evidence_that_does_not_come_before_its_clear_is_no_evidence(record: Record) -> None:
    record(raise_(), clear(2))
    with pytest.raises(AssertionError, match="pe1 version 2: evidence comes before its clear"):
        fold(record.everything)


def test_an_alarm_raised_again_after_its_clear_is_the_same_entry_with_a_new_index(record: Record) -> None:
    first, *_, again = record(
        raise_(), AlarmRepeated(alarm=NO_SPACE, count=2, text="flash is full"), clear(2), raise_()
    )
    [view] = active(fold(record.everything))
    assert (view.time_created, view.last_raised) == (first.occurred_at, again.occurred_at)
    assert (view.index, view.count, view.raised_position, view.clearance) == (2, 1, 4, None)
    assert [change.perceived_severity for change in view.status_change] == ["major", "cleared", "major"]


def test_the_newest_status_change_agrees_with_the_leaves(record: Record) -> None:
    record(raise_(), clear(1))
    [view] = cleared(fold(record.everything))
    assert view.status_change[0].alarm_text == view.alarm_text == "flash is full"


def test_two_status_changes_of_one_moment_are_told_apart_by_their_positions(record: Record) -> None:
    [raised] = record(raise_())
    record(clear(1), at=raised.occurred_at)
    [view] = cleared(fold(record.everything))
    assert [change.time for change in view.status_change] == [raised.occurred_at] * 2
    assert [change.position for change in view.status_change] == [2, 1]


def test_only_the_newest_status_changes_are_kept(record: Record) -> None:
    for number in range(MAX_STATUS_CHANGES):
        record(raise_(), clear(2 * number + 1))
    [view] = cleared(fold(record.everything))
    assert len(view.status_change) == MAX_STATUS_CHANGES == 32
    assert view.status_change[0].position == 64


def test_only_the_newest_operator_state_changes_are_kept(record: Record) -> None:
    record(raise_())
    for number in range(MAX_OPERATOR_STATE_CHANGES + 1):
        record(AlarmCommented(alarm=NO_SPACE, operator="noc", text=str(number)))
    [view] = active(fold(record.everything))
    assert len(view.operator_state_change) == MAX_OPERATOR_STATE_CHANGES
    assert view.operator_state_change[0].text == str(MAX_OPERATOR_STATE_CHANGES)


def test_only_the_newest_cleared_alarms_are_kept_and_no_standing_one_is_lost(record: Record) -> None:
    keys = [AlarmKey(resource=f"pe1/B/cf{number}:", alarm_type="flash-full") for number in range(MAX_CLEARED + 2)]
    record(raise_(), raise_(REMOVED), *(raise_(key) for key in keys))
    for version, key in enumerate(keys, len(keys) + 2):
        record(clear(version, key))
    state = fold(record.everything)
    assert [view.resource for view in cleared(state)] == [key.resource for key in reversed(keys[2:])]
    assert len(active(state)) == 2


def test_cleared_alarms_are_shown_newest_clear_first_and_active_ones_newest_raise_first(record: Record) -> None:
    record(raise_(FLASH), raise_(NO_SPACE), raise_(SINGLE), raise_(REMOVED), clear(4, NO_SPACE), clear(5, FLASH))
    state = fold(record.everything)
    assert [view.alarm_type_id for view in cleared(state)] == ["flash-full", "config-sync-failed"]
    assert [view.alarm_type_id for view in active(state)] == ["card-removed", "single-card"]


def test_a_clock_that_goes_back_does_not_put_an_alarm_back(record: Record) -> None:
    [raised] = record(raise_())
    record(clear(1), raise_(), at=raised.occurred_at - timedelta(hours=1))
    [view] = active(fold(record.everything))
    assert (view.last_raised, view.last_changed) == (raised.occurred_at, raised.occurred_at)
    assert [change.time for change in view.status_change] == [raised.occurred_at] * 3


def test_a_clear_a_repeat_or_an_act_without_its_alarm_changes_nothing(record: Record) -> None:
    state = fold(
        record(
            StandbyReady(slot=Slot.B),
            clear(1),
            AlarmRepeated(alarm=NO_SPACE, count=2, text="full"),
            AlarmAcknowledged(alarm=NO_SPACE, operator="noc", text=""),
        )
    )
    assert state is EMPTY


def test_a_second_clear_and_a_repeat_of_a_cleared_alarm_change_nothing(record: Record) -> None:
    before = fold(record(raise_(), clear(1)))
    after = fold(record(clear(2), AlarmRepeated(alarm=NO_SPACE, count=2, text="full")), before)
    assert after is before


def test_a_purged_alarm_is_gone_and_comes_back_as_a_new_one(record: Record) -> None:
    record(raise_(), AlarmPurged(alarm=NO_SPACE, operator="noc", text="tidy"))
    purged = fold(record.everything)
    assert purged.alarms == {}
    assert view_of(purged, NO_SPACE) is None
    ignored, again = record(clear(2), raise_())
    [view] = active(fold([ignored, again], purged))
    assert (view.time_created, view.index, len(view.status_change)) == (again.occurred_at, 2, 1)


def test_a_compressed_alarm_shows_its_newest_status_change_only(record: Record) -> None:
    record(raise_(), clear(1), raise_(), AlarmCompressed(alarm=NO_SPACE, operator="noc", text=""))
    [view] = active(fold(record.everything))
    assert [change.position for change in view.status_change] == [3]
    assert view.operator_state_change == ()


def test_operators_acknowledge_comment_and_close(record: Record) -> None:
    record(
        raise_(),
        AlarmCommented(alarm=NO_SPACE, operator="noc", text="seen"),
        AlarmAcknowledged(alarm=NO_SPACE, operator="noc", text="on the way"),
        AlarmCommented(alarm=NO_SPACE, operator="operator", text="flash ordered"),
        AlarmClosed(alarm=NO_SPACE, operator="noc", text="done"),
    )
    [view] = active(fold(record.everything))
    assert view.operator_state is OperatorState.CLOSED
    assert [(change.state, change.operator, change.text) for change in reversed(view.operator_state_change)] == [
        ("none", "noc", "seen"),
        ("ack", "noc", "on the way"),
        ("ack", "operator", "flash ordered"),
        ("closed", "noc", "done"),
    ]


def test_a_shelved_alarm_is_off_the_list_and_still_tracked(record: Record) -> None:
    record(raise_(), AlarmShelved(alarm=NO_SPACE, operator="noc", text="known"))
    state = fold(record.everything)
    assert (active(state), counts(state).total) == ((), 0)
    [view] = shelved(state)
    assert (view.operator_state, view.place) == (OperatorState.SHELVED, Place.SHELVED)
    state = fold(record(clear(2)), state)
    assert (cleared(state), shelved(state)[0].is_cleared) == ((), True)
    state = fold(record(AlarmUnshelved(alarm=NO_SPACE, operator="noc", text="")), state)
    [view] = cleared(state)
    assert (view.operator_state, shelved(state)) == (OperatorState.UN_SHELVED, ())


def test_a_shelf_outlives_the_purge_of_its_alarm(record: Record) -> None:
    record(
        raise_(),
        AlarmShelved(alarm=NO_SPACE, operator="noc", text="known"),
        AlarmPurged(alarm=NO_SPACE, operator="noc", text=""),
        raise_(),
    )
    state = fold(record.everything)
    [view] = shelved(state)
    [change] = view.operator_state_change
    assert (change.state, change.operator, change.text) == (OperatorState.SHELVED, "noc", "known")
    purged = fold(record(AlarmPurged(alarm=NO_SPACE, operator="noc", text="")), state)
    unshelved = fold(record(AlarmUnshelved(alarm=NO_SPACE, operator="noc", text="")), purged)
    assert active(fold(record(raise_()), unshelved))[0].operator_state is OperatorState.NONE


def test_alarms_of_a_removed_card_are_masked_and_come_back_with_it(record: Record) -> None:
    record(raise_(NO_SPACE), raise_(FLASH), raise_(SINGLE), CardRemoved(slot=Slot.B, detail="gone"), raise_(REMOVED))
    state = fold(record.everything)
    assert [view.alarm_type_id for view in active(state)] == ["card-removed", "single-card"]
    assert [view.alarm_type_id for view in masked(state)] == ["flash-full", "config-sync-failed"]
    assert cleared(state) == ()
    state = fold(record(CardInserted(slot=Slot.B)), state)
    assert masked(state) == ()
    assert len(active(state)) == 4


def test_a_masked_alarm_whose_condition_ceases_is_cleared(record: Record) -> None:
    record(raise_(), CardRemoved(slot=Slot.B, detail="gone"), clear(2))
    state = fold(record.everything)
    assert (masked(state), len(cleared(state))) == ((), 1)


def test_a_card_that_is_back_and_failed_masks_nothing(record: Record) -> None:
    state = fold(record(raise_(), CardRemoved(slot=Slot.B, detail="gone"), CardFailed(slot=Slot.B, detail="no answer")))
    assert (masked(state), len(active(state))) == ((), 1)


def test_a_resource_that_only_begins_like_a_removed_card_is_not_masked(record: Record) -> None:
    other = AlarmKey(resource="pe1/Backplane", alarm_type="flash-full")
    state = fold(record(raise_(other), CardRemoved(slot=Slot.B, detail="gone")))
    assert [view.backedup_status for view in active(state)] == [None]


def test_an_alarm_of_a_card_is_backed_up_while_the_other_card_is_in_service(record: Record) -> None:
    def backed_up(state: AlarmList) -> tuple[bool | None, str | None]:
        [view] = active(state)
        return view.backedup_status, view.backup_object

    state = fold(record(raise_(FLASH)))
    assert backed_up(state) == (False, None)
    for fact, expected in (
        (CardInserted(slot=Slot.A), (True, "pe1/A")),
        (CardFailed(slot=Slot.A, detail="no answer"), (False, None)),
        (CardRecovered(slot=Slot.A), (True, "pe1/A")),
        (CardRemoved(slot=Slot.A, detail="gone"), (False, None)),
    ):
        state = fold(record(fact), state)
        assert backed_up(state) == expected


def test_an_alarm_of_the_chassis_itself_has_no_backup(record: Record) -> None:
    [view] = active(fold(record(CardInserted(slot=Slot.A), raise_(SINGLE))))
    assert (view.backedup_status, view.backup_object) == (None, None)


def test_the_summary_counts_as_rfc_8632_does(record: Record) -> None:
    record(
        raise_(NO_SPACE),
        raise_(REMOVED),
        raise_(FLASH, Severity.MINOR),
        raise_(SINGLE, Severity.CRITICAL),
        clear(4, REMOVED),
        AlarmClosed(alarm=REMOVED, operator="noc", text=""),
        AlarmClosed(alarm=NO_SPACE, operator="noc", text=""),
        AlarmShelved(alarm=FLASH, operator="noc", text=""),
    )
    state = fold(record.everything)
    rows = {row.severity: row for row in summary(state).alarm_summary}
    major = rows[Severity.MAJOR]
    assert (major.total, major.not_cleared, major.cleared) == (2, 1, 1)
    assert (major.cleared_closed, major.cleared_not_closed) == (1, 0)
    assert (major.not_cleared_closed, major.not_cleared_not_closed) == (1, 0)
    assert rows[Severity.MINOR].total == 0
    assert rows[Severity.CRITICAL].not_cleared_not_closed == 1
    assert list(rows) == ["critical", "major", "minor", "warning", "indeterminate"]
    assert summary(state).shelves_active
    assert not summary(EMPTY).shelves_active


def test_the_header_counts_active_alarms_only(record: Record) -> None:
    record(raise_(NO_SPACE), raise_(REMOVED), raise_(FLASH, Severity.MINOR), raise_(SINGLE, Severity.CRITICAL))
    record(clear(4, REMOVED))
    assert counts(fold(record.everything)) == AlarmCounts(critical=1, major=1, minor=1, warning=0, total=3)


def test_facts_of_other_kinds_leave_the_very_same_state(story: list[Recorded]) -> None:
    state = fold(story)
    others = [each for each in story if type(each.fact).__name__.startswith(("Sync", "Standby", "Switchover", "Files"))]
    assert len(others) == 14
    assert all(evolve(state, each) is state for each in others)


def test_the_list_of_a_recorded_story_is_the_golden_one(
    story: list[Recorded], golden: Callable[[str, str], None]
) -> None:
    document = orjson.dumps(
        listing(fold(story)), default=msgspec.structs.asdict, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    )
    golden("alarm_list.json", document.decode() + "\n")


def test_state_and_views_are_plain_json_in_every_way(story: list[Recorded]) -> None:
    state = fold(story)
    for thing in (state, listing(state)):
        by_orjson = orjson.loads(orjson.dumps(thing, default=msgspec.structs.asdict, option=orjson.OPT_UTC_Z))
        assert by_orjson == orjson.loads(msgspec.json.encode(thing))
