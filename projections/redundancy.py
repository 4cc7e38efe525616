"""Can the standby take over right now? If not, what exactly is in the way?

One state per chassis, folded from its stream. The labels of ``show redundancy synchronization`` and the YANG container
``/state/redundancy/synchronization`` (nokia-state-redundancy) are answered from it.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import get_args

import msgspec
from msgspec.structs import replace

from events.causes import Scope, SyncMode
from events.decisions import explain
from events.envelope import Recorded
from events.evolve import evolve as evolve_chassis
from events.facts import (
    AlarmFact,
    Blocker,
    CardFailed,
    CardRemoved,
    ChassisFact,
    Slot,
    StandbyLost,
    StandbyReady,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverCompleted,
    SwitchoverFact,
    SwitchoverStarted,
    SyncFact,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
    VersionsAgreed,
    VersionsDiffered,
)
from events.state import ChassisState, Health, blockers, blockers_now


class SyncStatus(StrEnum):
    """``sync-status`` of nokia-state-redundancy: one field for both scopes, the last result wins."""

    UNKNOWN = "unknown"
    CONFIG_ONLY = "config-only"
    BOOT_ENV = "boot-env"
    CONFIG_FAIL = "config-fail"
    BOOT_ENV_FAIL = "boot-env-fail"
    CONFIG_IN_PROGRESS = "config-in-progress"
    BOOT_ENV_IN_PROGRESS = "boot-env-in-progress"


class StandbyStatus(StrEnum):
    """What the standby is to the chassis."""

    READY = "ready"
    SYNCING = "syncing"
    DISABLED = "disabled"
    FAILED = "failed"
    NOT_EQUIPPED = "not-equipped"


_IN_PROGRESS = {Scope.CONFIG: SyncStatus.CONFIG_IN_PROGRESS, Scope.BOOT_ENV: SyncStatus.BOOT_ENV_IN_PROGRESS}
_FAILED = {Scope.CONFIG: SyncStatus.CONFIG_FAIL, Scope.BOOT_ENV: SyncStatus.BOOT_ENV_FAIL}


class Redundancy(msgspec.Struct, frozen=True, gc=False):
    """The redundancy of one chassis: its state as decisions see it, and the times and texts that people ask for."""

    chassis: ChassisState
    position: int = 0
    sync_status: SyncStatus = SyncStatus.UNKNOWN
    config_sync_at: datetime | None = None
    boot_env_sync_at: datetime | None = None
    standby_ready_since: datetime | None = None
    standby_failure_at: datetime | None = None
    standby_failure: str = ""
    standby_version: str = ""
    failover_at: datetime | None = None
    failover_reason: str = ""
    supervised_by: str = ""


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``show card``; ``redundancy`` follows TIMETRA-CHASSIS-MIB ``tmnxCpmCardRedundant``."""

    slot: Slot
    location: str
    health: Health
    role: str
    redundancy: str


class RedundancyView(msgspec.Struct, frozen=True, kw_only=True):
    """The answer as it is shown and exported; times in UTC, none where it never happened.

    ``supervised_by`` names the process that said it watches and has not said that it stopped; it may have died.
    """

    chassis: str
    position: int
    active: Slot
    standby: Slot
    standby_status: StandbyStatus
    ready: bool
    in_the_way: tuple[Blocker, ...]
    explanation: str
    unsynchronized: tuple[Scope, ...]
    sync_mode: SyncMode
    sync_status: SyncStatus
    running_attempt: int | None
    config_sync_at: datetime | None
    boot_env_sync_at: datetime | None
    standby_ready_since: datetime | None
    standby_failure_at: datetime | None
    standby_failure: str
    standby_version: str
    failover_at: datetime | None
    failover_reason: str
    switchover_exec: str
    supervised_by: str
    cards: tuple[CardView, ...]


EMPTY = Redundancy(ChassisState(""))

HANDLED: frozenset[type] = frozenset(get_args(ChassisFact | SyncFact | SwitchoverFact | AlarmFact))
"""The facts of a chassis, which are all but those of the audit."""


def evolve(state: Redundancy, recorded: Recorded) -> Redundancy:
    """The state after ``recorded``, which is the next fact of the chassis."""
    return evolve_all(state, (recorded,))


def evolve_all(state: Redundancy, facts: Iterable[Recorded]) -> Redundancy:
    """The state after ``facts``, which are the next ones of the chassis: faster than after one at a time."""
    chassis, position = state.chassis, state.position
    for recorded in facts:
        fact = recorded.fact
        kind = type(fact)
        if kind not in HANDLED:
            continue
        if not chassis.version:
            chassis = ChassisState(recorded.chassis)
        if kind in _TIMED:
            state = _times(state, recorded, chassis.standby)
        chassis, position = evolve_chassis(chassis, fact), recorded.position
    # Here and not for each fact, because a copy of the state costs as much as half a fold.
    return state if chassis is state.chassis else replace(state, chassis=chassis, position=position)


def _times(state: Redundancy, recorded: Recorded, standby: Slot) -> Redundancy:
    """The times and texts after a fact that finds ``standby`` in the other slot than the active card's."""
    fact, when = recorded.fact, recorded.occurred_at
    match fact:
        case SyncStarted():
            return replace(state, sync_status=_IN_PROGRESS[fact.scope])
        case SyncFailed():
            return replace(state, sync_status=_FAILED[fact.scope])
        case SyncSucceeded(scope=Scope.CONFIG):
            return replace(state, sync_status=SyncStatus.CONFIG_ONLY, config_sync_at=when)
        case SyncSucceeded():
            return replace(state, sync_status=SyncStatus.BOOT_ENV, config_sync_at=when, boot_env_sync_at=when)
        case StandbyReady():
            return replace(state, standby_ready_since=when)
        case StandbyLost():
            lost = replace(state, standby_ready_since=None, standby_version="")
            return replace(lost, standby_failure_at=when, standby_failure=fact.detail)
        case CardRemoved() | CardFailed() if fact.slot is standby:
            return replace(state, standby_failure_at=when, standby_failure=fact.detail)
        case VersionsDiffered():
            return replace(state, standby_version=fact.standby_version)
        case VersionsAgreed():
            return replace(state, standby_version=fact.version)
        case SwitchoverStarted():
            return replace(state, failover_reason=fact.reason)
        case SwitchoverCompleted():
            return replace(state, failover_at=when, sync_status=SyncStatus.UNKNOWN)
        case SupervisionStarted():
            return replace(state, supervised_by=f"process {fact.process} on {fact.host}")
        case SupervisionStopped():
            return replace(state, supervised_by="")
        case _:
            return state


# Every other fact leaves the times and texts as they are; asked first, because most facts would try all cases above.
_TIMED: frozenset[type] = frozenset(
    {
        SyncStarted,
        SyncFailed,
        SyncSucceeded,
        StandbyReady,
        StandbyLost,
        CardRemoved,
        CardFailed,
        VersionsDiffered,
        VersionsAgreed,
        SwitchoverStarted,
        SwitchoverCompleted,
        SupervisionStarted,
        SupervisionStopped,
    }
)


def view(state: Redundancy) -> RedundancyView:
    """The answer to this module's question."""
    chassis = state.chassis
    now = blockers_now(chassis)
    return RedundancyView(
        chassis=chassis.chassis,
        position=state.position,
        active=chassis.active,
        standby=chassis.standby,
        standby_status=_standby_status(chassis),
        ready=not now,
        in_the_way=now,
        explanation=explain(now),
        unsynchronized=tuple(scope for scope, status in chassis.scopes.items() if status.changed or status.failures),
        sync_mode=chassis.mode,
        sync_status=state.sync_status,
        running_attempt=chassis.running.attempt if chassis.running else None,
        config_sync_at=state.config_sync_at,
        boot_env_sync_at=state.boot_env_sync_at,
        standby_ready_since=state.standby_ready_since,
        standby_failure_at=state.standby_failure_at,
        standby_failure=state.standby_failure,
        standby_version=state.standby_version,
        failover_at=state.failover_at,
        failover_reason=state.failover_reason,
        switchover_exec=chassis.exec_path,
        supervised_by=state.supervised_by,
        cards=tuple(_card(chassis, slot) for slot in Slot),
    )


def _standby_status(chassis: ChassisState) -> StandbyStatus:
    health = chassis.cards[chassis.standby].health
    if health is Health.ABSENT:
        return StandbyStatus.NOT_EQUIPPED
    if health is Health.FAILED:
        return StandbyStatus.FAILED
    if not blockers(chassis):
        return StandbyStatus.READY
    return StandbyStatus.SYNCING if chassis.running else StandbyStatus.DISABLED


def _card(chassis: ChassisState, slot: Slot) -> CardView:
    location = chassis.location(slot).location if chassis.locations else ""
    role = "active" if slot is chassis.active else "standby"
    return CardView(
        slot=slot,
        location=location,
        health=chassis.cards[slot].health,
        role=role,
        redundancy=_redundancy(chassis, slot),
    )


def _redundancy(chassis: ChassisState, slot: Slot) -> str:
    if slot is chassis.active:
        alone = chassis.cards[chassis.standby].health is not Health.IN_SERVICE
        return "singleton" if alone else "redundantActive"
    match _standby_status(chassis):
        case StandbyStatus.READY:
            return "redundantStandby"
        case StandbyStatus.SYNCING:
            return "redundantSyncing"
        case _:
            return "redundantDisabled"
