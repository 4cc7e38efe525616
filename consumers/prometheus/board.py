"""What the projections say of every chassis now, and of which chassis that has changed since somebody last asked."""

from datetime import datetime
from threading import Lock

from consumers.prometheus.samples import Standing
from events.envelope import Recorded
from events.errors import UnderstudyError
from projections import redundancy, tallies
from projections.replaying import Fleet, alarm_lists

PROJECTIONS = ("alarm-list", "redundancy", "tallies")
"""The projections that the board folds; each fact is folded into all of them at once."""


class OtherHistoryError(UnderstudyError):
    """The record has lost what was folded, or has something else in its place."""


class Board:
    """Folds the facts of the record, shown in order from position 1, and may be asked from any thread meanwhile."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._redundancy = Fleet(redundancy.EMPTY, redundancy.evolve)
            self._alarms = alarm_lists()
            self._tallies = Fleet(tallies.EMPTY, tallies.evolve, tallies.HANDLED)
            self._changed: dict[str, None] = {}
            self.newest: Recorded | None = None
            """The fact that was folded in last."""

    @property
    def position(self) -> int:
        """Of the newest fact that was folded in; 0 for none."""
        newest = self.newest
        return 0 if newest is None else newest.position

    @property
    def last_recorded_at(self) -> datetime | None:
        """When the newest fact was recorded that was folded in."""
        newest = self.newest
        return None if newest is None else newest.recorded_at

    def apply(self, recorded: Recorded) -> None:
        """Folds in the next fact of the record."""
        with self._lock:
            self._redundancy.apply(recorded)
            self._alarms.apply(recorded)
            self._tallies.apply(recorded)
            if recorded.chassis in self._redundancy.states:
                self._changed[recorded.chassis] = None
            self.newest = recorded

    def take_changed(self) -> dict[str, Standing]:
        """The chassis of which a fact was folded in since the last call, in the order of their first such fact."""
        with self._lock:
            changed, self._changed = self._changed, {}
            return {chassis: self._standing(chassis) for chassis in changed}

    def standings(self) -> dict[str, Standing]:
        """All chassis, in the order of their first fact."""
        with self._lock:
            return {chassis: self._standing(chassis) for chassis in self._redundancy.states}

    def _standing(self, chassis: str) -> Standing:
        return Standing(self._redundancy.of(chassis), self._alarms.of(chassis), self._tallies.of(chassis))


def check_same(folded: Recorded, found: object) -> None:
    """Makes sure that the record has, at the position of a fact that was folded in, that fact.

    Raises:
        OtherHistoryError: it has none, or another one: it was restored, or a stand-by that lagged took over.
    """
    if found != folded:
        raise OtherHistoryError(f"position {folded.position} has not what was read there")
