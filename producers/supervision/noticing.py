"""What is saved or deleted on the active card: noticed while it happens, or found when we come back to the card."""

import threading
import time
from collections.abc import Callable, Mapping

from events.causes import Scope
from events.commands import SeeChange
from events.facts import Slot, Watch
from events.state import ChassisState, Health
from producers.cards.card import Card
from producers.cards.location import LocalLocation, parse_location
from producers.failure import SyncError
from producers.supervision.watch import FolderWatch, Snapshot, changes, out_of_step_by_scope, take_snapshot

_WATCH_AGAIN_SECONDS = 5.0
"""How long a watch that does not hold is left alone before it is set up anew."""


class Noticing:
    """Notices the changes of the card that is active, as long as it serves; ``wake`` is called when there may be some.

    ``settling`` is how long, in seconds, files must hold still before a change of them counts: who saves or removes
    several is not to be caught half-way.
    """

    def __init__(self, wake: Callable[[], None], *, settling: float) -> None:
        self._wake = wake
        self._settling = settling
        self._told = threading.Event()
        self._slot: Slot | None = None
        self._watch: FolderWatch | None = None
        self._watch_again = 0.0
        self._known: Snapshot | None = None
        self._compared = False
        self._unsettled: tuple[Snapshot, float] | None = None

    def look(self, cards: Mapping[Slot, Card], state: ChassisState) -> list[SeeChange]:
        """The changes since the last look, by scope; in the first look at a card, those made while nobody watched."""
        if self._slot is not state.active:
            self.forget()
        self._slot = state.active
        self._keep_watching(state)
        seen = take_snapshot(cards[state.active], self._known)
        if seen is None:
            return []
        if self._known is None:
            self._known = seen
        return self._made_while_away(cards, state, seen) + self._since_last_look(seen)

    @property
    def known(self) -> Snapshot | None:
        """The files of the active card as of the last look."""
        return self._known

    def forget(self) -> None:
        """Lets go of the card; the next look begins anew."""
        if self._watch is not None:
            self._watch.close()
        self._slot = self._watch = self._known = self._unsettled = None
        self._compared = False
        self._watch_again = 0.0
        self._told.clear()

    def _keep_watching(self, state: ChassisState) -> None:
        now = time.monotonic()
        if now < self._watch_again or (self._watch is not None and self._watch.holds()):
            return
        location = parse_location(state.location(state.active).location)
        if not isinstance(location, LocalLocation):
            return
        if self._watch is not None:
            self._watch.close()
        self._watch = FolderWatch(location.folder, self._hear, settling=self._settling).start()
        self._watch_again = now + _WATCH_AGAIN_SECONDS

    def _hear(self) -> None:
        self._told.set()
        self._wake()

    def _since_last_look(self, seen: Snapshot) -> list[SeeChange]:
        before = self._known or seen
        if seen == before:
            self._unsettled = None
            self._told.clear()
            return []
        if not self._has_settled(seen):
            return []
        noticed = Watch.NOTIFIED if self._told.is_set() else Watch.POLLED
        self._told.clear()
        self._known, self._unsettled = seen, None
        return [SeeChange(scope=scope, files=files, noticed=noticed) for scope, files in changes(before, seen).items()]

    def _has_settled(self, seen: Snapshot) -> bool:
        if self._told.is_set():
            return True  # the kernel has told of nothing for that time
        now = time.monotonic()
        if self._unsettled is None or self._unsettled[0] != seen:
            self._unsettled = seen, now
        return now - self._unsettled[1] >= self._settling

    def _made_while_away(self, cards: Mapping[Slot, Card], state: ChassisState, seen: Snapshot) -> list[SeeChange]:
        """What changed while nobody watched: only the cards themselves can tell, once there is something to compare."""
        if self._compared or state.running is not None:
            return []
        if not any(status.synchronized for status in state.scopes.values()):
            self._compared = True
            return []
        if state.cards[state.standby].health is not Health.IN_SERVICE:
            return []
        try:
            found = _differing(cards[state.active], cards[state.standby], seen)
        except (SyncError, OSError):
            return []  # a card could not be read just now: it is looked at again, and then this too
        self._compared = True
        news = {scope: files for scope, files in found.items() if not state.scopes[scope].changed}
        return [SeeChange(scope=scope, files=files, noticed=Watch.START_UP) for scope, files in news.items()]


def _differing(active: Card, standby: Card, seen: Snapshot) -> dict[Scope, tuple[str, ...]]:
    if seen.trouble is not None:
        return {seen.trouble.scope: (seen.trouble.file,)}
    return out_of_step_by_scope(active, standby)
