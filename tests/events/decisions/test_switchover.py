"""When the standby takes over, when that is refused, and what follows."""

from collections.abc import Callable

import pytest

from events.alarm_types import STANDBY_SYNC_LOST, SWITCHOVER_FAILED, sync_failed_key
from events.causes import Cause, Scope
from events.commands import Failed, FinishSwitchover, FinishSync, SeeCard, StartSwitchover, StartSync
from events.facts import (
    AlarmCleared,
    AlarmKey,
    AlarmRaised,
    Blocker,
    Fact,
    RedundancyLost,
    Severity,
    Slot,
    StandbyLost,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverFailure,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
    Trigger,
)
from events.state import ChassisState, Health

Step = Callable[..., None]
Now = Callable[[], ChassisState]
Decided = Callable[[], tuple[Fact, ...]]

FORCE = StartSwitchover(reason=SwitchoverReason.FORCED, operator="noc")
IGNORE = StartSwitchover(reason=SwitchoverReason.FORCED, operator="noc", ignore_status=True)
TAKE_OVER = StartSwitchover(reason=SwitchoverReason.CARD_FAILED)
ACTIVE_FAILED = SeeCard(slot=Slot.A, health=Health.FAILED, detail="no answer in 5 s")
DONE = FinishSwitchover(switchover=1, duration_ms=12)
START_SYNC = StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL)
ALARM = AlarmKey(resource="pe1", alarm_type=SWITCHOVER_FAILED)


def refused(*blockers: Blocker, reason: SwitchoverReason = SwitchoverReason.FORCED) -> SwitchoverRefused:
    operator = "noc" if reason is SwitchoverReason.FORCED else None
    return SwitchoverRefused(to_slot=Slot.B, reason=reason, blockers=blockers, operator=operator)


def started(*overridden: Blocker, out_of_step: tuple[str, ...] = ()) -> SwitchoverStarted:
    return SwitchoverStarted(
        switchover=1,
        from_slot=Slot.A,
        to_slot=Slot.B,
        reason=SwitchoverReason.FORCED,
        overridden=overridden,
        out_of_step=out_of_step,
        operator="noc",
    )


@pytest.mark.usefixtures("ready")
def test_a_ready_standby_takes_over_and_the_start_names_the_files_that_differ(when: Step, then: Step) -> None:
    when(
        StartSwitchover(reason=SwitchoverReason.FORCED, operator="noc", out_of_step=("cf3:\\pe1.cfg",)),
    )
    then(started(out_of_step=("cf3:\\pe1.cfg",)))


@pytest.mark.usefixtures("provisioned")
def test_a_forced_switchover_to_a_standby_that_was_never_synchronised_is_refused_without_an_alarm(
    when: Step, then: Step
) -> None:
    when(FORCE)
    then(refused(Blocker.NEVER_SYNCHRONIZED))


@pytest.mark.usefixtures("ready")
def test_a_refusal_names_everything_that_is_in_the_way(given: Step, when: Step, then: Step) -> None:
    given(SeeCard(slot=Slot.B, health=Health.FAILED, detail="no answer"), START_SYNC)
    when(FORCE)
    then(refused(Blocker.FAILED, Blocker.SYNCHRONIZING))


@pytest.mark.usefixtures("ready")
def test_a_standby_that_is_not_there_is_the_only_thing_to_say(given: Step, when: Step, then: Step) -> None:
    given(SeeCard(slot=Slot.B, health=Health.ABSENT, detail="gone"))
    when(FORCE)
    then(refused(Blocker.NOT_EQUIPPED))


@pytest.mark.usefixtures("provisioned")
def test_ignore_status_sets_the_hindrances_aside_and_says_which(when: Step, then: Step) -> None:
    when(IGNORE)
    then(started(Blocker.NEVER_SYNCHRONIZED))


@pytest.mark.usefixtures("ready")
def test_ignore_status_does_not_cut_into_a_synchronisation(given: Step, when: Step, then: Step) -> None:
    given(START_SYNC)
    when(IGNORE)
    then(refused(Blocker.SYNCHRONIZING))


@pytest.mark.usefixtures("ready")
def test_ignore_status_does_not_run_two_switchovers_at_once(given: Step, when: Step, then: Step) -> None:
    given(FORCE)
    when(IGNORE)
    then(refused(Blocker.SWITCHOVER_IN_PROGRESS))


@pytest.mark.usefixtures("provisioned")
def test_a_takeover_that_is_needed_and_refused_raises_an_alarm(given: Step, when: Step, then: Step) -> None:
    given(ACTIVE_FAILED)
    when(TAKE_OVER)
    why = "the card has not been synchronised since it became the standby or its files changed"
    text = f"Card B is needed and cannot take over: {why}."
    then(
        refused(Blocker.NEVER_SYNCHRONIZED, reason=SwitchoverReason.CARD_FAILED),
        AlarmRaised(alarm=ALARM, severity=Severity.CRITICAL, text=text),
    )


@pytest.mark.usefixtures("provisioned")
def test_an_automatic_takeover_that_is_refused_for_the_same_reasons_is_recorded_once(
    given: Step, when: Step, then_nothing: Step
) -> None:
    given(ACTIVE_FAILED, TAKE_OVER)
    when(TAKE_OVER)
    then_nothing()


@pytest.mark.usefixtures("provisioned")
def test_an_automatic_takeover_that_is_refused_for_other_reasons_is_recorded_again(
    given: Step, when: Step, decided: Decided
) -> None:
    given(ACTIVE_FAILED, TAKE_OVER, SeeCard(slot=Slot.B, health=Health.FAILED, detail="no answer"))
    when(TAKE_OVER)
    assert decided()[0] == refused(Blocker.FAILED, Blocker.NEVER_SYNCHRONIZED, reason=SwitchoverReason.CARD_FAILED)


@pytest.mark.usefixtures("provisioned")
def test_every_forced_switchover_that_is_refused_is_recorded(given: Step, when: Step, then: Step) -> None:
    given(FORCE)
    when(FORCE)
    then(refused(Blocker.NEVER_SYNCHRONIZED))


@pytest.mark.usefixtures("ready")
def test_an_automatic_takeover_is_caused_by_the_loss_of_the_active_card(
    given: Step, when: Step, then_linked: Step
) -> None:
    lost = 8
    given(ACTIVE_FAILED)
    when(TAKE_OVER)
    then_linked("switchover-1", lost)


@pytest.mark.usefixtures("ready")
def test_a_switchover_makes_the_standby_active_and_the_old_active_a_standby_that_is_not_ready(
    given: Step, when: Step, then: Step, now: Now
) -> None:
    given(FORCE)
    when(DONE)
    detail = "the card has not been synchronised since it became the standby or its files changed"
    then(
        SwitchoverCompleted(switchover=1, active=Slot.B, duration_ms=12),
        StandbyLost(slot=Slot.A, detail=detail),
        AlarmRaised(
            alarm=AlarmKey(resource="pe1/A", alarm_type=STANDBY_SYNC_LOST),
            severity=Severity.MAJOR,
            text=f"Card A can no longer take over: {detail}.",
        ),
    )
    assert (now().active, now().standby, now().ready) == (Slot.B, Slot.A, False)


@pytest.mark.usefixtures("ready")
def test_a_takeover_from_a_lost_card_leaves_a_single_card(given: Step, when: Step, decided: Decided) -> None:
    given(SeeCard(slot=Slot.A, health=Health.ABSENT, detail="gone"), TAKE_OVER)
    when(DONE)
    assert RedundancyLost(remaining=Slot.B) in decided()


@pytest.mark.usefixtures("provisioned")
def test_a_completed_switchover_clears_what_spoke_of_the_card_as_a_standby(
    given: Step, when: Step, decided: Decided
) -> None:
    failed = Failed(cause=Cause.NO_SPACE, detail="cf3: is full")
    given(START_SYNC, FinishSync(attempt=1, outcome=failed, duration_ms=1), IGNORE)
    when(DONE)
    completed = 9
    assert decided()[1] == AlarmCleared(
        alarm=sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE),
        evidence=completed,
        proof="card B is not the standby any more",
    )


@pytest.mark.usefixtures("ready")
def test_a_switchover_whose_executable_fails_leaves_the_roles_as_they_were(
    given: Step, when: Step, then: Step, now: Now
) -> None:
    given(FORCE)
    when(
        FinishSwitchover(
            switchover=1, duration_ms=3, failure=SwitchoverFailure.EXEC_FAILED, detail="/bin/vip exited with 2"
        )
    )
    then(
        SwitchoverFailed(
            switchover=1, failure=SwitchoverFailure.EXEC_FAILED, detail="/bin/vip exited with 2", duration_ms=3
        ),
        AlarmRaised(
            alarm=ALARM,
            severity=Severity.CRITICAL,
            text="Switchover 1 to card B failed: /bin/vip exited with 2.",
        ),
    )
    assert (now().active, now().switching) == (Slot.A, None)


@pytest.mark.usefixtures("ready")
def test_the_next_switchover_that_completes_clears_the_alarm_of_the_failed_one(
    given: Step, when: Step, decided: Decided
) -> None:
    failure = FinishSwitchover(switchover=1, duration_ms=3, failure=SwitchoverFailure.EXEC_TIMED_OUT, detail="30 s")
    given(FORCE, failure, FORCE)
    when(FinishSwitchover(switchover=2, duration_ms=5))
    assert decided()[1] == AlarmCleared(alarm=ALARM, evidence=12, proof="switchover 2 completed")


@pytest.mark.usefixtures("ready")
def test_the_outcome_of_a_switchover_that_does_not_run_is_refused(when: Step, then_refused: Step) -> None:
    when(DONE)
    then_refused("switchover 1 is not running")


@pytest.mark.usefixtures("ready")
def test_a_completed_switchover_leaves_the_other_alarms_of_the_new_active_card(
    given: Step, when: Step, now: Now
) -> None:
    given(SeeCard(slot=Slot.B, health=Health.FAILED, detail="no answer"), IGNORE)
    when(DONE)
    assert AlarmKey(resource="pe1/B", alarm_type="card-failed") in now().standing()
