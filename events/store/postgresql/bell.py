"""Wakes subscribers when any process has appended to a PostgreSQL record: the server tells a thread of each process."""

from contextlib import closing, suppress
from threading import Event, Lock, Thread

import psycopg

from events.errors import RecordUnreadableError
from events.store.postgresql.connections import connect
from events.store.postgresql.schema import CHANNEL

_LOOK_SECONDS = 0.2
"""How often the thread looks whether it is to end, and tries again to reach a server that is away."""


class Bell:
    """Sets the events that listen, after each commit of this or of another process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = Lock()
        self._listeners: frozenset[Event] = frozenset()
        self._stopped = Event()

    def ring(self) -> None:
        """Something may have been appended: wakes everybody now."""
        for listener in self._listeners:
            listener.set()

    def listen(self, event: Event) -> None:
        """Begins to set ``event``; the first listener starts the thread that the server tells."""
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
        while not stopped.is_set():
            with suppress(psycopg.Error, RecordUnreadableError):  # the listeners look themselves, and meet it
                self._attend(stopped)
            self.ring()
            stopped.wait(_LOOK_SECONDS)

    def _attend(self, stopped: Event) -> None:
        with closing(connect(self._url)) as connection:
            connection.execute(f"LISTEN {CHANNEL}".encode())
            self.ring()  # what was appended before this has told us nothing
            while not stopped.is_set():
                for _ in connection.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                    self.ring()
