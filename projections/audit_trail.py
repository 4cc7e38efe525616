"""Who read, verified, exported and archived the record, and which holds stand?"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from events.envelope import Recorded
from events.facts import AuditFact, HoldPlaced, HoldReleased
from projections.event_log import entry


class TrailEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One act of the audit: ``kind`` is the stored name of its fact, ``fact`` its body; the time is in UTC."""

    position: int
    recorded_at: datetime
    operator: str
    kind: str
    message: str
    fact: AuditFact


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold that stands, since when and by whom; while one does, nothing is archived."""

    name: str
    reason: str
    operator: str
    position: int
    placed_at: datetime


def trail(recorded: Iterable[Recorded], operator: str | None = None) -> list[TrailEntry]:
    """What the facts of the audit stream say, oldest first; of one operator, or of all."""
    return [
        TrailEntry(
            position=one.position,
            recorded_at=one.recorded_at,
            operator=one.fact.operator,
            kind=one.fact.TYPE,
            message=entry(one).message,
            fact=one.fact,
        )
        for one in recorded
        if isinstance(one.fact, AuditFact) and operator in {None, one.fact.operator}
    ]


def holds(recorded: Iterable[Recorded]) -> list[Hold]:
    """The holds that stand after the facts of the audit stream, oldest first."""
    standing: dict[str, Hold] = {}
    for one in recorded:
        fact = one.fact
        if isinstance(fact, HoldPlaced):
            standing[fact.name] = Hold(
                name=fact.name,
                reason=fact.reason,
                operator=fact.operator,
                position=one.position,
                placed_at=one.recorded_at,
            )
        elif isinstance(fact, HoldReleased):
            standing.pop(fact.name, None)
    return list(standing.values())
