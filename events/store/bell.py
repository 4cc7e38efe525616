"""Wakes subscribers when any process has appended to a SQLite record.

SQLite has no notification across processes. ``PRAGMA data_version`` changes when another connection has committed;
asking costs some ten microseconds and reads nothing from disk, so one thread asks for all subscribers of a process.
"""

import sqlite3
from contextlib import closing, suppress
from threading import Event, Lock, Thread

INTERVAL_SECONDS = 0.004
"""How often the bell looks: well under the 10 ms within which a subscriber is to wake, at about 2 % of a core."""


class Bell:
    """Sets the events that listen, after each commit of this or of another process."""

    def __init__(self, path: str) -> None:
        """``path`` may be a URI, too, as SQLite takes it."""
        self._path = path
        self._lock = Lock()
        self._listeners: frozenset[Event] = frozenset()
        self._stopped = Event()

    def ring(self) -> None:
        """Something was appended by this process: wake everybody now."""
        for listener in self._listeners:
            listener.set()

    def listen(self, event: Event) -> None:
        """Begins to set ``event``; the first listener starts the thread that looks."""
        with self._lock:
            if not self._listeners:
                self._stopped = Event()
                Thread(target=self._watch, args=(self._stopped,), name="record-bell", daemon=True).start()
            self._listeners |= {event}

    def unlisten(self, event: Event) -> None:
        """Stops setting ``event``; the last listener stops the thread."""
        with self._lock:
            self._listeners -= {event}
            if not self._listeners:
                self._stopped.set()

    def _watch(self, stopped: Event) -> None:
        while not stopped.wait(INTERVAL_SECONDS):
            with suppress(sqlite3.Error):  # the listeners look for themselves, and meet what is the matter
                self._attend(stopped)
            self.ring()

    def _attend(self, stopped: Event) -> None:
        with closing(sqlite3.connect(self._path, uri=True, isolation_level=None)) as connection:
            known = None
            while not stopped.wait(INTERVAL_SECONDS):
                newest = connection.execute("PRAGMA data_version").fetchone()
                if newest != known:
                    known = newest
                    self.ring()
