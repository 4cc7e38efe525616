"""How each fact changes the state of its chassis. Pure: the same facts give the same state, always."""

from collections.abc import Callable
from typing import Any, assert_never, get_args

from msgspec.structs import replace

from events.causes import Cause, Scope
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmClosed,
    AlarmCommented,
    AlarmCompressed,
    AlarmFact,
    AlarmKey,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    AlarmShelved,
    AlarmUnshelved,
    AuditFact,
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    ChassisFact,
    ChassisProvisioned,
    ConditionCeased,
    Fact,
    FilesChanged,
    FlashFilled,
    FlashFreed,
    RedundancyLost,
    Slot,
    StandbyLost,
    StandbyReady,
    StandbySyncing,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverCompleted,
    SwitchoverExecSet,
    SwitchoverFact,
    SwitchoverFailed,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFact,
    SyncFailed,
    SyncFileNotPresent,
    SyncModeSet,
    SyncStarted,
    SyncSucceeded,
    Trigger,
    VersionsAgreed,
    VersionsDiffered,
    Watch,
)
from events.state import (
    AlarmStatus,
    CardStatus,
    ChassisState,
    Health,
    RunningAttempt,
    RunningSwitchover,
    ScopeStatus,
)


def evolve(state: ChassisState, fact: Fact) -> ChassisState:
    """The state after ``fact``, which is the next one of the stream."""
    return _FOLD_OF[type(fact)](state, fact, state.version + 1)


def _chassis(state: ChassisState, fact: ChassisFact, version: int) -> ChassisState:
    match fact:
        case ChassisProvisioned():
            return replace(state, version=version, locations=fact.cards, active=fact.active)
        case SyncModeSet():
            return replace(state, version=version, mode=fact.mode)
        case SwitchoverExecSet():
            limit = fact.time_limit_seconds
            return replace(state, version=version, exec_path=fact.path, exec_time_limit_seconds=limit)
        case CardInserted():
            return _inserted(_card(state, fact.slot, Health.IN_SERVICE, version), fact.slot)
        case CardRecovered():
            return _card(state, fact.slot, Health.IN_SERVICE, version)
        case CardRemoved():
            return _card(state, fact.slot, Health.ABSENT, version)
        case CardFailed():
            return _card(state, fact.slot, Health.FAILED, version)
        case VersionsDiffered():
            return replace(state, version=version, versions_differ=True)
        case VersionsAgreed():
            return replace(state, version=version, versions_differ=False)
        case FlashFilled():
            return replace(state, version=version, filled=state.filled | {(fact.slot, fact.flash)})
        case FlashFreed():
            return replace(state, version=version, filled=state.filled - {(fact.slot, fact.flash)})
        case FilesChanged():
            return _changed(state, fact, version)
        case SupervisionStarted() | SupervisionStopped() | ConditionCeased():
            return replace(state, version=version)
        case _:
            assert_never(fact)


def _sync(state: ChassisState, fact: SyncFact, version: int) -> ChassisState:
    match fact:
        case SyncStarted():
            return _started(state, fact, version)
        case SyncFailed():
            return _failed(state, fact, version)
        case SyncSucceeded():
            return _succeeded(state, fact, version)
        case StandbyReady():
            return replace(state, version=version, ready=True, single=False, refused=None)
        case StandbyLost():
            return replace(state, version=version, ready=False, refused=None)
        case RedundancyLost():
            return replace(state, version=version, single=True)
        case StandbySyncing() | SyncFileNotPresent():
            return replace(state, version=version)
        case _:
            assert_never(fact)


def _switchover(state: ChassisState, fact: SwitchoverFact, version: int) -> ChassisState:
    match fact:
        case SwitchoverStarted():
            under_way = RunningSwitchover(fact.switchover, fact.to_slot, version)
            return replace(state, version=version, switchovers=fact.switchover, switching=under_way, refused=None)
        case SwitchoverCompleted():
            # What was synchronised was the other direction: the new standby is brought in step before it counts.
            scopes = {scope: ScopeStatus() for scope in Scope}
            return replace(state, version=version, active=fact.active, switching=None, switched=version, scopes=scopes)
        case SwitchoverFailed():
            return replace(state, version=version, switching=None)
        case SwitchoverRefused():
            return replace(state, version=version, refused=fact.blockers)
        case _:
            assert_never(fact)


def _alarm(state: ChassisState, fact: AlarmFact, version: int) -> ChassisState:
    status = state.alarms.get(fact.alarm)
    match fact:
        case AlarmRaised():
            raised = AlarmStatus(True, fact.severity, 1, version, fact.alarm in state.shelves, version)
            return _with_alarm(state, version, fact.alarm, raised)
        case AlarmRepeated():
            return _with_alarm(state, version, fact.alarm, status and replace(status, count=fact.count, seen=version))
        case AlarmCleared():
            return _with_alarm(state, version, fact.alarm, status and replace(status, standing=False))
        case AlarmShelved():
            shelved = replace(state, shelves=state.shelves | {fact.alarm})
            return _with_alarm(shelved, version, fact.alarm, status and replace(status, shelved=True))
        case AlarmUnshelved():
            unshelved = replace(state, shelves=state.shelves - {fact.alarm})
            return _with_alarm(unshelved, version, fact.alarm, status and replace(status, shelved=False))
        case AlarmPurged():
            rest = {key: value for key, value in state.alarms.items() if key != fact.alarm}
            return replace(state, version=version, alarms=rest)
        case AlarmAcknowledged() | AlarmClosed() | AlarmCommented() | AlarmCompressed():
            return replace(state, version=version)
        case _:
            assert_never(fact)


def _with_alarm(state: ChassisState, version: int, key: AlarmKey, status: AlarmStatus | None) -> ChassisState:
    alarms = state.alarms if status is None else {**state.alarms, key: status}
    return replace(state, version=version, alarms=alarms)


def _card(state: ChassisState, slot: Slot, health: Health, version: int) -> ChassisState:
    cards = {**state.cards, slot: CardStatus(health, version)}
    return replace(state, version=version, cards=cards, refused=None)


def _inserted(state: ChassisState, slot: Slot) -> ChassisState:
    if slot is state.active:
        return state
    # Who pulls a card may insert another one: nothing is known to be synchronised on it.
    scopes = {scope: replace(status, synchronized=False) for scope, status in state.scopes.items()}
    return replace(state, scopes=scopes)


def _changed(state: ChassisState, fact: FilesChanged, version: int) -> ChassisState:
    scopes = dict(state.scopes)
    if fact.slot is not state.active:
        # What it had was overwritten: whether it would boot is open until it is synchronised again.
        scopes = {scope: replace(status, synchronized=False) for scope, status in scopes.items()}
    away = fact.noticed is Watch.START_UP
    scopes[fact.scope] = replace(scopes[fact.scope], changed=version, away=away)
    return replace(state, version=version, scopes=scopes)


def _started(state: ChassisState, fact: SyncStarted, version: int) -> ChassisState:
    under_way = RunningAttempt(fact.attempt, fact.scope, fact.source, fact.standby, version, story_of(state, fact))
    # An attempt that finds another one running fails at once; the one that runs stays the one that runs.
    return replace(state, version=version, attempts=fact.attempt, running=state.running or under_way)


def _still_running(state: ChassisState, ended: int) -> RunningAttempt | None:
    running = state.running
    return None if running is None or running.attempt == ended else running


def _failed(state: ChassisState, fact: SyncFailed, version: int) -> ChassisState:
    running = state.running
    ours = running is not None and running.attempt == fact.attempt
    if fact.cause is Cause.ALREADY_RUNNING:
        # Nothing was tried: that is no failure of the scope, and there is nothing to retry.
        return replace(state, version=version, running=None if ours else running)
    story = running.story if running is not None and ours else f"sync-{fact.attempt}"
    failed = replace(state.scopes[fact.scope], failures=fact.failures, failed=version, story=story)
    scopes = {**state.scopes, fact.scope: failed}
    return replace(state, version=version, running=None if ours else running, scopes=scopes)


def _succeeded(state: ChassisState, fact: SyncSucceeded, version: int) -> ChassisState:
    began = state.running.version if state.running else version
    covered = (Scope.CONFIG, Scope.BOOT_ENV) if fact.scope is Scope.BOOT_ENV else (Scope.CONFIG,)
    scopes = dict(state.scopes)
    for scope in covered:
        # A change seen after the attempt began may have missed it: it is still to be synchronised.
        changed = state.scopes[scope].changed
        scopes[scope] = ScopeStatus(synchronized=True, changed=changed if changed > began else 0)
    return replace(state, version=version, running=_still_running(state, fact.attempt), scopes=scopes)


def _audit(state: ChassisState, _fact: AuditFact, version: int) -> ChassisState:
    """Of a stream without a chassis, only the version counts."""
    return replace(state, version=version)


def story_of(state: ChassisState, started: SyncStarted) -> str:
    """The correlation of an attempt: a retry continues the story of the failure that it retries."""
    earlier = state.scopes[started.scope].story
    return earlier if earlier and started.trigger is Trigger.RETRY else f"sync-{started.attempt}"


# A table, because asking each of four unions in turn costs more than the fold itself; made of the unions, so complete.
_FOLD_OF: dict[type, Callable[[ChassisState, Any, int], ChassisState]] = {
    **dict.fromkeys(get_args(ChassisFact), _chassis),
    **dict.fromkeys(get_args(SyncFact), _sync),
    **dict.fromkeys(get_args(SwitchoverFact), _switchover),
    **dict.fromkeys(get_args(AlarmFact), _alarm),
    **dict.fromkeys(get_args(AuditFact), _audit),
}
