"""Attempts: their start, their outcome, and what is linked to what."""

from collections.abc import Callable

import pytest

from events.alarm_types import sync_failed_key
from events.causes import Cause, Scope, Stage
from events.commands import (
    Copied,
    Failed,
    FinishSwitchover,
    FinishSync,
    SeeCard,
    SeeCeased,
    SeeChange,
    StartSwitchover,
    StartSync,
)
from events.facts import (
    AlarmCleared,
    AlarmRaised,
    AlarmRepeated,
    ConditionCeased,
    Fact,
    FileKind,
    FileOutcome,
    FileResult,
    Severity,
    Slot,
    StandbyReady,
    StandbySyncing,
    SwitchoverReason,
    SyncFailed,
    SyncFileNotPresent,
    SyncStarted,
    SyncSucceeded,
    Trigger,
    Watch,
)
from events.state import ChassisState, Health

Step = Callable[..., None]
Now = Callable[[], ChassisState]
Decided = Callable[[], tuple[Fact, ...]]

pytestmark = pytest.mark.usefixtures("provisioned")

START = StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL, operator="noc")
START_BOOT_ENV = StartSync(scope=Scope.BOOT_ENV, trigger=Trigger.MANUAL, operator="noc")
COPIED = Copied(files=(), bytes_copied=42)
NO_SPACE = Failed(cause=Cause.NO_SPACE, detail="4096 bytes are missing on cf3:")
ALARM = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE)
TEXT = (
    "Synchronisation of config failed: the standby card's flash has too little space. 4096 bytes are missing on cf3:."
)


def finish(attempt: int, outcome: Copied | Failed) -> FinishSync:
    return FinishSync(attempt=attempt, outcome=outcome, duration_ms=7)


def failed(attempt: int, *, failures: int = 1, scope: Scope = Scope.CONFIG) -> SyncFailed:
    return SyncFailed(
        attempt=attempt,
        scope=scope,
        standby=Slot.B,
        stage=Stage.RESERVE,
        cause=Cause.NO_SPACE,
        detail=NO_SPACE.detail,
        failures=failures,
        files=(),
        duration_ms=7,
    )


def succeeded(attempt: int, files: tuple[FileResult, ...] = ()) -> SyncSucceeded:
    return SyncSucceeded(
        attempt=attempt, scope=Scope.CONFIG, standby=Slot.B, files=files, bytes_copied=42, duration_ms=7
    )


def test_an_attempt_begins_with_its_number_and_says_that_the_standby_is_being_synchronised(
    when: Step, then: Step
) -> None:
    when(START)
    then(
        SyncStarted(
            attempt=1, scope=Scope.CONFIG, trigger=Trigger.MANUAL, source=Slot.A, standby=Slot.B, operator="noc"
        ),
        StandbySyncing(slot=Slot.B),
    )


@pytest.mark.usefixtures("ready")
def test_an_attempt_on_a_standby_that_can_take_over_leaves_it_ready(when: Step, then: Step, now: Now) -> None:
    when(StartSync(scope=Scope.CONFIG, trigger=Trigger.SAVED))
    then(SyncStarted(attempt=2, scope=Scope.CONFIG, trigger=Trigger.SAVED, source=Slot.A, standby=Slot.B))
    assert now().ready


def test_a_success_makes_the_standby_ready(given: Step, when: Step, then: Step) -> None:
    given(START)
    when(finish(1, COPIED))
    then(succeeded(1), StandbyReady(slot=Slot.B))


def test_an_optional_file_that_is_absent_is_told_beside_the_outcome(given: Step, when: Step, then: Step) -> None:
    absent = FileResult(name="cf3:\\nvsys.info", kind=FileKind.NVSYS, outcome=FileOutcome.NOT_PRESENT)
    given(START)
    when(finish(1, Copied(files=(absent,), bytes_copied=42)))
    then(
        succeeded(1, (absent,)),
        SyncFileNotPresent(attempt=1, file="cf3:\\nvsys.info"),
        StandbyReady(slot=Slot.B),
    )


def test_a_failure_raises_the_alarm_of_its_cause_in_the_same_decision(given: Step, when: Step, then: Step) -> None:
    given(START)
    when(finish(1, NO_SPACE))
    then(failed(1), AlarmRaised(alarm=ALARM, severity=Severity.MAJOR, text=TEXT))


def test_the_same_cause_failing_again_is_counted_and_not_raised_twice(given: Step, when: Step, then: Step) -> None:
    given(START, finish(1, NO_SPACE), START)
    when(finish(2, NO_SPACE))
    then(failed(2, failures=2), AlarmRepeated(alarm=ALARM, count=2, text=TEXT))


def test_a_cleared_cause_failing_again_is_raised_and_counted_from_one(given: Step, when: Step, then: Step) -> None:
    given(START, finish(1, NO_SPACE), START, finish(2, NO_SPACE), START, finish(3, COPIED), START)
    when(finish(4, NO_SPACE))
    then(failed(4), AlarmRaised(alarm=ALARM, severity=Severity.MAJOR, text=TEXT))


def test_each_scope_counts_its_own_failures_in_a_row(given: Step, when: Step, now: Now) -> None:
    given(START, finish(1, NO_SPACE), START_BOOT_ENV, finish(2, NO_SPACE), START)
    when(finish(3, NO_SPACE))
    assert [now().scopes[scope].failures for scope in (Scope.CONFIG, Scope.BOOT_ENV)] == [2, 1]


def test_a_success_ends_the_row_of_failures(given: Step, when: Step, now: Now) -> None:
    given(START, finish(1, NO_SPACE), START)
    when(finish(2, COPIED))
    assert now().scopes[Scope.CONFIG].failures == 0


def test_an_attempt_that_finds_another_one_running_fails_at_once_and_leaves_that_one_running(
    given: Step, when: Step, then: Step, now: Now
) -> None:
    given(START)
    when(START_BOOT_ENV)
    busy = "attempt 1 (config) is running"
    then(
        SyncStarted(
            attempt=2, scope=Scope.BOOT_ENV, trigger=Trigger.MANUAL, source=Slot.A, standby=Slot.B, operator="noc"
        ),
        SyncFailed(
            attempt=2,
            scope=Scope.BOOT_ENV,
            standby=Slot.B,
            stage=Stage.ADMIT,
            cause=Cause.ALREADY_RUNNING,
            detail=busy,
            failures=1,
            files=(),
            duration_ms=0,
        ),
        AlarmRaised(
            alarm=sync_failed_key("pe1", Slot.B, Scope.BOOT_ENV, Cause.ALREADY_RUNNING),
            severity=Severity.WARNING,
            text=f"Synchronisation of boot-env failed: another synchronisation of this chassis was running. {busy}.",
        ),
    )
    running = now().running
    assert running is not None
    assert running.attempt == 1


def test_an_attempt_is_not_begun_during_a_switchover(given: Step, when: Step, then_refused: Step) -> None:
    given(StartSwitchover(reason=SwitchoverReason.FORCED, ignore_status=True))
    when(START)
    then_refused("a switchover is running; synchronise when it is over")


def test_the_outcome_of_an_attempt_that_does_not_run_is_refused(given: Step, when: Step, then_refused: Step) -> None:
    given(START)
    when(finish(2, COPIED))
    then_refused("attempt 2 is not running")


def test_an_attempt_has_one_outcome(given: Step, when: Step, then_refused: Step) -> None:
    given(START, finish(1, COPIED))
    when(finish(1, NO_SPACE))
    then_refused("attempt 1 is not running; it has an outcome already")


def test_an_interrupted_attempt_has_no_stage(given: Step, when: Step, decided: Decided, now: Now) -> None:
    given(START)
    when(finish(1, Failed(cause=Cause.INTERRUPTED, detail="process 77 has died")))
    outcome = decided()[0]
    assert isinstance(outcome, SyncFailed)
    assert (outcome.stage, outcome.cause) == (None, Cause.INTERRUPTED)
    assert now().running is None


def test_a_stage_follows_from_its_cause_whatever_the_outcome_says(given: Step, when: Step, decided: Decided) -> None:
    given(START)
    when(finish(1, Failed(cause=Cause.UNREACHABLE, detail="no route", stage=Stage.ACTIVATE)))
    outcome = decided()[0]
    assert isinstance(outcome, SyncFailed)
    assert outcome.stage is Stage.REACH


def test_a_change_seen_before_the_attempt_is_covered_by_its_success(given: Step, when: Step, now: Now) -> None:
    given(SeeChange(scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.NOTIFIED), START)
    when(finish(1, COPIED))
    assert now().scopes[Scope.CONFIG].changed == 0


def test_a_change_seen_during_the_attempt_is_still_to_be_synchronised(given: Step, when: Step, now: Now) -> None:
    given(START, SeeChange(scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.NOTIFIED))
    when(finish(1, COPIED))
    assert now().scopes[Scope.CONFIG].changed == 6
    assert now().scopes[Scope.CONFIG].synchronized


def test_a_success_of_boot_env_covers_config_and_a_success_of_config_only_itself(given: Step, now: Now) -> None:
    given(START, finish(1, COPIED))
    assert [now().scopes[scope].synchronized for scope in Scope] == [True, False]
    given(START_BOOT_ENV, finish(2, COPIED))
    assert [now().scopes[scope].synchronized for scope in Scope] == [True, True]


def test_a_manual_attempt_is_its_own_story(when: Step, then_linked: Step) -> None:
    when(START)
    then_linked("sync-1", 0)


def test_an_outcome_is_caused_by_the_start_of_its_attempt(given: Step, when: Step, then_linked: Step) -> None:
    given(START)
    when(finish(1, COPIED))
    then_linked("sync-1", 4)


def test_a_retry_continues_the_story_of_the_failure_that_caused_it(given: Step, when: Step, then_linked: Step) -> None:
    given(START, finish(1, NO_SPACE))
    when(StartSync(scope=Scope.CONFIG, trigger=Trigger.RETRY))
    then_linked("sync-1", 6)


def test_a_retry_of_a_retry_stays_in_the_same_story(given: Step, when: Step, then_linked: Step) -> None:
    retry = StartSync(scope=Scope.CONFIG, trigger=Trigger.RETRY)
    given(START, finish(1, NO_SPACE), retry, finish(2, NO_SPACE), retry)
    when(finish(3, COPIED))
    then_linked("sync-1", 12)


def test_an_attempt_because_the_standby_came_up_is_caused_by_what_made_it_the_standby(
    given: Step, when: Step, then_linked: Step, now: Now
) -> None:
    up = StartSync(scope=Scope.CONFIG, trigger=Trigger.STANDBY_UP)
    given(START, finish(1, COPIED), StartSwitchover(reason=SwitchoverReason.FORCED))
    given(FinishSwitchover(switchover=1, duration_ms=1))
    completed = now().switched
    when(up)
    then_linked("sync-2", completed)
    given(up, finish(2, COPIED), SeeCard(slot=Slot.A, health=Health.FAILED, detail="gone"))
    given(SeeCard(slot=Slot.A, health=Health.IN_SERVICE, detail="back"))
    recovered = now().cards[Slot.A].version
    assert recovered > completed
    when(up)
    then_linked("sync-4", recovered)


def test_an_attempt_on_a_saved_file_is_caused_by_the_change(given: Step, when: Step, then_linked: Step) -> None:
    given(SeeChange(scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.NOTIFIED))
    when(StartSync(scope=Scope.CONFIG, trigger=Trigger.SAVED))
    then_linked("sync-1", 4)


def test_an_attempt_on_a_standby_that_came_up_is_caused_by_that(given: Step, when: Step, then_linked: Step) -> None:
    given(
        SeeCard(slot=Slot.B, health=Health.FAILED, detail="no answer"), SeeCard(slot=Slot.B, health=Health.IN_SERVICE)
    )
    returned = 8
    when(StartSync(scope=Scope.CONFIG, trigger=Trigger.STANDBY_UP))
    then_linked("sync-1", returned)


def test_a_probe_records_what_has_ceased_once_for_each_cause(given: Step, when: Step, then: Step) -> None:
    given(START, finish(1, NO_SPACE), START, finish(2, Failed(cause=Cause.READ_ONLY, detail="cf3: is read-only")))
    read_only = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.READ_ONLY)
    given(AlarmRaised(alarm=ALARM, severity=Severity.MAJOR, text=TEXT))
    when(SeeCeased(scope=Scope.CONFIG, causes=(Cause.NO_SPACE, Cause.READ_ONLY), detail="a file was written"))
    then(
        ConditionCeased(slot=Slot.B, scope=Scope.CONFIG, cause=Cause.NO_SPACE, detail="a file was written"),
        AlarmCleared(alarm=ALARM, evidence=14, proof="a probe saw that no-space does not hold any more"),
        ConditionCeased(slot=Slot.B, scope=Scope.CONFIG, cause=Cause.READ_ONLY, detail="a file was written"),
        AlarmCleared(alarm=read_only, evidence=16, proof="a probe saw that read-only does not hold any more"),
    )


def test_a_probe_that_tells_nothing_new_records_nothing(given: Step, when: Step, then_nothing: Step) -> None:
    given(START, finish(1, NO_SPACE), START, finish(2, COPIED))
    when(SeeCeased(scope=Scope.CONFIG, causes=(Cause.NO_SPACE,), detail="12 MB are free"))
    then_nothing()


def test_a_probe_belongs_to_the_story_of_the_failure_that_it_looks_into(
    given: Step, when: Step, then_linked: Step
) -> None:
    given(START, finish(1, NO_SPACE))
    when(SeeCeased(scope=Scope.CONFIG, causes=(Cause.NO_SPACE,), detail="12 MB are free"))
    then_linked("sync-1", 6)


@pytest.mark.usefixtures("provisioned")
def test_a_probe_that_began_before_the_condition_was_seen_again_proves_nothing(
    given: Step, when: Step, then_nothing: Step, now: Now
) -> None:
    fail = Failed(cause=Cause.SOURCE_MISSING, detail="it is not there")
    given(StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL), FinishSync(attempt=1, outcome=fail, duration_ms=1))
    began = now().version
    given(StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL), FinishSync(attempt=2, outcome=fail, duration_ms=1))
    when(SeeCeased(scope=Scope.CONFIG, since=began, causes=(Cause.SOURCE_MISSING,), detail="probed"))
    then_nothing()
