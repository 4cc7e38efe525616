"""Coming to an end while the server does not answer: what is under way is cut off, once this process is in a hurry."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

import psycopg

PATIENCE_SECONDS = 3.0
"""How long in a hurry an answer may take: a server that is well has answered by then."""
_LOOK_SECONDS = 0.1


class Hurry:
    """Connections in use; used by all threads. A server that is frozen keeps its connections, and says nothing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._used: dict[int, float] = {}
        self._begun = Event()
        self._over = Event()

    @property
    def begun(self) -> bool:
        """Whether this process comes to its end."""
        return self._begun.is_set()

    @contextmanager
    def using(self, connection: psycopg.Connection[Any]) -> Generator[None]:
        """Cuts the connection off if it is used for too long in a hurry; to its user, it is lost then."""
        # Its own descriptor might belong to another one by the time that it is cut off.
        descriptor = os.dup(connection.fileno())
        with self._lock:
            self._used[descriptor] = monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._used[descriptor]
                os.close(descriptor)

    def begin(self) -> None:
        """From now on no answer is waited for for long."""
        with self._lock:
            if not self._begun.is_set():
                self._begun.set()
                Thread(target=self._watch, args=(monotonic(),), name="record-hurry", daemon=True).start()

    def end(self) -> None:
        """Nothing waits any more."""
        self._begun.set()
        self._over.set()

    def wait(self, seconds: float) -> bool:
        """Waits until there is a hurry, or for so long; returns whether there is one."""
        return self._begun.wait(seconds)

    def _watch(self, began: float) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with self._lock:
                for descriptor, since in self._used.items():
                    if monotonic() - max(since, began) > PATIENCE_SECONDS:
                        self._cut(descriptor)

    @staticmethod
    def _cut(descriptor: int) -> None:
        with (
            suppress(OSError),  # the server has ended it already
            socket.socket(fileno=os.dup(descriptor)) as one,
        ):
            one.shutdown(socket.SHUT_RDWR)
