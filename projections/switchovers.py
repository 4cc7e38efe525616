"""Which switchovers were there, refused and failed ones included, and how did each end?"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from events.envelope import Recorded
from events.facts import (
    Blocker,
    Slot,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverFailure,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
)

Decided = SwitchoverStarted | SwitchoverRefused


class SwitchoverResult(StrEnum):
    """How a switchover stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    REFUSED = "refused"


class SwitchoverRow(msgspec.Struct, frozen=True, kw_only=True):
    """One switchover of a chassis; ``name`` is its number, or that of the refusal's story (``refusal-57``)."""

    name: str
    result: SwitchoverResult
    position: int
    decided_at: datetime
    reason: SwitchoverReason
    from_slot: Slot
    to_slot: Slot
    operator: str | None
    duration_ms: int | None
    failure: SwitchoverFailure | None
    blockers: tuple[Blocker, ...]
    overridden: tuple[Blocker, ...]


def switchovers(facts: Iterable[Recorded]) -> list[SwitchoverRow]:
    """All switchovers among the facts of a chassis, refused ones included, oldest first."""
    rows: list[SwitchoverRow] = []
    running: dict[int, int] = {}
    for one in facts:
        fact = one.fact
        if isinstance(fact, Decided):
            if isinstance(fact, SwitchoverStarted):
                running[fact.switchover] = len(rows)
            rows.append(_row(one, fact))
        elif isinstance(fact, SwitchoverCompleted | SwitchoverFailed) and fact.switchover in running:
            number = running.pop(fact.switchover)
            rows[number] = _with_outcome(rows[number], fact)
    return rows


def _row(one: Recorded, fact: Decided) -> SwitchoverRow:
    refused = fact if isinstance(fact, SwitchoverRefused) else None
    started = fact if isinstance(fact, SwitchoverStarted) else None
    overridden = started.overridden if started else ()
    return SwitchoverRow(
        name=str(started.switchover) if started else one.correlation,
        result=SwitchoverResult.REFUSED if refused else SwitchoverResult.RUNNING,
        position=one.position,
        decided_at=one.occurred_at.astimezone(UTC),
        reason=fact.reason,
        from_slot=fact.to_slot.other,
        to_slot=fact.to_slot,
        operator=fact.operator,
        duration_ms=None,
        failure=None,
        blockers=refused.blockers if refused else overridden,
        overridden=overridden,
    )


def _with_outcome(row: SwitchoverRow, fact: SwitchoverCompleted | SwitchoverFailed) -> SwitchoverRow:
    failure = fact.failure if isinstance(fact, SwitchoverFailed) else None
    result = SwitchoverResult.FAILED if failure else SwitchoverResult.COMPLETED
    return msgspec.structs.replace(row, result=result, duration_ms=fact.duration_ms, failure=failure)
