"""What every decision ends with: whether the standby can take over, and whether a single card is left."""

from collections.abc import Callable

import pytest

from events.causes import Cause, Scope
from events.commands import Copied, Failed, FinishSwitchover, FinishSync, SeeCard, StartSwitchover, StartSync
from events.decisions import explain
from events.facts import (
    AlarmCleared,
    AlarmKey,
    Blocker,
    Fact,
    RedundancyLost,
    Slot,
    StandbyLost,
    StandbyReady,
    SwitchoverReason,
    Trigger,
)
from events.state import ChassisState, Health, blockers, blockers_now

Step = Callable[..., None]
Now = Callable[[], ChassisState]
Decided = Callable[[], tuple[Fact, ...]]

START = StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL)
COPIED = Copied(files=(), bytes_copied=0)
FORCE = StartSwitchover(reason=SwitchoverReason.FORCED)


def see(slot: Slot, health: Health) -> SeeCard:
    return SeeCard(slot=slot, health=health, detail="seen")


def finish(attempt: int, outcome: Copied | Failed = COPIED) -> FinishSync:
    return FinishSync(attempt=attempt, outcome=outcome, duration_ms=1)


@pytest.mark.usefixtures("ready")
def test_a_failed_synchronisation_leaves_a_standby_with_an_older_complete_copy_ready(given: Step, now: Now) -> None:
    given(START, finish(2, Failed(cause=Cause.NO_SPACE, detail="full")))
    assert now().ready
    assert blockers(now()) == ()


@pytest.mark.usefixtures("provisioned")
def test_a_standby_that_could_not_be_given_its_boot_environment_is_not_ready_by_its_configuration_alone(
    given: Step, now: Now
) -> None:
    boot_env = StartSync(scope=Scope.BOOT_ENV, trigger=Trigger.MANUAL)
    given(boot_env, finish(1, Failed(cause=Cause.NO_SPACE, detail="full")), START, finish(2))
    assert blockers(now()) == (Blocker.NEVER_SYNCHRONIZED,)
    assert not now().ready
    given(boot_env, finish(3))
    assert now().ready


@pytest.mark.usefixtures("provisioned")
def test_a_standby_with_images_of_its_own_is_ready_with_its_configuration(given: Step, now: Now) -> None:
    given(START, finish(1))
    assert now().ready


@pytest.mark.usefixtures("ready")
def test_readiness_is_lost_and_gained_once(given: Step, when: Step, decided: Decided) -> None:
    given(see(Slot.B, Health.FAILED))
    when(see(Slot.B, Health.ABSENT))
    assert not [fact for fact in decided() if isinstance(fact, StandbyLost | RedundancyLost)]
    given(see(Slot.B, Health.IN_SERVICE), START, finish(2), START)
    when(finish(3))
    assert not [fact for fact in decided() if isinstance(fact, StandbyReady)]


@pytest.mark.usefixtures("ready")
def test_the_old_active_is_ready_as_standby_when_it_was_synchronised_and_both_cards_alarms_clear(
    given: Step, when: Step, decided: Decided
) -> None:
    given(see(Slot.A, Health.ABSENT), StartSwitchover(reason=SwitchoverReason.CARD_REMOVED))
    given(FinishSwitchover(switchover=1, duration_ms=1), see(Slot.A, Health.IN_SERVICE), START)
    when(finish(2))
    cleared = [fact.alarm for fact in decided() if isinstance(fact, AlarmCleared)]
    assert StandbyReady(slot=Slot.A) in decided()
    assert cleared == [
        AlarmKey(resource="pe1/A", alarm_type="standby-sync-lost"),
        AlarmKey(resource="pe1", alarm_type="single-card"),
    ]


@pytest.mark.usefixtures("ready")
def test_an_alarm_that_a_card_lost_its_readiness_clears_when_it_is_the_active_card(
    given: Step, when: Step, decided: Decided
) -> None:
    given(see(Slot.B, Health.FAILED))
    given(StartSwitchover(reason=SwitchoverReason.FORCED, ignore_status=True))
    when(FinishSwitchover(switchover=1, duration_ms=1))
    lost = AlarmKey(resource="pe1/B", alarm_type="standby-sync-lost")
    assert lost in [fact.alarm for fact in decided() if isinstance(fact, AlarmCleared)]


@pytest.mark.usefixtures("ready")
def test_a_synchronisation_under_way_is_in_the_way_only_for_the_moment(given: Step, now: Now) -> None:
    given(START)
    assert blockers(now()) == ()
    assert blockers_now(now()) == (Blocker.SYNCHRONIZING,)
    assert now().ready


@pytest.mark.usefixtures("ready")
def test_a_switchover_under_way_is_in_the_way_only_for_the_moment(given: Step, now: Now) -> None:
    given(FORCE)
    assert blockers(now()) == ()
    assert blockers_now(now()) == (Blocker.SWITCHOVER_IN_PROGRESS,)


def test_every_hindrance_can_be_said_in_words() -> None:
    assert explain(tuple(Blocker)).count(";") == len(Blocker) - 1
