"""What operators configure, and who watches."""

from collections.abc import Callable

import pytest

from events.causes import Scope, SyncMode
from events.commands import Provision, SetSwitchoverExec, SetSyncMode, StartSupervision, StartSync, StopSupervision
from events.facts import (
    AlarmKey,
    AlarmRaised,
    CardInserted,
    CardLocation,
    ChassisProvisioned,
    RedundancyLost,
    Severity,
    Slot,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverExecSet,
    SyncModeSet,
    Trigger,
)
from events.state import ChassisState

Step = Callable[..., None]
Now = Callable[[], ChassisState]

CARDS = (CardLocation(slot=Slot.A, location="/a"), CardLocation(slot=Slot.B, location="ssh://noc@b/flash", quota=9000))


def provision(*equipped: Slot, active: Slot = Slot.A) -> Provision:
    return Provision(cards=CARDS, active=active, equipped=equipped, operator="noc")


def test_a_chassis_is_provisioned_with_the_cards_that_are_there(when: Step, then: Step) -> None:
    when(provision(Slot.A, Slot.B))
    then(
        ChassisProvisioned(cards=CARDS, active=Slot.A, operator="noc"),
        CardInserted(slot=Slot.A),
        CardInserted(slot=Slot.B),
    )


def test_a_chassis_may_be_provisioned_with_a_single_card_and_says_that_it_has_no_redundancy(
    when: Step, then: Step
) -> None:
    when(provision(Slot.B, active=Slot.B))
    then(
        ChassisProvisioned(cards=CARDS, active=Slot.B, operator="noc"),
        CardInserted(slot=Slot.B),
        RedundancyLost(remaining=Slot.B),
        AlarmRaised(
            alarm=AlarmKey(resource="pe1", alarm_type="single-card"),
            severity=Severity.CRITICAL,
            text="Card B runs the chassis alone: there is no standby card in service.",
        ),
    )


def test_an_active_card_that_is_not_there_is_refused(when: Step, then_refused: Step) -> None:
    when(provision(Slot.B, active=Slot.A))
    then_refused("there is no card in slot A to be active")


def test_a_chassis_is_provisioned_once(given: Step, when: Step, then_refused: Step) -> None:
    given(provision(Slot.A))
    when(provision(Slot.A))
    then_refused("chassis pe1 is provisioned already, with A=/a, B=ssh://noc@b/flash")


def test_a_chassis_that_was_never_provisioned_takes_no_other_command(when: Step, then_refused: Step) -> None:
    when(StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL))
    then_refused("chassis 'pe1' is not provisioned; see: understudy provision --help")


@pytest.mark.usefixtures("provisioned")
def test_a_mode_is_set(when: Step, then: Step, now: Now) -> None:
    when(SetSyncMode(mode=SyncMode.BOOT_ENV, operator="noc"))
    then(SyncModeSet(mode=SyncMode.BOOT_ENV, operator="noc"))
    assert now().mode is SyncMode.BOOT_ENV


@pytest.mark.usefixtures("provisioned")
def test_the_mode_that_is_set_already_records_nothing(given: Step, when: Step, then_nothing: Step) -> None:
    given(SetSyncMode(mode=SyncMode.CONFIG, operator="noc"))
    when(SetSyncMode(mode=SyncMode.CONFIG, operator="operator"))
    then_nothing()


@pytest.mark.usefixtures("provisioned")
def test_an_executable_is_set_once(when: Step, then: Step) -> None:
    command = SetSwitchoverExec(path="/usr/local/bin/vip", time_limit_seconds=20, operator="noc")
    when(command)
    then(SwitchoverExecSet(path="/usr/local/bin/vip", time_limit_seconds=20, operator="noc"))
    when(command)
    then()


@pytest.mark.usefixtures("provisioned")
def test_a_time_limit_below_a_second_is_refused(when: Step, then_refused: Step) -> None:
    when(SetSwitchoverExec(path="/usr/local/bin/vip", time_limit_seconds=0, operator="noc"))
    then_refused("the time limit of the switchover executable is at least 1 second")


@pytest.mark.usefixtures("provisioned")
def test_every_start_and_stop_of_the_supervision_is_recorded(when: Step, then: Step) -> None:
    when(StartSupervision(host="mgmt1", process=77))
    then(SupervisionStarted(host="mgmt1", process=77))
    when(StopSupervision(host="mgmt1", process=77))
    then(SupervisionStopped(host="mgmt1", process=77))
