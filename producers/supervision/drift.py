"""Noticing that somebody else was at the standby's files: what was verified there is what has to stay there."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from events.causes import Scope
from events.commands import SeeChange
from events.facts import CardInserted, FileOutcome, Slot, SwitchoverCompleted, SyncSucceeded, Watch
from events.state import ChassisState, Health
from producers.cards.card import Card
from producers.failure import SyncError
from producers.probe import check_card, files_at
from producers.station import Station
from producers.supervision.watch import Snapshot, by_scope

_LEFT = {FileOutcome.COPIED, FileOutcome.UNCHANGED}
_REST_AFTER_LOOKING = 9
"""How many times as long as a look took until the next one: so it takes at most a tenth of the time."""


class _Baseline(NamedTuple):
    """The standby's files as the attempt with this number left them."""

    attempts: int
    standby: Slot
    files: Mapping[str, tuple[int, int, int] | None]
    config: frozenset[str]


class Drift:
    """Compares the standby's files with what was seen of them last, by size, time and inode.

    After an attempt, by whichever process, and at the beginning, that is the sizes that the record says were left.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._left = _Left(station)
        self._baseline: _Baseline | None = None
        self._not_before = 0.0

    def forget(self) -> None:
        """The next look begins with what the record says."""
        self._baseline = None
        self._not_before = 0.0

    def look(self, cards: Mapping[Slot, Card], active: Snapshot | None) -> list[SeeChange]:
        """What somebody else changed since the last look; ``active`` says which files count, none for those of then."""
        began, state = time.monotonic(), self._station.state()
        if not _is_in_step(state):
            self._baseline = None
            return []
        if began < self._not_before and active is not None:
            return []
        names, config = self._names(state, active)
        try:
            seen = files_at(cards[state.standby], names)
        except (SyncError, OSError):
            return []  # the look at the card itself tells what is the matter
        if check_card(cards[state.standby]).health is not Health.IN_SERVICE:
            return []  # it was pulled under the look: its files are not gone, it is
        self._not_before = time.monotonic() + _REST_AFTER_LOOKING * (time.monotonic() - began)
        found = self._compare(state, seen, config)
        now = self._station.state()
        # Somebody's attempt that began under the look is no drift.
        return found if now.running is None and now.attempts == state.attempts else []

    def _names(self, state: ChassisState, active: Snapshot | None) -> tuple[frozenset[str], frozenset[str]]:
        if active is None:
            known = self._baseline
            return (frozenset(known.files), known.config) if known else (frozenset(), frozenset())
        everything = frozenset(active.files)
        return (everything if state.scopes[Scope.BOOT_ENV].synchronized else active.config), active.config

    def _compare(
        self, state: ChassisState, seen: Mapping[str, tuple[int, int, int] | None], config: frozenset[str]
    ) -> list[SeeChange]:
        before, self._baseline = self._baseline, _Baseline(state.attempts, state.standby, seen, config)
        if before is not None and (before.attempts, before.standby) == (state.attempts, state.standby):
            changed = {name for name in before.files.keys() & seen.keys() if before.files[name] != seen[name]}
        else:
            left = self._left.sizes()
            changed = {name for name in left.keys() & seen.keys() if left[name] != _size(seen[name])}
        found = by_scope(sorted(changed), config).items()
        return [SeeChange(slot=state.standby, scope=scope, files=files, noticed=Watch.POLLED) for scope, files in found]


class _Left:
    """The sizes of the files that successes left on the present standby, as the record says."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._version = 0
        self._sizes: dict[str, int] = {}

    def sizes(self) -> dict[str, int]:
        """Router name -> bytes, with everything that is recorded by now."""
        station = self._station
        for recorded in station.record.read_chassis(station.chassis, after_version=self._version):
            self._version = recorded.version
            match recorded.fact:
                case SyncSucceeded():
                    gone = {file.name for file in recorded.fact.files if file.outcome not in _LEFT}
                    kept = {name: size for name, size in self._sizes.items() if name not in gone}
                    copied = {file.name: file.size for file in recorded.fact.files if file.outcome in _LEFT}
                    self._sizes = copied if recorded.fact.scope is Scope.BOOT_ENV else kept | copied
                case SwitchoverCompleted() | CardInserted():
                    self._sizes = {}
                case _:
                    pass
        return self._sizes


def _size(stat: tuple[int, int, int] | None) -> int | None:
    return None if stat is None else stat[0]


def _is_in_step(state: ChassisState) -> bool:
    serves = state.cards[state.standby].health is Health.IN_SERVICE
    busy = state.running is not None or state.switching is not None
    return serves and not busy and state.scopes[Scope.CONFIG].synchronized
