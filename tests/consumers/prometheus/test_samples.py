"""What is exported of one chassis and of the fleet, given what happened to it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from events.alarm_types import INVENTORY
from events.causes import Cause, Scope
from events.commands import (
    AlarmAction,
    Copied,
    Failed,
    FinishSwitchover,
    FinishSync,
    OperateAlarm,
    SeeCard,
    SeeFlash,
    StartSupervision,
    StartSwitchover,
    StartSync,
    StopSupervision,
)
from events.facts import Severity, Slot, SwitchoverFailure, SwitchoverReason, Trigger
from events.state import Health
from projections.alarm_list import EMPTY, evolve
from projections.alarm_views import active

SUPERVISED = StartSupervision(host="mgmt1", process=7)
START = StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL)
START_ALL = StartSync(scope=Scope.BOOT_ENV, trigger=Trigger.MANUAL)
FORCE = StartSwitchover(reason=SwitchoverReason.FORCED)
NO_STANDBY = SeeCard(slot=Slot.B, health=Health.ABSENT, detail="gone")


def succeed(attempt: int, duration_ms: int = 300) -> FinishSync:
    return FinishSync(attempt=attempt, outcome=Copied(files=(), bytes_copied=500), duration_ms=duration_ms)


def fail(attempt: int, duration_ms: int = 40) -> FinishSync:
    outcome = Failed(cause=Cause.NO_SPACE, detail="full")
    return FinishSync(attempt=attempt, outcome=outcome, duration_ms=duration_ms)


@pytest.fixture
def exported(story: Any, new_fleet: Any, parse: Callable[[str], Any]) -> Callable[..., Any]:
    """What is exported after some commands, asked for by name and labels; chassis is pe1 unless it is none."""

    def play(*commands: Any) -> Any:
        fleet = new_fleet()
        fleet.show(story.tell(*commands).recorded)
        found = parse(fleet.text())

        def of(name: str, chassis: str | None = "pe1", **labels: str) -> float | None:
            known = {**labels, **({"chassis": chassis} if chassis else {})}
            value: float | None = found.get(f"understudy_{name}", {}).get(tuple(sorted(known.items())))
            return value

        return of

    return play


def test_a_new_chassis_has_an_active_card_and_a_standby_that_is_not_ready(exported) -> None:
    of = exported()
    assert of("chassis_info", active="A", sync_mode="off") == 1
    assert (of("standby_ready"), of("supervised"), of("sync_running")) == (0, 0, 0)
    assert (of("card_in_service", slot="A"), of("card_in_service", slot="B")) == (1, 1)
    assert of("sync_attempts_total", scope="config", result="succeeded", cause="") == 0
    assert of("sync_last_success_timestamp_seconds", scope="config") is None


def test_a_success_is_counted_and_makes_the_standby_ready(exported, story) -> None:
    of = exported(START, succeed(1))
    assert of("standby_ready") == 1
    assert of("sync_attempts_total", scope="config", result="succeeded", cause="") == 1
    assert of("sync_copied_bytes_total", scope="config") == 500
    assert (of("sync_duration_seconds_count", scope="config"), of("sync_duration_seconds_sum", scope="config")) == (
        1,
        0.3,
    )
    ended = story.recorded[-1].occurred_at.timestamp()
    assert of("sync_last_success_timestamp_seconds", scope="config") == ended
    assert of("sync_last_success_timestamp_seconds", scope="boot-env") is None


def test_a_success_of_boot_env_covers_config(exported) -> None:
    of = exported(START_ALL, succeed(1))
    assert of("sync_last_success_timestamp_seconds", scope="config") is not None
    assert of("sync_attempts_total", scope="config", result="succeeded", cause="") == 0


def test_a_failure_is_counted_by_its_cause_and_its_duration_too(exported) -> None:
    of = exported(START, fail(1), START, fail(2, 60))
    assert of("sync_attempts_total", scope="config", result="failed", cause="no-space") == 2
    assert of("sync_duration_seconds_sum", scope="config") == 0.1
    labels = {"chassis": None, "scope": "config", "result": "failed"}
    assert of("sync_attempt_duration_seconds_bucket", le="0.05", **labels) == 1
    assert of("sync_attempt_duration_seconds_bucket", le="0.1", **labels) == 2
    assert of("sync_attempt_duration_seconds_bucket", le="+Inf", **labels) == 2
    assert (
        of("sync_attempt_duration_seconds_count", **labels),
        of("sync_attempt_duration_seconds_sum", **labels),
    ) == (2, 0.1)


def test_an_attempt_without_an_outcome_runs_and_the_standby_cannot_take_over_meanwhile(exported) -> None:
    of = exported(START, succeed(1), START)
    assert (of("sync_running"), of("standby_ready")) == (1, 0)


@pytest.mark.parametrize(("commands", "expected"), [((SUPERVISED,), 1), ((SUPERVISED, None), 0)])
def test_supervision_shows_from_its_start_to_its_end_in_good_order(exported, commands, expected) -> None:
    commands = [command or StopSupervision(host="mgmt1", process=7) for command in commands]
    assert exported(*commands)("supervised") == expected


def test_active_alarms_are_counted_by_severity_and_type_and_the_oldest_is_dated(exported, story) -> None:
    of = exported(START, fail(1))
    raised_at = story.recorded[-1].occurred_at.timestamp()
    of = exported(START, fail(2), NO_STANDBY)
    assert of("alarms_active_by_type", None, alarm_type="config-sync-failed", qualifier="no-space") == 0
    assert of("alarms_active_by_type", None, alarm_type="card-removed", qualifier="") == 1
    assert of("alarm_raises_total", severity="major") >= 2
    [removed_at] = [one.occurred_at for one in story.recorded if type(one.fact).__name__ == "CardRemoved"]
    # The older alarm lies on the card that was removed: it is masked.
    assert of("oldest_active_alarm_timestamp_seconds") == removed_at.timestamp() > raised_at


def test_of_several_active_alarms_the_one_that_was_raised_first_dates_them(exported, story) -> None:
    exported(START, fail(1))
    first = story.recorded[-1].occurred_at.timestamp()
    of = exported(SeeFlash(slot=Slot.A, flash="cf3:", used_percent=95))
    assert (of("alarms_active", severity="major"), of("alarms_active", severity="minor")) == (1, 1)
    assert of("oldest_active_alarm_timestamp_seconds") == first


def test_a_shelved_alarm_is_not_active_but_was_raised(exported, story) -> None:
    exported(START, fail(1))
    [key] = story.state.standing()
    of = exported(OperateAlarm(action=AlarmAction.SHELVE, alarm=key, operator="noc", text=""))
    assert [of("alarms_active", severity=severity) for severity in Severity] == [0] * 5
    assert of("oldest_active_alarm_timestamp_seconds") is None
    assert of("alarm_raises_total", severity="major") == 1
    assert of("alarms_active_by_type", None, alarm_type=key.alarm_type, qualifier=key.qualifier) == 0


def test_a_clear_is_counted_by_the_severity_that_the_alarm_had(exported) -> None:
    of = exported(START, fail(1), START, succeed(2))
    assert (of("alarm_raises_total", severity="major"), of("alarm_clears_total", severity="major")) == (1, 1)
    assert of("alarm_clears_total", severity="critical") == 0


def test_switchovers_are_counted_by_reason_and_result_and_completed_ones_are_timed(exported) -> None:
    of = exported(
        FORCE,
        START,
        succeed(1),
        FORCE,
        FinishSwitchover(switchover=1, duration_ms=70, failure=SwitchoverFailure.EXEC_FAILED, detail="no"),
        FORCE,
        FinishSwitchover(switchover=2, duration_ms=700),
    )
    results = {result: of("switchovers_total", reason="forced", result=result) for result in ("refused", "failed")}
    assert results == {"refused": 1, "failed": 1}
    assert of("switchovers_total", reason="forced", result="completed") == 1
    assert of("chassis_info", active="B", sync_mode="off") == 1
    assert of("switchover_duration_seconds_count", None, reason="forced") == 1
    assert of("switchover_duration_seconds_sum", None, reason="forced") == 0.7
    assert of("switchover_duration_seconds_bucket", None, reason="forced", le="0.5") == 0
    assert of("switchover_duration_seconds_bucket", None, reason="forced", le="1.0") == 1


def test_every_row_of_the_inventory_is_there_before_it_is_raised(exported) -> None:
    of = exported()
    rows = [of("alarms_active_by_type", None, alarm_type=a, qualifier=q) for a, q in INVENTORY]
    assert rows == [0] * len(INVENTORY)


def test_active_alarms_are_those_of_the_alarm_list_in_any_history(histories, new_fleet, parse) -> None:
    @settings(max_examples=50)
    @given(histories)
    def property_(history: Any) -> None:
        fleet, alarms = new_fleet(), EMPTY
        fleet.show(history.recorded)
        for recorded in history.recorded:
            alarms = evolve(alarms, recorded)
        expected = Counter[str](alarm.perceived_severity.value for alarm in active(alarms))
        found = parse(fleet.text())["understudy_alarms_active"]
        assert {dict(labels)["severity"]: value for labels, value in found.items()} == {
            severity.value: expected[severity.value] for severity in Severity
        }

    property_()
