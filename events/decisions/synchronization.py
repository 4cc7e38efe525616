"""Decisions about synchronisation attempts: their start, their outcome and the alarms that follow."""

from typing import assert_never

from events.alarm_types import alarm_type_of, card_resource, sync_failed_key
from events.causes import STAGE_OF, Cause, Scope
from events.commands import Copied, Failed, FinishSync, SeeCeased, StartSync, SyncCommand
from events.decisions.draft import Decision, Draft
from events.errors import CommandRefusedError
from events.evidence import disproved_by_failure, disproved_by_probe, disproved_by_success
from events.evolve import story_of
from events.facts import (
    AlarmKey,
    ConditionCeased,
    FileOutcome,
    FileResult,
    StandbySyncing,
    SyncFailed,
    SyncFileNotPresent,
    SyncStarted,
    SyncSucceeded,
    Trigger,
)
from events.state import ChassisState, Health, RunningAttempt


def decide_sync(state: ChassisState, command: SyncCommand) -> Decision:
    """The facts that follow from a synchronisation command."""
    match command:
        case StartSync():
            return _start(state, command)
        case FinishSync():
            return _finish(state, command)
        case SeeCeased():
            return _ceased(state, command)
        case _:
            assert_never(command)


def _start(state: ChassisState, command: StartSync) -> Decision:
    if state.switching is not None:
        raise CommandRefusedError(f"{state.chassis}: a switchover is running; synchronise when it is over")
    draft = Draft(state)
    started = SyncStarted(
        attempt=state.attempts + 1,
        scope=command.scope,
        trigger=command.trigger,
        source=state.active,
        standby=state.standby,
        operator=command.operator,
    )
    draft.add(started)
    if state.running is not None:
        busy = f"attempt {state.running.attempt} ({state.running.scope}) is running"
        _fail(draft, started.attempt, command.scope, Failed(cause=Cause.ALREADY_RUNNING, detail=busy), 0)
    elif not state.ready and state.cards[state.standby].health is Health.IN_SERVICE:
        draft.add(StandbySyncing(slot=state.standby))
    return draft.finish(story_of(state, started), _cause_of(state, command))


def _cause_of(state: ChassisState, command: StartSync) -> int:
    match command.trigger:
        case Trigger.MANUAL:
            return 0
        case Trigger.RETRY:
            return state.scopes[command.scope].failed
        case Trigger.SAVED | Trigger.START_UP:
            return max(status.changed for status in state.scopes.values())
        case Trigger.STANDBY_UP:
            # It came into its slot, or became the standby by a switchover: whichever was later.
            return max(state.cards[state.standby].version, state.switched)
        case _:
            assert_never(command.trigger)


def _finish(state: ChassisState, command: FinishSync) -> Decision:
    running = state.running
    if running is None or running.attempt != command.attempt:
        raise CommandRefusedError(
            f"{state.chassis}: attempt {command.attempt} is not running; it has an outcome already"
        )
    draft = Draft(state)
    match command.outcome:
        case Copied():
            _succeed(draft, running, command.outcome, command.duration_ms)
        case Failed():
            _fail(draft, running.attempt, running.scope, command.outcome, command.duration_ms)
            _no_longer_running(draft, running, command.outcome.cause)
        case _:
            assert_never(command.outcome)
    return draft.finish(running.story, running.version)


def _no_longer_running(draft: Draft, running: RunningAttempt, cause: Cause) -> None:
    """However the attempt ended, nobody finds it running any more."""
    if cause is Cause.ALREADY_RUNNING:
        return
    for scope in Scope:
        key = sync_failed_key(draft.state.chassis, running.standby, scope, Cause.ALREADY_RUNNING)
        proof = f"attempt {running.attempt}, which was running, has ended"
        draft.clear(key, evidence=draft.before.version + 1, proof=proof)


def _succeed(draft: Draft, running: RunningAttempt, outcome: Copied, duration_ms: int) -> None:
    evidence = draft.add(
        SyncSucceeded(
            attempt=running.attempt,
            scope=running.scope,
            standby=running.standby,
            files=outcome.files,
            bytes_copied=outcome.bytes_copied,
            duration_ms=duration_ms,
        )
    )
    _report_absent(draft, running.attempt, outcome.files)
    resource = card_resource(draft.state.chassis, running.standby)
    for alarm in draft.state.standing():
        if disproved_by_success(alarm, resource=resource, scope=running.scope):
            proof = f"attempt {running.attempt} synchronised {running.scope}"
            draft.clear(alarm, evidence=evidence, proof=proof)


def _fail(draft: Draft, attempt: int, scope: Scope, outcome: Failed, duration_ms: int) -> None:
    running = draft.state.running
    standby = running.standby if running else draft.state.standby
    stage = STAGE_OF.get(outcome.cause, outcome.stage)
    evidence = draft.add(
        SyncFailed(
            attempt=attempt,
            scope=scope,
            standby=standby,
            stage=stage,
            cause=outcome.cause,
            detail=outcome.detail,
            failures=draft.state.scopes[scope].failures + 1,
            files=outcome.files,
            duration_ms=duration_ms,
        )
    )
    key = sync_failed_key(draft.state.chassis, standby, scope, outcome.cause)
    draft.see(key, f"{alarm_type_of(key).description} {outcome.detail.rstrip('.')}.")
    for alarm in draft.state.standing():
        if alarm != key and disproved_by_failure(alarm, resource=key.resource, scope=scope, stage=stage):
            draft.clear(alarm, evidence=evidence, proof=f"attempt {attempt} got past {_stage_of(alarm)}")


def _stage_of(alarm: AlarmKey) -> str:
    return STAGE_OF[Cause(alarm.qualifier)]


def _report_absent(draft: Draft, attempt: int, files: tuple[FileResult, ...]) -> None:
    not_present = FileOutcome.NOT_PRESENT
    for file in files:
        if file.outcome is not_present:
            draft.add(SyncFileNotPresent(attempt=attempt, file=file.name))


def _ceased(state: ChassisState, command: SeeCeased) -> Decision:
    draft = Draft(state)
    resource = card_resource(state.chassis, state.standby)
    for cause in command.causes:
        proved = [
            alarm
            for alarm in draft.state.standing()
            if disproved_by_probe(alarm, resource=resource, scope=command.scope, cause=cause)
            and (command.since is None or state.alarms[alarm].seen <= command.since)
        ]
        if proved:
            fact = ConditionCeased(slot=state.standby, scope=command.scope, cause=cause, detail=command.detail)
            evidence = draft.add(fact)
            for alarm in proved:
                draft.clear(alarm, evidence=evidence, proof=f"a probe saw that {cause} does not hold any more")
    story = state.scopes[command.scope].story or f"probe-{state.version + 1}"
    return draft.finish(story, state.scopes[command.scope].failed)
