"""Which synchronisations and switchovers were tried in a period, and how did they end?"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from events.causes import Cause, Scope, Stage
from events.envelope import Recorded
from events.facts import (
    Slot,
    SwitchoverCompleted,
    SwitchoverFact,
    SwitchoverFailed,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
    Trigger,
)
from projections.event_log import printable
from projections.period_lanes import Bar, Lane, LaneKind, Span, draw, sentence
from projections.sync_history import SyncResult


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt; what is known only at its end is none while it runs, cause and stage unless it failed."""

    attempt: int
    scope: Scope
    trigger: Trigger
    operator: str
    source: Slot
    standby: Slot
    result: SyncResult
    started_at: datetime
    started_position: int
    ended_at: datetime | None = None
    ended_position: int | None = None
    duration_ms: int | None = None
    bytes_copied: int | None = None
    stage: Stage | None = None
    cause: Cause | None = None
    detail: str = ""


class SwitchoverResult(StrEnum):
    """How a switchover stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    REFUSED = "refused"


class SwitchoverRow(msgspec.Struct, frozen=True, kw_only=True):
    """One switchover; a refused one has no number, and ended when it was asked for.

    ``detail`` says why it failed or was refused, or what was set aside for it; ``out_of_step`` names the files that
    differed.
    """

    switchover: int | None
    to_slot: Slot
    reason: SwitchoverReason
    operator: str
    result: SwitchoverResult
    started_at: datetime
    started_position: int
    ended_at: datetime | None = None
    ended_position: int | None = None
    duration_ms: int | None = None
    detail: str = ""
    out_of_step: tuple[str, ...] = ()


class Attempts:
    """The lanes of the attempts, one for each scope, and the attempts one by one."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._running: dict[int, tuple[Recorded, AttemptRow]] = {}
        self._rows: list[AttemptRow] = []
        self._bars: dict[Scope, list[Bar]] = {scope: [] for scope in Scope}

    def apply(self, recorded: Recorded) -> None:
        """Folds in the next fact; an outcome whose start is not known is drawn as a moment."""
        match recorded.fact:
            case SyncStarted() as fact:
                self._running[fact.attempt] = recorded, _begun(recorded, fact)
            case SyncSucceeded() as fact:
                result = {"result": SyncResult.SUCCEEDED, "bytes_copied": fact.bytes_copied}
                self._end(recorded, fact, result)
            case SyncFailed() as fact:
                detail = printable(fact.detail)
                result = {"result": SyncResult.FAILED, "stage": fact.stage, "cause": fact.cause, "detail": detail}
                self._end(recorded, fact, result)
            case _:
                return

    def _end(self, recorded: Recorded, fact: SyncSucceeded | SyncFailed, outcome: Mapping[str, object]) -> None:
        begun = self._running.pop(fact.attempt, None)
        if begun is None or recorded.occurred_at < self._span.begin:
            return
        started, row = begun
        at, position = recorded.occurred_at, recorded.position
        ended = replace(row, ended_at=at, ended_position=position, duration_ms=fact.duration_ms, **outcome)
        self._rows.append(ended)
        self._bars[row.scope] += draw(
            self._span, ended.result, started, at, text=sentence(recorded), note=ended.cause or ""
        )

    def rows(self) -> tuple[AttemptRow, ...]:
        """The attempts of the period, in the order in which they began."""
        rows = [*self._rows, *(row for _, row in self._running.values())]
        return tuple(sorted(rows, key=lambda row: (row.started_at, row.started_position)))

    def lanes(self) -> tuple[Lane, ...]:
        """A lane for each scope."""
        bars = {scope: list(found) for scope, found in self._bars.items()}
        for started, row in self._running.values():
            bars[row.scope] += draw(self._span, SyncResult.RUNNING, started, None)
        return tuple(
            Lane(kind=LaneKind.ATTEMPTS, name="Attempts", detail=scope, bars=tuple(sorted(found, key=_when)))
            for scope, found in bars.items()
        )


class Switchovers:
    """The lane of the switchovers, and the switchovers one by one."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._running: tuple[Recorded, SwitchoverRow] | None = None
        self._rows: list[SwitchoverRow] = []
        self._bars: list[Bar] = []

    def apply(self, recorded: Recorded) -> None:
        """Folds in the next fact."""
        fact = recorded.fact
        if not isinstance(fact, SwitchoverFact):
            return
        match fact:
            case SwitchoverStarted():
                self._running = recorded, _taken_over(recorded, fact)
            case SwitchoverCompleted():
                self._end(recorded, SwitchoverResult.COMPLETED, fact.duration_ms, "")
            case SwitchoverFailed():
                detail = printable(f"{fact.failure}: {fact.detail}")
                self._end(recorded, SwitchoverResult.FAILED, fact.duration_ms, detail)
            case SwitchoverRefused():
                if self._span.has(recorded.occurred_at):
                    self._rows.append(_refused(recorded, fact))
                    at, note = recorded.occurred_at, f"to {fact.to_slot}"
                    self._bars += draw(self._span, SwitchoverResult.REFUSED, recorded, at, note=note)
            case _:
                assert_never(fact)

    def _end(self, recorded: Recorded, result: SwitchoverResult, duration_ms: int, detail: str) -> None:
        begun, self._running = self._running, None
        if begun is None or recorded.occurred_at < self._span.begin:
            return
        started, row = begun
        at, position = recorded.occurred_at, recorded.position
        detail = "; ".join(part for part in (detail, row.detail) if part)
        ended = replace(
            row, result=result, ended_at=at, ended_position=position, duration_ms=duration_ms, detail=detail
        )
        self._rows.append(ended)
        text = f"{sentence(started)} {sentence(recorded)}"
        self._bars += draw(self._span, result, started, at, text=text, note=f"to {row.to_slot}")

    def rows(self) -> tuple[SwitchoverRow, ...]:
        """The switchovers of the period, in the order in which they began."""
        rows = self._rows if self._running is None else [*self._rows, self._running[1]]
        return tuple(sorted(rows, key=lambda row: (row.started_at, row.started_position)))

    def lane(self) -> Lane:
        """The lane."""
        bars = list(self._bars)
        if self._running is not None:
            bars += draw(self._span, SwitchoverResult.RUNNING, self._running[0], None)
        return Lane(kind=LaneKind.SWITCHOVERS, name="Switchovers", bars=tuple(sorted(bars, key=_when)))


def _when(bar: Bar) -> tuple[datetime, int]:
    return bar.begin, bar.position


def _begun(recorded: Recorded, fact: SyncStarted) -> AttemptRow:
    return AttemptRow(
        attempt=fact.attempt,
        scope=fact.scope,
        trigger=fact.trigger,
        operator=printable(fact.operator or ""),
        source=fact.source,
        standby=fact.standby,
        result=SyncResult.RUNNING,
        started_at=recorded.occurred_at,
        started_position=recorded.position,
    )


def _taken_over(recorded: Recorded, fact: SwitchoverStarted) -> SwitchoverRow:
    return SwitchoverRow(
        switchover=fact.switchover,
        to_slot=fact.to_slot,
        reason=fact.reason,
        operator=printable(fact.operator or ""),
        result=SwitchoverResult.RUNNING,
        started_at=recorded.occurred_at,
        started_position=recorded.position,
        detail=f"set aside: {', '.join(fact.overridden)}" if fact.overridden else "",
        out_of_step=tuple(printable(name) for name in fact.out_of_step),
    )


def _refused(recorded: Recorded, fact: SwitchoverRefused) -> SwitchoverRow:
    return SwitchoverRow(
        switchover=None,
        to_slot=fact.to_slot,
        reason=fact.reason,
        operator=printable(fact.operator or ""),
        result=SwitchoverResult.REFUSED,
        started_at=recorded.occurred_at,
        started_position=recorded.position,
        ended_at=recorded.occurred_at,
        ended_position=recorded.position,
        detail=f"in the way: {', '.join(fact.blockers)}",
    )
