"""Which synchronisations were tried, when, why, and with what outcome for each file?

One state per chassis. It keeps the newest attempts one by one and totals of all of them.
"""

from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import assert_never, cast, get_args

import msgspec
from msgspec.structs import replace

from events.causes import Cause, Scope, Stage
from events.envelope import Recorded
from events.facts import FileResult, Slot, SyncFailed, SyncStarted, SyncSucceeded, Trigger

MAX_ATTEMPTS = 1000
"""Attempts that a history shows one by one, the newest ones; the totals and the record have all."""

_CHUNK = 40
"""Attempts per tuple: an outcome copies one short tuple, not the whole history."""

AttemptFact = SyncStarted | SyncSucceeded | SyncFailed

HANDLED: frozenset[type] = frozenset(get_args(AttemptFact))
"""The facts that this fold reads; every other one leaves the state as it is."""


class SyncResult(StrEnum):
    """How an attempt stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt. Times are those of ``occurred_at``, positions those of its first and its last fact.

    What is known only at its end is none while it runs; ``stage``, ``cause``, ``detail`` and ``failures`` (failures
    of the scope in a row) are none unless it failed. ``correlation`` names its story: retries share one.
    """

    attempt: int
    scope: Scope
    trigger: Trigger
    operator: str | None
    source: Slot
    standby: Slot
    correlation: str
    result: SyncResult
    started_at: datetime
    started_position: int
    ended_at: datetime | None = None
    ended_position: int | None = None
    duration_ms: int | None = None
    stage: Stage | None = None
    cause: Cause | None = None
    detail: str | None = None
    failures: int | None = None
    bytes_copied: int = 0
    files: tuple[FileResult, ...] = ()


class SyncTotal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all ended attempts of one scope, result and cause come to; ``cause`` is none for successes."""

    scope: Scope
    result: SyncResult
    cause: Cause | None
    attempts: int
    bytes_copied: int
    duration_ms: int


class SyncHistory(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The attempts of one chassis: ``older`` and ``newest`` ended ones, oldest first, and those that run.

    ``totals`` is keyed by scope and cause; ``last_success`` by scope, and a success counts for the scope that was
    tried, as the two times of ``show redundancy synchronization`` do.
    """

    chassis: str = ""
    older: tuple[tuple[Attempt, ...], ...] = ()
    newest: tuple[Attempt, ...] = ()
    running: tuple[Attempt, ...] = ()
    totals: dict[str, SyncTotal] = {}
    last_success: dict[str, Attempt] = {}


class SyncHistoryListing(msgspec.Struct, frozen=True, kw_only=True):
    """One chassis' history in one document: attempts newest first, totals in a fixed order."""

    chassis: str
    last_config_success: Attempt | None
    last_boot_env_success: Attempt | None
    totals: tuple[SyncTotal, ...]
    attempts: tuple[Attempt, ...]


EMPTY = SyncHistory()


def evolve(state: SyncHistory, recorded: Recorded) -> SyncHistory:
    """The history after ``recorded``, which is the next fact of the chassis.

    An outcome without its start changes nothing: decisions never record one.
    """
    if type(recorded.fact) not in HANDLED:
        return state
    fact = cast("AttemptFact", recorded.fact)
    match fact:
        case SyncStarted():
            return replace(state, chassis=recorded.chassis, running=(*state.running, _begun(recorded, fact)))
        case SyncSucceeded() | SyncFailed():
            for running in state.running:
                if running.attempt == fact.attempt:
                    return _with_end(state, running, _ended(running, recorded, fact))
            return state
        case _:
            assert_never(fact)


def attempts(state: SyncHistory) -> tuple[Attempt, ...]:
    """The newest attempts, at most ``MAX_ATTEMPTS``, the last started one first."""
    everything = [*(attempt for chunk in state.older for attempt in chunk), *state.newest, *state.running]
    everything.sort(key=lambda attempt: attempt.attempt, reverse=True)
    return tuple(everything[:MAX_ATTEMPTS])


def totals(state: SyncHistory) -> tuple[SyncTotal, ...]:
    """Totals of all attempts that ever ended, by scope, result and cause."""
    return tuple(state.totals[key] for key in sorted(state.totals))


def last_success(state: SyncHistory, scope: Scope) -> Attempt | None:
    """The newest success of an attempt at ``scope``; one of boot-env is not shown as one of config."""
    return state.last_success.get(scope.value)


def listing(state: SyncHistory) -> SyncHistoryListing:
    """All views together."""
    return SyncHistoryListing(
        chassis=state.chassis,
        last_config_success=last_success(state, Scope.CONFIG),
        last_boot_env_success=last_success(state, Scope.BOOT_ENV),
        totals=totals(state),
        attempts=attempts(state),
    )


def _begun(recorded: Recorded, fact: SyncStarted) -> Attempt:
    return Attempt(
        attempt=fact.attempt,
        scope=fact.scope,
        trigger=fact.trigger,
        operator=fact.operator,
        source=fact.source,
        standby=fact.standby,
        correlation=recorded.correlation,
        result=SyncResult.RUNNING,
        started_at=recorded.occurred_at,
        started_position=recorded.position,
    )


def _ended(running: Attempt, recorded: Recorded, fact: SyncSucceeded | SyncFailed) -> Attempt:
    ended_at, position = recorded.occurred_at, recorded.position
    match fact:
        case SyncSucceeded():
            return replace(
                running,
                result=SyncResult.SUCCEEDED,
                ended_at=ended_at,
                ended_position=position,
                duration_ms=fact.duration_ms,
                bytes_copied=fact.bytes_copied,
                files=fact.files,
            )
        case SyncFailed():
            return replace(
                running,
                result=SyncResult.FAILED,
                ended_at=ended_at,
                ended_position=position,
                duration_ms=fact.duration_ms,
                stage=fact.stage,
                cause=fact.cause,
                detail=fact.detail,
                failures=fact.failures,
                files=fact.files,
            )
        case _:
            assert_never(fact)


def _with_end(state: SyncHistory, running: Attempt, ended: Attempt) -> SyncHistory:
    older, newest = state.older, (*state.newest, ended)
    if len(newest) >= _CHUNK:
        older, newest = (*older[-(MAX_ATTEMPTS // _CHUNK) + 1 :], newest), ()
    successes = state.last_success
    if ended.result is SyncResult.SUCCEEDED:
        successes = {**successes, ended.scope.value: ended}
    return replace(
        state,
        older=older,
        newest=newest,
        running=tuple([attempt for attempt in state.running if attempt is not running]),
        totals=_with_total(state.totals, ended),
        last_success=successes,
    )


def _with_total(known: dict[str, SyncTotal], ended: Attempt) -> dict[str, SyncTotal]:
    key, duration_ms = outcome_key(ended.scope, ended.cause), ended.duration_ms or 0
    before = known.get(key)
    if before is None:
        total = SyncTotal(
            scope=ended.scope,
            result=ended.result,
            cause=ended.cause,
            attempts=1,
            bytes_copied=ended.bytes_copied,
            duration_ms=duration_ms,
        )
    else:
        total = replace(
            before,
            attempts=before.attempts + 1,
            bytes_copied=before.bytes_copied + ended.bytes_copied,
            duration_ms=before.duration_ms + duration_ms,
        )
    return {**known, key: total}


@cache
def outcome_key(scope: Scope, cause: Cause | None) -> str:
    """What counts of an outcome are keyed by, with no cause for a success; kept, as every outcome asks for it."""
    return f"{scope.value} {cause.value if cause else ''}"
