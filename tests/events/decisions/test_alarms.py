"""What operators do to alarms."""

from collections.abc import Callable

import msgspec
import pytest

from events.alarm_types import sync_failed_key
from events.causes import Cause, Scope
from events.commands import AlarmAction, Command, Copied, Failed, FinishSync, OperateAlarm, StartSync
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmClosed,
    AlarmCommented,
    AlarmCompressed,
    AlarmPurged,
    AlarmRaised,
    AlarmShelved,
    AlarmUnshelved,
    Fact,
    OperatorFact,
    Slot,
    Trigger,
)
from events.state import ChassisState

Step = Callable[..., None]
Now = Callable[[], ChassisState]
Decided = Callable[[], tuple[Fact, ...]]

pytestmark = pytest.mark.usefixtures("provisioned")

ALARM = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE)
FACT_OF: dict[AlarmAction, type[OperatorFact]] = {
    AlarmAction.ACKNOWLEDGE: AlarmAcknowledged,
    AlarmAction.CLOSE: AlarmClosed,
    AlarmAction.COMMENT: AlarmCommented,
    AlarmAction.SHELVE: AlarmShelved,
    AlarmAction.UNSHELVE: AlarmUnshelved,
    AlarmAction.PURGE: AlarmPurged,
    AlarmAction.COMPRESS: AlarmCompressed,
}


def fail(attempt: int) -> tuple[Command, Command]:
    outcome = Failed(cause=Cause.NO_SPACE, detail="cf3: is full")
    return (
        StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL),
        FinishSync(attempt=attempt, outcome=outcome, duration_ms=1),
    )


def succeed(attempt: int) -> tuple[Command, Command]:
    outcome = Copied(files=(), bytes_copied=0)
    return (
        StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL),
        FinishSync(attempt=attempt, outcome=outcome, duration_ms=1),
    )


def operate(action: AlarmAction) -> OperateAlarm:
    return OperateAlarm(action=action, alarm=ALARM, operator="noc", text="ticket 4711")


@pytest.mark.parametrize("action", [action for action in AlarmAction if action is not AlarmAction.UNSHELVE])
def test_an_act_on_an_alarm_is_one_fact_that_says_who_and_why(
    given: Step, when: Step, then: Step, action: AlarmAction
) -> None:
    given(*fail(1))
    when(operate(action))
    then(FACT_OF[action](alarm=ALARM, operator="noc", text="ticket 4711"))


def test_an_act_is_linked_to_the_raise_of_its_alarm(given: Step, when: Step, then_linked: Step) -> None:
    given(*fail(1))
    raised = 7
    when(operate(AlarmAction.ACKNOWLEDGE))
    then_linked("operator-8", raised)


@pytest.mark.parametrize("action", [action for action in AlarmAction if action is not AlarmAction.UNSHELVE])
def test_an_alarm_that_was_never_raised_takes_no_act(when: Step, then_refused: Step, action: AlarmAction) -> None:
    when(operate(action))
    then_refused("pe1/B config-sync-failed no-space is not on the alarm list")


@pytest.mark.parametrize("action", [AlarmAction.ACKNOWLEDGE, AlarmAction.CLOSE, AlarmAction.PURGE])
def test_a_cleared_alarm_is_still_on_the_list(given: Step, when: Step, then: Step, action: AlarmAction) -> None:
    given(*fail(1), *succeed(2))
    when(operate(action))
    then(FACT_OF[action](alarm=ALARM, operator="noc", text="ticket 4711"))


@pytest.mark.parametrize("action", [AlarmAction.ACKNOWLEDGE, AlarmAction.CLOSE, AlarmAction.SHELVE])
def test_a_shelved_alarm_takes_no_operator_state(
    given: Step, when: Step, then_refused: Step, action: AlarmAction
) -> None:
    given(*fail(1), operate(AlarmAction.SHELVE))
    when(operate(action))
    then_refused("is shelved; unshelve it first")


@pytest.mark.parametrize("action", [AlarmAction.COMMENT, AlarmAction.PURGE, AlarmAction.COMPRESS, AlarmAction.UNSHELVE])
def test_a_shelved_alarm_takes_every_other_act(given: Step, when: Step, then: Step, action: AlarmAction) -> None:
    given(*fail(1), operate(AlarmAction.SHELVE))
    when(operate(action))
    then(FACT_OF[action](alarm=ALARM, operator="noc", text="ticket 4711"))


def test_an_alarm_that_is_not_shelved_is_not_unshelved(given: Step, when: Step, then_refused: Step) -> None:
    given(*fail(1))
    when(operate(AlarmAction.UNSHELVE))
    then_refused("is not shelved")


def test_a_text_that_would_not_fit_into_the_streams_is_refused(given: Step, when: Step, then_refused: Step) -> None:
    given(*fail(1))
    when(msgspec.structs.replace(operate(AlarmAction.COMMENT), text="x" * 4001))
    then_refused("too long: write at most 4000")


def test_a_shelved_alarm_is_still_cleared_on_evidence(given: Step, when: Step, decided: Decided) -> None:
    given(*fail(1), operate(AlarmAction.SHELVE), *succeed(2)[:1])
    when(succeed(2)[1])
    assert [fact.alarm for fact in decided() if isinstance(fact, AlarmCleared)] == [ALARM]


def test_an_alarm_stays_on_its_shelf_when_it_is_raised_again(given: Step, now: Now) -> None:
    given(*fail(1), operate(AlarmAction.SHELVE), *succeed(2), *fail(3))
    assert now().alarms[ALARM].standing
    assert now().alarms[ALARM].shelved


def test_a_purged_alarm_is_off_the_list_and_comes_back_when_its_condition_does(
    given: Step, when: Step, decided: Decided, now: Now
) -> None:
    given(*fail(1), operate(AlarmAction.PURGE))
    assert now().alarms == {}
    given(fail(2)[0])
    when(fail(2)[1])
    assert [fact.alarm for fact in decided() if isinstance(fact, AlarmRaised)] == [ALARM]
    assert now().alarms[ALARM].count == 1


def test_a_purged_alarm_is_not_cleared_when_its_condition_ceases(given: Step, when: Step, decided: Decided) -> None:
    given(*fail(1), operate(AlarmAction.PURGE), succeed(2)[0])
    when(succeed(2)[1])
    assert not [fact for fact in decided() if isinstance(fact, AlarmCleared)]


def test_the_shelf_of_a_purged_alarm_can_be_taken_away(given: Step, when: Step, then: Step, now: Now) -> None:
    given(*fail(1), operate(AlarmAction.SHELVE), operate(AlarmAction.PURGE))
    when(operate(AlarmAction.UNSHELVE))
    then(AlarmUnshelved(alarm=ALARM, operator="noc", text="ticket 4711"))
    assert now().shelves == frozenset()


@pytest.mark.parametrize(
    "action", [AlarmAction.ACKNOWLEDGE, AlarmAction.CLOSE, AlarmAction.COMMENT, AlarmAction.COMPRESS]
)
def test_an_operator_never_changes_whether_an_alarm_stands(given: Step, now: Now, action: AlarmAction) -> None:
    given(*fail(1), operate(action))
    assert now().standing() == [ALARM]
