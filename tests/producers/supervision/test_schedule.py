"""What is due, because of what, and when again after a failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.causes import Cause, Scope, SyncMode
from events.commands import (
    Command,
    Copied,
    Failed,
    FinishSync,
    Provision,
    SeeCard,
    SeeChange,
    SetSyncMode,
    StartSwitchover,
    StartSync,
)
from events.decisions import decide
from events.facts import CardLocation, Slot, SwitchoverReason, Trigger, Watch
from events.state import ChassisState, Health
from producers.supervision.schedule import Due, Settings, backoff, covered, due

CONFIG, BOOT_ENV = Scope.CONFIG, Scope.BOOT_ENV
NO_WAIT: dict[Scope, float] = {}


def after(state: ChassisState, *commands: Command) -> ChassisState:
    for command in commands:
        state = decide(state, command).state
    return state


def chassis(mode: SyncMode = SyncMode.BOOT_ENV, *, equipped=(Slot.A, Slot.B)) -> ChassisState:
    cards = (CardLocation(slot=Slot.A, location="/srv/a"), CardLocation(slot=Slot.B, location="/srv/b"))
    provision = Provision(cards=cards, active=Slot.A, equipped=equipped, operator="operator")
    return after(ChassisState("pe1"), provision, SetSyncMode(mode=mode, operator="operator"))


def tried(state: ChassisState, scope: Scope, outcome: Copied | Failed, times: int = 1) -> ChassisState:
    for _ in range(times):
        state = after(state, StartSync(scope=scope, trigger=Trigger.MANUAL))
        state = after(state, FinishSync(attempt=state.attempts, outcome=outcome, duration_ms=1))
    return state


def done(state: ChassisState, scope: Scope = BOOT_ENV) -> ChassisState:
    return tried(state, scope, Copied(files=(), bytes_copied=0))


def failed(state: ChassisState, scope: Scope, cause: Cause, times: int = 1) -> ChassisState:
    return tried(state, scope, Failed(cause=cause, detail="so it is"), times)


def change(scope: Scope, noticed: Watch = Watch.NOTIFIED) -> SeeChange:
    return SeeChange(scope=scope, files=("cf3:\\pe1.cfg",), noticed=noticed)


def test_a_wait_doubles_with_each_failure_in_a_row() -> None:
    settings = Settings(retry_first=1.0, retry_limit=300.0)

    assert [backoff(failures, settings) for failures in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 8.0]


@given(failures=st.integers(0, 10**9), first=st.floats(0.05, 60), limit=st.floats(0.05, 3600))
def test_a_wait_is_never_longer_than_the_limit_nor_shorter_than_the_wait_before(failures, first, limit) -> None:
    settings = Settings(retry_first=first, retry_limit=limit)

    assert 0 < backoff(failures, settings) <= backoff(failures + 1, settings) <= limit


@pytest.mark.parametrize(
    ("mode", "scopes"),
    [(SyncMode.OFF, ()), (SyncMode.CONFIG, (CONFIG,)), (SyncMode.BOOT_ENV, (BOOT_ENV, CONFIG))],
)
def test_a_mode_covers_its_scopes_the_larger_one_first(mode, scopes) -> None:
    assert covered(mode) == scopes


def test_off_synchronises_nothing() -> None:
    state = after(chassis(SyncMode.OFF), change(CONFIG), change(BOOT_ENV))

    assert due(state, NO_WAIT) is None


@pytest.mark.parametrize(("mode", "scope"), [(SyncMode.CONFIG, CONFIG), (SyncMode.BOOT_ENV, BOOT_ENV)])
def test_a_standby_that_came_up_is_synchronised(mode, scope) -> None:
    assert due(chassis(mode), NO_WAIT) == Due(scope, Trigger.STANDBY_UP)


def test_a_standby_that_came_back_is_synchronised() -> None:
    gone = after(done(chassis()), SeeCard(slot=Slot.B, health=Health.ABSENT, detail="gone"))
    back = after(gone, SeeCard(slot=Slot.B, health=Health.IN_SERVICE))

    assert due(gone, NO_WAIT) is None
    assert due(back, NO_WAIT) == Due(BOOT_ENV, Trigger.STANDBY_UP)


def test_nothing_is_due_when_the_cards_are_in_step() -> None:
    assert due(done(chassis()), NO_WAIT) is None


@pytest.mark.parametrize("scope", [CONFIG, BOOT_ENV])
def test_a_change_is_synchronised_with_the_smallest_scope_that_covers_it(scope) -> None:
    assert due(after(done(chassis()), change(scope)), NO_WAIT) == Due(scope, Trigger.SAVED)


def test_a_changed_image_is_none_of_the_business_of_config_mode() -> None:
    state = done(chassis(SyncMode.CONFIG), CONFIG)

    assert due(after(state, change(BOOT_ENV)), NO_WAIT) is None


def test_a_change_made_while_nobody_watched_is_synchronised_at_start_up() -> None:
    state = after(done(chassis()), change(CONFIG, Watch.START_UP))

    assert due(state, NO_WAIT) == Due(CONFIG, Trigger.START_UP)


def test_a_change_seen_while_an_attempt_runs_is_due_after_it() -> None:
    state = after(done(chassis()), StartSync(scope=CONFIG, trigger=Trigger.MANUAL), change(CONFIG))
    assert due(state, NO_WAIT) is None

    state = after(state, FinishSync(attempt=2, outcome=Copied(files=(), bytes_copied=0), duration_ms=1))

    assert due(state, NO_WAIT) == Due(CONFIG, Trigger.SAVED)


def test_nothing_is_due_while_a_switchover_runs() -> None:
    state = after(done(chassis()), change(CONFIG), StartSwitchover(reason=SwitchoverReason.FORCED))

    assert due(state, NO_WAIT) is None


@pytest.mark.parametrize("slot", list(Slot))
def test_nothing_is_due_unless_both_cards_are_in_service(slot) -> None:
    state = after(done(chassis()), change(CONFIG), SeeCard(slot=slot, health=Health.FAILED, detail="broken"))

    assert due(state, NO_WAIT) is None


def test_a_failed_attempt_is_retried_when_its_wait_is_over_and_not_before() -> None:
    state = failed(chassis(), BOOT_ENV, Cause.UNREACHABLE)

    assert due(state, {BOOT_ENV: 0.1}) is None
    assert due(state, {BOOT_ENV: 0.0}) == Due(BOOT_ENV, Trigger.RETRY)
    assert due(state, NO_WAIT) == Due(BOOT_ENV, Trigger.RETRY)


def test_a_boot_environment_that_fails_does_not_keep_the_configuration_from_being_synchronised() -> None:
    state = failed(done(chassis(), CONFIG), BOOT_ENV, Cause.NO_SPACE)
    assert due(state, {BOOT_ENV: 9.0}) is None

    assert due(after(state, change(CONFIG)), {BOOT_ENV: 9.0}) == Due(CONFIG, Trigger.SAVED)


def test_a_standby_that_never_had_a_configuration_gets_one_although_its_boot_environment_fails() -> None:
    state = failed(chassis(), BOOT_ENV, Cause.NO_SPACE)

    assert due(state, {BOOT_ENV: 9.0}) == Due(CONFIG, Trigger.STANDBY_UP)


@pytest.mark.parametrize("cause", [Cause.UNREACHABLE, Cause.AUTHENTICATION_FAILED, Cause.STANDBY_NOT_READY])
def test_where_the_standby_itself_stands_in_the_way_the_configuration_waits_too(cause) -> None:
    state = after(failed(done(chassis(), CONFIG), BOOT_ENV, cause), change(CONFIG))

    assert due(state, {BOOT_ENV: 9.0}) is None


def test_both_scopes_that_fail_wait_each_for_itself() -> None:
    state = failed(failed(chassis(), BOOT_ENV, Cause.NO_SPACE, times=3), CONFIG, Cause.SOURCE_MISSING)

    assert due(state, {BOOT_ENV: 4.0, CONFIG: 1.0}) is None
    assert due(state, {BOOT_ENV: 3.0, CONFIG: 0.0}) == Due(CONFIG, Trigger.RETRY)


def test_a_success_ends_the_retries() -> None:
    assert due(done(failed(chassis(), BOOT_ENV, Cause.IO_ERROR)), NO_WAIT) is None


def test_a_success_of_boot_env_ends_the_retries_of_config_too() -> None:
    assert due(done(failed(chassis(), CONFIG, Cause.SOURCE_MISSING)), NO_WAIT) is None
