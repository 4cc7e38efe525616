"""What is seen of cards, software, flash and files, and what follows."""

from collections.abc import Callable

import pytest

from events.alarm_types import CARD_FAILED, CARD_REMOVED, FLASH_FULL, SINGLE_CARD, STANDBY_SYNC_LOST, VERSION_MISMATCH
from events.causes import Cause, Scope
from events.commands import (
    Command,
    Failed,
    FinishSync,
    SeeCard,
    SeeChange,
    SeeFlash,
    SeeVersions,
    StartSwitchover,
    StartSync,
)
from events.facts import (
    AlarmCleared,
    AlarmKey,
    AlarmRaised,
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    Fact,
    FilesChanged,
    FlashFilled,
    FlashFreed,
    RedundancyLost,
    Severity,
    Slot,
    StandbyLost,
    StandbyReady,
    SwitchoverReason,
    Trigger,
    VersionsAgreed,
    VersionsDiffered,
    Watch,
)
from events.state import ChassisState, Health

Step = Callable[..., None]
Now = Callable[[], ChassisState]
Decided = Callable[[], tuple[Fact, ...]]

ALONE = "Card A runs the chassis alone: there is no standby card in service."
IN_SERVICE_B = SeeCard(slot=Slot.B, health=Health.IN_SERVICE)
FAILED_B = SeeCard(slot=Slot.B, health=Health.FAILED, detail="no answer in 5 s")
ABSENT_B = SeeCard(slot=Slot.B, health=Health.ABSENT, detail="/flash/b does not exist")


def key(alarm_type: str, resource: str = "pe1/B") -> AlarmKey:
    return AlarmKey(resource=resource, alarm_type=alarm_type)


def raised(alarm: AlarmKey, text: str, severity: Severity = Severity.MAJOR) -> AlarmRaised:
    return AlarmRaised(alarm=alarm, severity=severity, text=text)


def fail(attempt: int, scope: Scope, cause: Cause) -> tuple[Command, Command]:
    outcome = Failed(cause=cause, detail="it failed")
    return (
        StartSync(scope=scope, trigger=Trigger.MANUAL),
        FinishSync(attempt=attempt, outcome=outcome, duration_ms=1),
    )


@pytest.mark.usefixtures("provisioned")
@pytest.mark.parametrize("health", Health)
def test_a_card_that_is_seen_as_it_is_known_tells_nothing_new(
    given: Step, when: Step, then_nothing: Step, health: Health
) -> None:
    given(SeeCard(slot=Slot.B, health=health, detail="first"))
    when(SeeCard(slot=Slot.B, health=health, detail="second"))
    then_nothing()


@pytest.mark.usefixtures("ready")
def test_a_ready_standby_that_is_removed_is_lost_and_leaves_a_single_card(when: Step, then: Step) -> None:
    when(ABSENT_B)
    then(
        CardRemoved(slot=Slot.B, detail="/flash/b does not exist"),
        raised(key(CARD_REMOVED), "Card B was removed: /flash/b does not exist."),
        StandbyLost(slot=Slot.B, detail="the card is not there"),
        raised(key(STANDBY_SYNC_LOST), "Card B can no longer take over: the card is not there."),
        RedundancyLost(remaining=Slot.A),
        raised(key(SINGLE_CARD, "pe1"), ALONE, Severity.CRITICAL),
    )


@pytest.mark.usefixtures("ready")
def test_a_ready_standby_that_fails_is_lost_and_ready_again_when_it_recovers(
    given: Step, when: Step, then: Step
) -> None:
    given(FAILED_B)
    when(IN_SERVICE_B)
    recovered, ready_again = 14, 16
    then(
        CardRecovered(slot=Slot.B),
        AlarmCleared(alarm=key(CARD_FAILED), evidence=recovered, proof="card B is in service"),
        StandbyReady(slot=Slot.B),
        AlarmCleared(alarm=key(STANDBY_SYNC_LOST), evidence=ready_again, proof="card B is ready to take over"),
        AlarmCleared(alarm=key(SINGLE_CARD, "pe1"), evidence=ready_again, proof="card B is ready to take over"),
    )


@pytest.mark.usefixtures("ready")
def test_a_card_that_was_pulled_counts_as_another_one_that_was_never_synchronised(
    given: Step, when: Step, then: Step, now: Now
) -> None:
    given(ABSENT_B)
    when(IN_SERVICE_B)
    then(
        CardInserted(slot=Slot.B),
        AlarmCleared(alarm=key(CARD_REMOVED), evidence=14, proof="card B is in service"),
    )
    assert not now().ready
    assert now().single


@pytest.mark.usefixtures("provisioned")
def test_a_removed_card_that_is_back_but_fails_is_inserted_and_failed(given: Step, when: Step, then: Step) -> None:
    given(ABSENT_B)
    inserted = 8
    when(FAILED_B)
    then(
        CardInserted(slot=Slot.B),
        AlarmCleared(alarm=key(CARD_REMOVED), evidence=inserted, proof="card B is in its slot again"),
        CardFailed(slot=Slot.B, detail="no answer in 5 s"),
        raised(key(CARD_FAILED), "Card B failed: no answer in 5 s."),
    )


@pytest.mark.usefixtures("provisioned")
def test_a_failed_card_that_is_removed_keeps_its_alarm_which_is_masked(given: Step, when: Step, then: Step) -> None:
    given(FAILED_B)
    when(ABSENT_B)
    then(
        CardRemoved(slot=Slot.B, detail="/flash/b does not exist"),
        raised(key(CARD_REMOVED), "Card B was removed: /flash/b does not exist."),
    )


@pytest.mark.usefixtures("provisioned")
def test_an_active_card_that_fails_leaves_no_single_card_alarm_because_it_does_not_serve(
    when: Step, then: Step
) -> None:
    when(SeeCard(slot=Slot.A, health=Health.FAILED, detail="no answer in 5 s"))
    then(
        CardFailed(slot=Slot.A, detail="no answer in 5 s"),
        raised(key(CARD_FAILED, "pe1/A"), "Card A failed: no answer in 5 s."),
    )


@pytest.mark.usefixtures("provisioned")
def test_an_active_card_that_serves_again_needs_no_takeover_any_more(given: Step, when: Step, then: Step) -> None:
    given(SeeCard(slot=Slot.A, health=Health.FAILED, detail="no answer in 5 s"))
    given(StartSwitchover(reason=SwitchoverReason.CARD_FAILED))
    when(SeeCard(slot=Slot.A, health=Health.IN_SERVICE))
    then(
        CardRecovered(slot=Slot.A),
        AlarmCleared(alarm=key(CARD_FAILED, "pe1/A"), evidence=8, proof="card A is in service"),
        AlarmCleared(alarm=key("switchover-failed", "pe1"), evidence=8, proof="the active card A is in service"),
    )


@pytest.mark.usefixtures("provisioned")
def test_a_standby_in_service_disproves_that_it_was_absent_or_not_ready_whichever_scope_said_so(
    given: Step, when: Step, now: Now
) -> None:
    given(FAILED_B)
    given(*fail(1, Scope.CONFIG, Cause.STANDBY_ABSENT), *fail(2, Scope.BOOT_ENV, Cause.STANDBY_NOT_READY))
    given(*fail(3, Scope.CONFIG, Cause.ALREADY_RUNNING))
    when(IN_SERVICE_B)
    left = [alarm.qualifier for alarm in now().standing() if "sync-failed" in alarm.alarm_type]
    assert left == [Cause.ALREADY_RUNNING]


@pytest.mark.usefixtures("provisioned")
def test_a_removed_card_that_is_back_but_fails_is_not_absent_and_still_not_ready(
    given: Step, when: Step, now: Now
) -> None:
    given(ABSENT_B)
    given(*fail(1, Scope.CONFIG, Cause.STANDBY_ABSENT), *fail(2, Scope.BOOT_ENV, Cause.STANDBY_ABSENT))
    given(*fail(3, Scope.CONFIG, Cause.STANDBY_NOT_READY))
    when(FAILED_B)
    left = [alarm.qualifier for alarm in now().standing() if "sync-failed" in alarm.alarm_type]
    assert left == [Cause.STANDBY_NOT_READY]


@pytest.mark.usefixtures("provisioned")
def test_the_return_of_a_card_is_caused_by_its_loss_and_belongs_to_the_same_story(
    given: Step, when: Step, then_linked: Step
) -> None:
    lost = 4
    given(ABSENT_B)
    when(IN_SERVICE_B)
    then_linked(f"card-B-{lost}", lost)


@pytest.mark.usefixtures("provisioned")
def test_different_software_is_told_once_until_it_agrees(when: Step, then: Step) -> None:
    differ = SeeVersions(active_version="TiMOS-20.10.R3", standby_version="TiMOS-20.7.R1")
    mismatch = key(VERSION_MISMATCH, "pe1")
    when(differ)
    then(
        VersionsDiffered(active_version="TiMOS-20.10.R3", standby_version="TiMOS-20.7.R1"),
        raised(mismatch, "Card A boots TiMOS-20.10.R3, card B TiMOS-20.7.R1.", Severity.MINOR),
    )
    when(differ)
    then()
    when(SeeVersions(active_version="TiMOS-20.10.R3", standby_version="TiMOS-20.10.R3"))
    then(
        VersionsAgreed(version="TiMOS-20.10.R3"),
        AlarmCleared(alarm=mismatch, evidence=6, proof="both cards boot TiMOS-20.10.R3"),
    )


@pytest.mark.usefixtures("provisioned")
def test_a_flash_is_full_from_ninety_percent_on_and_told_once_until_it_is_below(when: Step, then: Step) -> None:
    full = key(FLASH_FULL, "pe1/B/cf3:")
    when(SeeFlash(slot=Slot.B, flash="cf3:", used_percent=89))
    then()
    when(SeeFlash(slot=Slot.B, flash="cf3:", used_percent=90))
    then(
        FlashFilled(slot=Slot.B, flash="cf3:", used_percent=90),
        raised(full, "cf3: of card B is 90 % full.", Severity.MINOR),
    )
    when(SeeFlash(slot=Slot.B, flash="cf3:", used_percent=97))
    then()
    when(SeeFlash(slot=Slot.B, flash="cf3:", used_percent=40))
    then(
        FlashFreed(slot=Slot.B, flash="cf3:", used_percent=40),
        AlarmCleared(alarm=full, evidence=6, proof="40 % of cf3: is used"),
    )


@pytest.mark.usefixtures("provisioned")
def test_flashes_fill_each_for_itself(given: Step, when: Step, decided: Decided) -> None:
    given(SeeFlash(slot=Slot.B, flash="cf3:", used_percent=95))
    when(SeeFlash(slot=Slot.A, flash="cf3:", used_percent=95))
    assert decided()[0] == FlashFilled(slot=Slot.A, flash="cf3:", used_percent=95)


@pytest.mark.usefixtures("provisioned")
def test_a_change_is_one_of_the_active_card(when: Step, then: Step, now: Now) -> None:
    when(SeeChange(scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.POLLED))
    then(FilesChanged(slot=Slot.A, scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.POLLED))
    assert now().scopes[Scope.CONFIG].changed == 4


@pytest.mark.usefixtures("ready")
def test_a_standby_whose_files_somebody_changed_cannot_take_over_until_it_is_synchronised(
    when: Step, decided: Decided, now: Now
) -> None:
    when(SeeChange(slot=Slot.B, scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.POLLED))
    changed, lost, *_ = decided()
    assert isinstance(changed, FilesChanged)
    assert (changed.slot, type(lost)) == (Slot.B, StandbyLost)
    assert not now().ready
    assert now().scopes[Scope.CONFIG].changed == 1 + now().version - len(decided())
