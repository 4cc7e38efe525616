"""Outages as those who follow the record tell of them: once for all of them, when it is lost and when it is back."""

import logging
from threading import Lock
from time import monotonic

from events.errors import RecordAwayError

_log = logging.getLogger(__name__)


class Outage:
    """Who of a process cannot reach the record at present; used by all threads."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._lock = Lock()
        self._waiting: set[object] = set()
        self._since = 0.0

    def lost(self, who: object, error: RecordAwayError) -> None:
        """``who`` has lost it, which is told if nobody has before."""
        with self._lock:
            if not self._waiting:
                self._since = monotonic()
                _log.warning("%s; whoever follows the record waits for it", error)
            self._waiting.add(who)

    def over(self, who: object) -> None:
        """``who`` has it again, which is told when everybody has."""
        with self._lock:
            if who in self._waiting and self._leave(who):
                _log.warning("the record %s is back after %.0f s", self._place, monotonic() - self._since)

    def left(self, who: object) -> None:
        """``who`` waits no longer."""
        with self._lock:
            self._leave(who)

    def _leave(self, who: object) -> bool:
        self._waiting.discard(who)
        return not self._waiting
