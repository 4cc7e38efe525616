"""What did each fold say of each chassis, now or at an earlier position or time?

The edge of the folds: a ``Fleet`` keeps one state per chassis and may change, the states that it keeps never do.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from events.envelope import Recorded
from projections import alarm_list, sync_history

S = TypeVar("S")


class Reached(msgspec.Struct, frozen=True):
    """How far a replay came: facts folded, position and ``recorded_at`` of the last one (0 and none if none)."""

    facts: int = 0
    position: int = 0
    recorded_at: datetime | None = None


class Fleet(Generic[S]):
    """One state of a fold for every chassis of which it has read a fact.

    ``handles`` are the facts that the fold reads, none meaning all of them: a replay does not show it the others.
    """

    def __init__(self, initial: S, evolve: Callable[[S, Recorded], S], handles: frozenset[type] | None = None) -> None:
        self.initial = initial
        self.handles = handles
        self.states: dict[str, S] = {}
        self._evolve = evolve

    def apply(self, recorded: Recorded) -> None:
        """Folds in the next fact of its chassis."""
        before = self.states.get(recorded.chassis, self.initial)
        after = self._evolve(before, recorded)
        if after is not before:
            self.states[recorded.chassis] = after

    def of(self, chassis: str) -> S:
        """The state of a chassis; the initial one if the fold has read nothing of it."""
        return self.states.get(chassis, self.initial)


def alarm_lists() -> Fleet[alarm_list.AlarmList]:
    """An empty fleet of alarm lists."""
    return Fleet(alarm_list.EMPTY, alarm_list.evolve, alarm_list.HANDLED)


def sync_histories() -> Fleet[sync_history.SyncHistory]:
    """An empty fleet of synchronisation histories."""
    return Fleet(sync_history.EMPTY, sync_history.evolve, sync_history.HANDLED)


def replay(
    recorded: Iterable[Recorded],
    fleets: Sequence[Fleet[Any]],
    *,
    position: int | None = None,
    at: datetime | None = None,
) -> Reached:
    """Folds the record into ``fleets``, up to ``position`` (included) and to what was recorded by ``at`` (included).

    A state is always that of a whole prefix of the record: where this host's clock was set back, the replay ends
    before the first fact that was recorded after ``at``, and facts behind it do not count.

    Raises:
        ValueError: ``at`` has no time zone.
    """
    if at is not None and at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    routes: dict[type, tuple[Callable[[Recorded], None], ...]] = {}
    facts, last = 0, None
    for one in recorded:
        if (position is not None and one.position > position) or (at is not None and one.recorded_at > at):
            break
        kind = type(one.fact)
        if kind not in routes:
            routes[kind] = tuple(fleet.apply for fleet in fleets if fleet.handles is None or kind in fleet.handles)
        for apply in routes[kind]:
            apply(one)
        facts, last = facts + 1, one
    return Reached() if last is None else Reached(facts, last.position, last.recorded_at)
