"""How often, and for how long? Counts of synchronisations, switchovers, alarm raises and clears.

One state per chassis, of a size that does not grow with its history: what meters and dashboards count.
"""

from bisect import bisect_left
from enum import StrEnum
from typing import assert_never, cast, get_args

import msgspec
from msgspec.structs import replace

from events.causes import Cause, Scope
from events.envelope import Recorded
from events.facts import (
    AlarmCleared,
    AlarmPurged,
    AlarmRaised,
    Severity,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncSucceeded,
)
from projections.alarm_list import identity
from projections.sync_history import SyncResult, outcome_key

BOUNDS_MS = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 1_800_000)
"""Upper bounds (included) of the classes of durations, in milliseconds; a last class has what took longer."""

TalliedFact = (
    AlarmRaised
    | AlarmCleared
    | AlarmPurged
    | SyncSucceeded
    | SyncFailed
    | SwitchoverStarted
    | SwitchoverCompleted
    | SwitchoverFailed
    | SwitchoverRefused
)

HANDLED: frozenset[type] = frozenset(get_args(TalliedFact))
"""The facts that this fold reads; every other one leaves the state as it is."""


class Durations(msgspec.Struct, frozen=True, gc=False):
    """So many durations, their sum in milliseconds, and how many fell into each class of ``BOUNDS_MS``."""

    count: int = 0
    total_ms: int = 0
    classes: tuple[int, ...] = (0,) * (len(BOUNDS_MS) + 1)

    def plus(self, duration_ms: int) -> "Durations":
        """These and one more."""
        classes = list(self.classes)
        classes[bisect_left(BOUNDS_MS, duration_ms)] += 1
        return Durations(self.count + 1, self.total_ms + duration_ms, tuple(classes))


class SwitchoverResult(StrEnum):
    """How a switchover ended; a refused one never began."""

    COMPLETED = "completed"
    FAILED = "failed"
    REFUSED = "refused"


class AttemptTally(msgspec.Struct, frozen=True, gc=False):
    """What all ended attempts of one scope, result and cause come to; ``cause`` is none for successes."""

    scope: Scope
    result: SyncResult
    cause: Cause | None = None
    bytes_copied: int = 0
    durations: Durations = Durations()


class SwitchoverTally(msgspec.Struct, frozen=True, gc=False):
    """What all switchovers of one reason and result come to; refused ones took no time, so they have no durations."""

    reason: SwitchoverReason
    result: SwitchoverResult
    count: int = 0
    durations: Durations = Durations()


class Tallies(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The counts of one chassis.

    ``attempts`` is keyed by scope and cause, ``switchovers`` by reason and result, ``raises`` and ``clears`` by
    severity. ``standing`` has the severity of each alarm that stands, by identity; ``switching`` is the reason of the
    switchover that has no outcome yet.
    """

    attempts: dict[str, AttemptTally] = {}
    switchovers: dict[str, SwitchoverTally] = {}
    raises: dict[str, int] = {}
    clears: dict[str, int] = {}
    standing: dict[str, Severity] = {}
    switching: SwitchoverReason | None = None


EMPTY = Tallies()


def evolve(state: Tallies, recorded: Recorded) -> Tallies:
    """The counts after ``recorded``, which is the next fact of the chassis."""
    if type(recorded.fact) not in HANDLED:
        return state
    fact = cast("TalliedFact", recorded.fact)
    match fact:
        case AlarmRaised() | AlarmCleared() | AlarmPurged():
            return _alarm(state, fact)
        case SyncSucceeded():
            return _attempt(state, fact, None, fact.bytes_copied)
        case SyncFailed():
            return _attempt(state, fact, fact.cause, 0)
        case SwitchoverStarted():
            return replace(state, switching=fact.reason)
        case SwitchoverCompleted():
            return _switched(state, SwitchoverResult.COMPLETED, fact.duration_ms)
        case SwitchoverFailed():
            return _switched(state, SwitchoverResult.FAILED, fact.duration_ms)
        case SwitchoverRefused():
            return _counted(state, fact.reason, SwitchoverResult.REFUSED, None)
        case _:
            assert_never(fact)


def _alarm(state: Tallies, fact: AlarmRaised | AlarmCleared | AlarmPurged) -> Tallies:
    name = identity(fact.alarm)
    severity = state.standing.get(name)
    match fact:
        case AlarmRaised():
            standing = {**state.standing, name: fact.severity}
            # RFC 8632 reports another severity of an alarm that stands like a raise; it is no new alarm.
            raises = state.raises if severity else _one_more(state.raises, fact.severity)
            return replace(state, raises=raises, standing=standing)
        case AlarmCleared() | AlarmPurged():
            if severity is None:
                return state
            standing = {other: known for other, known in state.standing.items() if other != name}
            clears = _one_more(state.clears, severity) if isinstance(fact, AlarmCleared) else state.clears
            return replace(state, clears=clears, standing=standing)
        case _:
            assert_never(fact)


def _one_more(counts: dict[str, int], severity: Severity) -> dict[str, int]:
    key = severity.value
    return {**counts, key: counts.get(key, 0) + 1}


def _attempt(state: Tallies, ended: SyncSucceeded | SyncFailed, cause: Cause | None, copied: int) -> Tallies:
    key = outcome_key(ended.scope, cause)
    before = state.attempts.get(key)
    if before is None:
        before = AttemptTally(ended.scope, SyncResult.FAILED if cause else SyncResult.SUCCEEDED, cause)
    copied, durations = before.bytes_copied + copied, before.durations.plus(ended.duration_ms)
    tally = replace(before, bytes_copied=copied, durations=durations)
    return replace(state, attempts={**state.attempts, key: tally})


def _switched(state: Tallies, result: SwitchoverResult, duration_ms: int) -> Tallies:
    if state.switching is None:
        return state
    return replace(_counted(state, state.switching, result, duration_ms), switching=None)


def _counted(state: Tallies, reason: SwitchoverReason, result: SwitchoverResult, duration_ms: int | None) -> Tallies:
    key = f"{reason.value} {result.value}"
    before = state.switchovers.get(key) or SwitchoverTally(reason, result)
    durations = before.durations if duration_ms is None else before.durations.plus(duration_ms)
    tally = SwitchoverTally(reason, result, before.count + 1, durations)
    return replace(state, switchovers={**state.switchovers, key: tally})
