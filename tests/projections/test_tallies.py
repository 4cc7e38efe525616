"""The counts of a chassis, given facts as recorded and any history that decisions can make."""

from collections import Counter
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from hypothesis import given

from events.alarm_types import sync_failed_key
from events.causes import Cause, Scope
from events.envelope import Recorded
from events.facts import (
    AlarmCleared,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    CardInserted,
    Fact,
    Severity,
    Slot,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverFailure,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncSucceeded,
)
from projections import alarm_list, sync_history
from projections.tallies import BOUNDS_MS, EMPTY, Durations, SwitchoverTally, Tallies, evolve

Record = Callable[..., list[Recorded]]
NO_SPACE = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE)
CLEARED = AlarmCleared(alarm=NO_SPACE, evidence=1, proof="space")
PURGED = AlarmPurged(alarm=NO_SPACE, operator="noc", text="")
COMPLETED = SwitchoverCompleted(switchover=1, active=Slot.B, duration_ms=400)
FAILED = SwitchoverFailed(switchover=1, failure=SwitchoverFailure.EXEC_FAILED, detail="no", duration_ms=70)
REFUSED = SwitchoverRefused(to_slot=Slot.B, reason=SwitchoverReason.FORCED, blockers=())


def fold(record: Record, *facts: Fact) -> Tallies:
    return reduce(evolve, record(*facts), EMPTY)


def raised(severity: Severity = Severity.MAJOR) -> AlarmRaised:
    return AlarmRaised(alarm=NO_SPACE, severity=severity, text="full")


def succeeded(duration_ms: int, bytes_copied: int = 9) -> SyncSucceeded:
    return SyncSucceeded(
        attempt=1,
        scope=Scope.CONFIG,
        standby=Slot.B,
        files=(),
        bytes_copied=bytes_copied,
        duration_ms=duration_ms,
    )


def failed(cause: Cause, duration_ms: int = 20) -> SyncFailed:
    return SyncFailed(
        attempt=1,
        scope=Scope.CONFIG,
        standby=Slot.B,
        stage=None,
        cause=cause,
        detail="it failed",
        failures=1,
        files=(),
        duration_ms=duration_ms,
    )


def begun(reason: SwitchoverReason = SwitchoverReason.CARD_FAILED) -> SwitchoverStarted:
    return SwitchoverStarted(
        switchover=1, from_slot=Slot.A, to_slot=Slot.B, reason=reason, overridden=(), out_of_step=()
    )


def test_attempts_are_counted_with_their_bytes_and_durations(record: Record) -> None:
    state = fold(record, succeeded(30), succeeded(2600, bytes_copied=5), failed(Cause.NO_SPACE), failed(Cause.IO_ERROR))
    found = {key: (each.durations.count, each.bytes_copied) for key, each in state.attempts.items()}
    assert found == {"config ": (2, 14), "config no-space": (1, 0), "config io-error": (1, 0)}
    assert state.attempts["config "].durations.total_ms == 2630


@pytest.mark.parametrize(
    ("duration_ms", "number"), [(0, 0), (50, 0), (51, 1), (1_800_000, 11), (1_800_001, 12), (10**9, 12)]
)
def test_a_duration_falls_into_the_class_whose_bound_it_does_not_exceed(duration_ms: int, number: int) -> None:
    classes = Durations().plus(duration_ms).classes
    assert classes[number] == 1
    assert sum(classes) == 1
    assert len(classes) == len(BOUNDS_MS) + 1


def test_a_raise_counts_once_however_often_it_is_seen(record: Record) -> None:
    repeated = AlarmRepeated(alarm=NO_SPACE, count=2, text="full")
    assert fold(record, raised(), repeated, repeated).raises == {"major": 1}


def test_another_severity_of_a_standing_alarm_is_no_new_raise_but_the_one_that_is_cleared(record: Record) -> None:
    state = fold(record, raised(), raised(Severity.CRITICAL), CLEARED)
    assert (state.raises, state.clears) == ({"major": 1}, {"critical": 1})


def test_a_clear_counts_once_and_the_next_raise_is_a_new_one(record: Record) -> None:
    state = fold(record, raised(), CLEARED, CLEARED, raised())
    assert (state.raises, state.clears) == ({"major": 2}, {"major": 1})


def test_a_purge_is_no_clear_and_the_next_raise_is_a_new_one(record: Record) -> None:
    state = fold(record, raised(), PURGED, raised())
    assert (state.raises, state.clears) == ({"major": 2}, {})


@pytest.mark.parametrize(("outcome", "result", "duration_ms"), [(COMPLETED, "completed", 400), (FAILED, "failed", 70)])
def test_a_switchover_is_counted_by_the_reason_for_which_it_began(
    record: Record, outcome: Fact, result: str, duration_ms: int
) -> None:
    state = fold(record, begun(), outcome)
    [tally] = state.switchovers.values()
    assert (tally.reason, tally.result, tally.count) == ("card-failed", result, 1)
    assert (tally.durations.total_ms, state.switching) == (duration_ms, None)


def test_a_refused_switchover_has_no_duration(record: Record) -> None:
    [tally] = fold(record, REFUSED, REFUSED).switchovers.values()
    assert tally == SwitchoverTally(REFUSED.reason, tally.result, 2, Durations())


def test_a_refusal_while_one_is_under_way_leaves_that_one_as_it_is(record: Record) -> None:
    state = fold(record, begun(), REFUSED, COMPLETED)
    assert {key: each.count for key, each in state.switchovers.items()} == {
        "forced refused": 1,
        "card-failed completed": 1,
    }


def test_what_is_not_counted_changes_nothing(record: Record) -> None:
    assert fold(record, CardInserted(slot=Slot.A), COMPLETED, CLEARED, PURGED) is EMPTY


def test_the_counts_are_those_of_the_record(histories: Any) -> None:
    @given(histories)
    def property_(history: Any) -> None:
        state = reduce(evolve, history.recorded, EMPTY)
        kinds = Counter(type(recorded.fact) for recorded in history.recorded)
        alarms = reduce(alarm_list.evolve, history.recorded, alarm_list.EMPTY)
        assert sum(state.raises.values()) == kinds[AlarmRaised] == alarms.last_index
        assert sum(state.clears.values()) == kinds[AlarmCleared]
        standing = {name: alarm for name, alarm in alarms.alarms.items() if not alarm.is_cleared}
        assert state.standing == {name: alarm.perceived_severity for name, alarm in standing.items()}
        expected = reduce(sync_history.evolve, history.recorded, sync_history.EMPTY).totals
        found = {
            key: (each.result, each.durations.count, each.bytes_copied, each.durations.total_ms)
            for key, each in state.attempts.items()
        }
        assert found == {
            key: (each.result, each.attempts, each.bytes_copied, each.duration_ms) for key, each in expected.items()
        }
        results = Counter[str]()
        for each in state.switchovers.values():
            results[each.result] += each.count
        assert results["completed"] == kinds[SwitchoverCompleted]
        assert results["failed"] == kinds[SwitchoverFailed]
        assert results["refused"] == kinds[SwitchoverRefused]

    property_()
