"""Decisions about the standby taking over."""

from typing import assert_never

from events.alarm_types import SCOPE_OF, STANDBY_SYNC_LOST, SWITCHOVER_FAILED, card_resource
from events.commands import FinishSwitchover, StartSwitchover, SwitchoverCommand
from events.decisions.draft import Decision, Draft, explain
from events.errors import CommandRefusedError
from events.facts import (
    AlarmKey,
    Blocker,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
)
from events.state import ChassisState, RunningSwitchover, blockers_now

# What is under way is no matter of the standby's status: to ignore it would run two at once. And no status of a card
# that is not there can be ignored.
_NEVER_IGNORED = frozenset({Blocker.SYNCHRONIZING, Blocker.SWITCHOVER_IN_PROGRESS, Blocker.NOT_EQUIPPED})


def decide_switchover(state: ChassisState, command: SwitchoverCommand) -> Decision:
    """The facts that follow from a switchover command."""
    match command:
        case StartSwitchover():
            return _start(state, command)
        case FinishSwitchover():
            return _finish(state, command)
        case _:
            assert_never(command)


def _start(state: ChassisState, command: StartSwitchover) -> Decision:
    hindrances = blockers_now(state)
    if hindrances and (not command.ignore_status or _NEVER_IGNORED.intersection(hindrances)):
        return _refuse(state, command, hindrances)
    draft = Draft(state)
    started = SwitchoverStarted(
        switchover=state.switchovers + 1,
        from_slot=state.active,
        to_slot=state.standby,
        reason=command.reason,
        overridden=hindrances,
        out_of_step=command.out_of_step,
        operator=command.operator,
    )
    draft.add(started)
    return draft.finish(f"switchover-{started.switchover}", _cause_of(state, command))


def _refuse(state: ChassisState, command: StartSwitchover, hindrances: tuple[Blocker, ...]) -> Decision:
    draft = Draft(state)
    automatic = command.reason is not SwitchoverReason.FORCED
    if not (automatic and state.refused == hindrances):
        refused = SwitchoverRefused(
            to_slot=state.standby, reason=command.reason, blockers=hindrances, operator=command.operator
        )
        draft.add(refused)
        if automatic:
            text = f"Card {state.standby} is needed and cannot take over: {explain(hindrances)}."
            draft.see(AlarmKey(resource=state.chassis, alarm_type=SWITCHOVER_FAILED), text)
    return draft.finish(f"refusal-{state.version + 1}", _cause_of(state, command))


def _cause_of(state: ChassisState, command: StartSwitchover) -> int:
    return 0 if command.reason is SwitchoverReason.FORCED else state.cards[state.active].version


def _finish(state: ChassisState, command: FinishSwitchover) -> Decision:
    running = state.switching
    if running is None or running.switchover != command.switchover:
        raise CommandRefusedError(f"{state.chassis}: switchover {command.switchover} is not running")
    draft = Draft(state)
    if command.failure is None:
        _complete(draft, running, command.duration_ms)
    else:
        failed = SwitchoverFailed(
            switchover=running.switchover,
            failure=command.failure,
            detail=command.detail,
            duration_ms=command.duration_ms,
        )
        draft.add(failed)
        text = f"Switchover {running.switchover} to card {running.to_slot} failed: {command.detail}."
        draft.see(AlarmKey(resource=state.chassis, alarm_type=SWITCHOVER_FAILED), text)
    return draft.finish(f"switchover-{running.switchover}", running.version)


def _complete(draft: Draft, running: RunningSwitchover, duration_ms: int) -> None:
    completed = SwitchoverCompleted(switchover=running.switchover, active=running.to_slot, duration_ms=duration_ms)
    evidence = draft.add(completed)
    failed = AlarmKey(resource=draft.state.chassis, alarm_type=SWITCHOVER_FAILED)
    draft.clear(failed, evidence=evidence, proof=f"switchover {running.switchover} completed")
    # The card is no standby any more, so "this standby cannot ..." holds no more.
    resource = card_resource(draft.state.chassis, running.to_slot)
    for alarm in draft.state.standing():
        if alarm.alarm_type in {*SCOPE_OF, STANDBY_SYNC_LOST} and alarm.resource == resource:
            draft.clear(alarm, evidence=evidence, proof=f"card {running.to_slot} is not the standby any more")
