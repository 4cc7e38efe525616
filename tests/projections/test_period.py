"""A period of a chassis, given facts as recorded."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from events.alarm_types import sync_failed_key
from events.causes import Cause, Scope, Stage
from events.envelope import Recorded
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    AlarmShelved,
    AlarmUnshelved,
    Blocker,
    CardInserted,
    CardLocation,
    ChassisProvisioned,
    FilesChanged,
    Severity,
    Slot,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverFailure,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
    Trigger,
    Watch,
)
from projections import redundancy
from projections.period import Period, Span, in_order_of_happening, period, survey
from projections.period_lanes import Lane, LaneKind

Record = Callable[..., list[Recorded]]
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
FULL = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE)
LOCATIONS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
PROVISIONED = ChassisProvisioned(cards=LOCATIONS, active=Slot.A, operator="operator")


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def tell(recorded: Iterable[Recorded], begin: float = 0, end: float = 1000) -> Period:
    """The period between two seconds after the start."""
    facts = list(recorded)
    extent = survey(facts)
    assert extent is not None
    return period("pe1", in_order_of_happening(facts, extent), Span(after(begin), after(end)))


def lane(told: Period, kind: LaneKind, number: int = 0) -> Lane:
    return [one for one in told.lanes if one.kind is kind][number]


def bars(told: Period, kind: LaneKind, number: int = 0) -> list[tuple[str, float, float]]:
    """State, begin and end in seconds after the start."""
    return [
        (bar.state, (bar.begin - START).total_seconds(), (bar.end - START).total_seconds())
        for bar in lane(told, kind, number).bars
    ]


def raised(severity: Severity = Severity.MAJOR) -> AlarmRaised:
    return AlarmRaised(alarm=FULL, severity=severity, text="full")


def cleared(evidence: int = 1) -> AlarmCleared:
    return AlarmCleared(alarm=FULL, evidence=evidence, proof="attempt 2 succeeded")


def start(attempt: int, scope: Scope = Scope.CONFIG) -> SyncStarted:
    return SyncStarted(
        attempt=attempt, scope=scope, trigger=Trigger.MANUAL, source=Slot.A, standby=Slot.B, operator="noc"
    )


def succeed(attempt: int, scope: Scope = Scope.CONFIG) -> SyncSucceeded:
    return SyncSucceeded(attempt=attempt, scope=scope, standby=Slot.B, files=(), bytes_copied=9, duration_ms=10)


def fail(attempt: int, scope: Scope = Scope.CONFIG) -> SyncFailed:
    return SyncFailed(
        attempt=attempt,
        scope=scope,
        standby=Slot.B,
        stage=Stage.RESERVE,
        cause=Cause.NO_SPACE,
        detail="it is full",
        failures=1,
        files=(),
        duration_ms=20,
    )


def takeover(number: int) -> SwitchoverStarted:
    return SwitchoverStarted(
        switchover=number,
        from_slot=Slot.A,
        to_slot=Slot.B,
        reason=SwitchoverReason.FORCED,
        overridden=(Blocker.FAILED,),
        out_of_step=("cf3:\\pe1.cfg",),
        operator="noc",
    )


def test_redundancy_and_cards_are_bars_from_the_first_fact_to_the_end_of_the_period(record: Record) -> None:
    record(PROVISIONED, CardInserted(slot=Slot.A), at=after(10))
    record(CardInserted(slot=Slot.B), at=after(20))
    record(start(1), at=after(30))
    record(succeed(1), at=after(40))
    told = tell(record.everything, end=100)
    assert bars(told, LaneKind.REDUNDANCY) == [
        ("single-card", 10, 20),
        ("not-ready", 20, 30),
        ("syncing", 30, 40),
        ("ready", 40, 100),
    ]
    assert bars(told, LaneKind.ACTIVE) == [("A", 10, 100)]
    assert bars(told, LaneKind.CARD, 0) == [("in-service", 10, 100)]
    assert bars(told, LaneKind.CARD, 1) == [("absent", 10, 20), ("in-service", 20, 100)]
    assert told.figures.redundancy["ready"] == timedelta(seconds=60)
    assert told.figures.known == timedelta(seconds=90)


def test_a_bar_tells_the_fact_that_made_it(record: Record) -> None:
    record(PROVISIONED, at=after(10))
    [_, inserted] = [*record(CardInserted(slot=Slot.A), at=after(11)), *record(CardInserted(slot=Slot.B), at=after(12))]
    last = lane(tell(record.everything), LaneKind.CARD, 1).bars[-1]
    assert (last.position, last.text) == (inserted.position, "Control card inserted in slot B.")


def test_what_began_before_and_goes_on_after_the_period_says_so(record: Record) -> None:
    record(PROVISIONED, at=after(10))
    record(raised(), at=after(20))
    record(cleared(), at=after(90))
    [bar] = lane(tell(record.everything, 40, 60), LaneKind.ALARM).bars
    assert (bar.begin, bar.end, bar.since, bar.before, bar.after) == (after(40), after(60), after(20), True, True)
    [bar] = lane(tell(record.everything, 15, 95), LaneKind.ALARM).bars
    assert (bar.begin, bar.end, bar.before, bar.after) == (after(20), after(90), False, False)


def test_an_alarm_that_stood_outside_the_period_has_no_lane(record: Record) -> None:
    record(PROVISIONED, at=after(10))
    record(raised(), at=after(20))
    record(cleared(), at=after(30))
    record(raised(), at=after(200))
    told = tell(record.everything, 40, 60)
    assert [one for one in told.lanes if one.kind is LaneKind.ALARM] == []
    assert (told.alarms, told.facts, told.positions) == ((), 0, None)
    assert bars(told, LaneKind.ACTIVE) == [("A", 40, 60)]


def test_an_alarm_has_one_lane_with_a_bar_for_each_time_that_it_stood_and_a_mark_for_each_fact(record: Record) -> None:
    record(PROVISIONED, at=after(0))
    record(raised(), at=after(10))
    record(AlarmRepeated(alarm=FULL, count=2, text="full"), at=after(20))
    record(AlarmAcknowledged(alarm=FULL, operator="noc", text="seen"), at=after(25))
    record(AlarmShelved(alarm=FULL, operator="noc", text="for now"), at=after(26))
    record(cleared(), at=after(30))
    record(AlarmUnshelved(alarm=FULL, operator="noc", text=""), at=after(40))
    record(raised(), at=after(50))
    told = tell(record.everything, end=100)
    found = lane(told, LaneKind.ALARM)
    assert bars(told, LaneKind.ALARM) == [("major", 10, 30), ("major", 50, 100)]
    assert [mark.kind.value for mark in found.marks] == [
        *("raised", "repeated", "acknowledged", "shelved", "cleared", "unshelved", "raised"),
    ]
    assert [(bar.begin, bar.end) for bar in found.shelved] == [(after(26), after(40))]
    first, second = told.alarms
    assert (first.seen, first.acknowledged_by, first.ending) == (2, "noc", "attempt 2 succeeded")
    assert (first.raised_at, first.ended_at) == (after(10), after(30))
    assert (second.raised_at, second.ended_at, second.seen) == (after(50), None, 1)
    assert (told.figures.alarms, told.figures.standing) == ({Severity.MAJOR: 2}, 1)


def test_another_severity_of_an_alarm_that_stands_is_another_bar_of_the_same_time(record: Record) -> None:
    record(PROVISIONED, at=after(0))
    record(raised(Severity.MINOR), at=after(10))
    record(raised(Severity.CRITICAL), at=after(20))
    record(raised(Severity.MAJOR), at=after(30))
    told = tell(record.everything, end=40)
    assert bars(told, LaneKind.ALARM) == [("minor", 10, 20), ("critical", 20, 30), ("major", 30, 40)]
    [row] = told.alarms
    assert (row.severity, row.raised_at) == (Severity.CRITICAL, after(10))


def test_a_purge_takes_a_standing_alarm_off_the_drawing_too(record: Record) -> None:
    record(PROVISIONED, at=after(0))
    record(raised(), at=after(10))
    record(AlarmPurged(alarm=FULL, operator="noc", text=""), at=after(20))
    told = tell(record.everything)
    assert bars(told, LaneKind.ALARM) == [("major", 10, 20)]
    assert told.alarms[0].ending == "taken off the list by noc"


def test_an_alarm_that_was_raised_and_cleared_in_one_moment_is_still_seen(record: Record) -> None:
    record(PROVISIONED, at=after(0))
    record(raised(), cleared(), at=after(10))
    assert bars(tell(record.everything), LaneKind.ALARM) == [("major", 10, 10)]


def test_attempts_have_a_lane_for_each_scope_and_failures_their_cause(record: Record) -> None:
    record(PROVISIONED, at=after(0))
    record(start(1), at=after(10))
    record(fail(1), at=after(12))
    record(start(2, Scope.BOOT_ENV), at=after(20))
    record(succeed(2, Scope.BOOT_ENV), at=after(25))
    record(start(3), at=after(30))
    told = tell(record.everything, end=40)
    assert bars(told, LaneKind.ATTEMPTS, 0) == [("failed", 10, 12), ("running", 30, 40)]
    assert bars(told, LaneKind.ATTEMPTS, 1) == [("succeeded", 20, 25)]
    assert [bar.note for bar in lane(told, LaneKind.ATTEMPTS, 0).bars] == ["no-space", ""]
    failed, succeeded, running = told.attempts
    assert (failed.cause, failed.stage, failed.detail) == (Cause.NO_SPACE, Stage.RESERVE, "it is full")
    assert (succeeded.bytes_copied, succeeded.duration_ms, succeeded.operator) == (9, 10, "noc")
    assert (running.ended_at, running.duration_ms) == (None, None)
    assert told.figures.attempts == {"failed": 1, "succeeded": 1, "running": 1}


def test_switchovers_are_shown_with_their_outcome_also_the_refused_ones(record: Record) -> None:
    refused = SwitchoverRefused(
        to_slot=Slot.B, reason=SwitchoverReason.CARD_FAILED, blockers=(Blocker.NEVER_SYNCHRONIZED,)
    )
    failed = SwitchoverFailed(
        switchover=1, failure=SwitchoverFailure.EXEC_FAILED, detail="it returned 1", duration_ms=900
    )
    record(PROVISIONED, at=after(0))
    record(refused, at=after(10))
    record(takeover(1), at=after(20))
    record(failed, at=after(22))
    record(takeover(2), at=after(30))
    record(SwitchoverCompleted(switchover=2, active=Slot.B, duration_ms=4000), at=after(34))
    told = tell(record.everything, end=100)
    assert bars(told, LaneKind.SWITCHOVERS) == [("refused", 10, 10), ("failed", 20, 22), ("completed", 30, 34)]
    assert bars(told, LaneKind.ACTIVE) == [("A", 0, 34), ("B", 34, 100)]
    assert [row.detail for row in told.switchovers] == [
        "in the way: never-synchronized",
        "exec-failed: it returned 1; set aside: failed",
        "set aside: failed",
    ]
    assert told.switchovers[2].out_of_step == ("cf3:\\pe1.cfg",)


def test_nobody_watches_before_supervision_starts_and_after_it_stops(record: Record) -> None:
    record(PROVISIONED, at=after(0))
    record(SupervisionStarted(host="nms1", process=7), at=after(10))
    record(SupervisionStopped(host="nms1", process=7), at=after(50))
    told = tell(record.everything, end=60)
    assert bars(told, LaneKind.SUPERVISION) == [("unwatched", 0, 10), ("watched", 10, 50), ("unwatched", 50, 60)]


def test_after_the_last_word_of_a_killed_process_nobody_knows_who_watched(record: Record) -> None:
    record(PROVISIONED, at=after(0))
    record(SupervisionStarted(host="nms1", process=7), at=after(10))
    [last] = record(CardInserted(slot=Slot.B), at=after(30))
    record(SupervisionStarted(host="nms1", process=8), at=after(50))
    told = tell(record.everything, end=60)
    assert bars(told, LaneKind.SUPERVISION)[1:] == [("watched", 10, 30), ("unknown", 30, 50), ("watched", 50, 60)]
    said = lane(told, LaneKind.SUPERVISION).bars[2].text
    assert "Process 7 on nms1 never said that it stopped" in said
    assert f"event {last.position}" in said


def test_every_act_of_an_operator_is_listed_with_who_did_it(record: Record) -> None:
    record(PROVISIONED, start(1), fail(1), raised())
    record(AlarmAcknowledged(alarm=FULL, operator="no\x1bc\u202e", text="seen"))
    acts = tell(record.everything).acts
    assert [act.operator for act in acts] == ["operator", "noc", "no c "]


def test_what_was_recorded_late_is_drawn_where_it_happened_and_listed(record: Record) -> None:
    record(PROVISIONED, at=after(0))
    record(raised(), at=after(1))
    late = record(cleared(), at=after(-200))[0]
    on_time = record(FilesChanged(slot=Slot.A, scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.POLLED))[0]
    told = tell(record.everything, begin=-300, end=100)
    [row] = told.late
    assert (row.position, row.occurred_at, row.recorded_at) == (late.position, after(-200), late.recorded_at)
    assert bars(told, LaneKind.LATE) == [("late", -200, (late.recorded_at - START).total_seconds())]
    assert on_time.position not in {row.position for row in told.late}
    # The clear happened before the raise: the alarm stands.
    assert bars(told, LaneKind.ALARM) == [("major", 1, 100)]


def test_what_was_recorded_late_in_the_period_is_listed_even_if_it_happened_before(record: Record) -> None:
    record(PROVISIONED, at=after(-500))
    record(CardInserted(slot=Slot.B), at=after(-400))
    told = tell(record.everything, begin=-10, end=100)
    assert [row.position for row in told.late] == [1, 2]
    assert lane(told, LaneKind.LATE).bars[0].before


def test_a_period_with_nothing_late_has_no_lane_for_it(record: Record) -> None:
    record(PROVISIONED)
    assert LaneKind.LATE not in {one.kind for one in tell(record.everything).lanes}


def test_the_lanes_of_a_recorded_story_are_in_a_fixed_order(story: list[Recorded]) -> None:
    told = tell(story)
    assert [f"{one.name} {one.detail}".strip() for one in told.lanes] == [
        "Redundancy",
        "Active card",
        "Card A health",
        "Card B health",
        "Supervision",
        "Attempts config",
        "Attempts boot-env",
        "Switchovers",
        "flash-full pe1/B/cf3:",
        "boot-env-sync-failed (no-space) pe1/B",
        "card-removed pe1/A",
    ]
    assert told.facts == len(story)
    assert told.positions == (1, len(story))


@given(st.data())
def test_at_the_end_of_any_history_the_bars_say_what_redundancy_says(histories: Any, data: st.DataObject) -> None:
    recorded = data.draw(histories).recorded
    cut = data.draw(st.integers(0, len(recorded) - 1))
    end = recorded[cut].occurred_at
    known = [one for one in recorded if one.occurred_at <= end]
    extent = survey(recorded)
    assert extent is not None
    told = period("pe1", in_order_of_happening(recorded, extent), Span(end, end))
    state = redundancy.view(reduce(redundancy.evolve, known, redundancy.EMPTY))
    drawn = {one.name: one.bars[-1].state for one in told.lanes if one.bars and one.bars[-1].after}
    expected = {"ready": "ready", "syncing": "syncing", "disabled": "not-ready"}.get(
        state.standby_status, "single-card"
    )
    assert drawn["Redundancy"] == expected
    assert drawn["Active card"] == state.active
    assert [drawn[f"Card {card.slot}"] for card in state.cards] == [card.health for card in state.cards]
    standing = {(row.alarm.alarm_type, row.alarm.qualifier) for row in told.alarms if row.ended_at is None}
    last = reduce(redundancy.evolve, known, redundancy.EMPTY).chassis
    assert standing == {(key.alarm_type, key.qualifier) for key in last.standing()}
