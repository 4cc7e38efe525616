"""The locks of a record in PostgreSQL: its advisory locks, held by a session of their own, for processes of any host.

The server lets go of them when the session ends: at once when its process dies, within seconds when its host or the
network does. A session that ended has lost all its locks, which ``check`` tells.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import blake2b
from threading import Lock
from typing import Any

from events.errors import RecordAwayError
from events.store.postgresql.connections import connect, told_clearly
from events.store.postgresql.hurry import Hurry
from producers.lock import ChassisBusyError, Held, LockLostError, Purpose

_BETWEEN_TRIES_SECONDS = 0.01

_LOCKED = """SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = %s AND objid = %s AND objsubid = 1 AND pid = coalesce(%s, pid))"""


class _Session:
    """A connection, and the locks that this process holds on it: PostgreSQL would give it each of them again."""

    def __init__(self, url: str, hurry: Hurry) -> None:
        self._url = url
        self._hurry = hurry
        self._connection = connect(url)
        self._lock = Lock()
        self._keys: set[int] = set()
        # Several records may lie in one database, each in a schema of its own.
        self._record = self._ask("SELECT to_regclass('stored_events')::oid::bigint")

    def key(self, chassis: str, purpose: Purpose) -> int:
        """The number of a lock, the same for all processes that share the record."""
        words = f"{self._record}\0{chassis}\0{purpose}".encode()
        return int.from_bytes(blake2b(words, digest_size=8).digest(), signed=True)

    def take(self, key: int) -> bool:
        """Whether the lock was free, and is ours now."""
        with self._lock:
            if key in self._keys or not self._ask("SELECT pg_try_advisory_lock(%s)", key):
                return False
            self._keys.add(key)
            return True

    def give_back(self, key: int) -> None:
        """Lets go of a lock; one that was lost is gone already."""
        with self._lock:
            self._keys.discard(key)
            if not self._connection.closed:
                try:
                    self._ask("SELECT pg_advisory_unlock(%s)", key)
                except RecordAwayError:
                    return

    def is_locked(self, key: int, *, by_us: bool) -> bool:
        """Whether the server says that a lock is held, by us or by anybody."""
        pid = self._connection.info.backend_pid if by_us else None
        return bool(self._ask(_LOCKED, key >> 32 & 0xFFFFFFFF, key & 0xFFFFFFFF, pid))

    def close(self) -> None:
        """Ends the session, and with it all its locks."""
        self._connection.close()

    def _ask(self, statement: str, *params: object) -> Any:
        with told_clearly(self._url, self._connection), self._hurry.using(self._connection):
            row = self._connection.execute(statement.encode(), params).fetchone()
        assert row is not None
        return row[0]


class _HeldAdvisory:
    def __init__(self, session: _Session, key: int, chassis: str) -> None:
        self._session = session
        self._key = key
        self._chassis = chassis

    def check(self) -> None:
        """Asks the server."""
        try:
            if self._session.is_locked(self._key, by_us=True):
                return
        except RecordAwayError as error:
            raise LockLostError(
                f"{self._chassis}: the connection that held its lock is lost, so somebody else may be at work by now; "
                f"whoever works on it next settles what was under way ({error})"
            ) from error
        raise LockLostError(
            f"{self._chassis}: the server does not know of its lock any more; connect without a pooler of transactions"
        )


class AdvisoryLocks:
    """The advisory locks of a record, by the URL of its database."""

    shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = Lock()
        self._session: _Session | None = None
        self._hurry = Hurry()

    @contextmanager
    def hold(self, chassis: str, purpose: Purpose = Purpose.WORK, *, wait: bool = False) -> Generator[Held]:
        """See ``Locks``."""
        while (taken := self._take(chassis, purpose)) is None:
            if not wait:
                raise ChassisBusyError(chassis)
            time.sleep(_BETWEEN_TRIES_SECONDS)
        session, key = taken
        try:
            yield _HeldAdvisory(session, key, chassis)
        finally:
            session.give_back(key)

    def is_held(self, chassis: str, purpose: Purpose) -> bool:
        """See ``Locks``."""
        session = self._living()
        return session.is_locked(session.key(chassis, purpose), by_us=False)

    def hurry(self) -> None:
        """See ``Locks``."""
        self._hurry.begin()

    def close(self) -> None:
        """Ends the session."""
        self._hurry.end()
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _take(self, chassis: str, purpose: Purpose) -> tuple[_Session, int] | None:
        session = self._living()
        key = session.key(chassis, purpose)
        return (session, key) if session.take(key) else None

    def _living(self) -> _Session:
        """The session, or a new one where it has ended; who held a lock on the old one has lost it."""
        with self._lock:
            if self._session is not None:
                try:
                    self._session.is_locked(0, by_us=True)
                except RecordAwayError:
                    self._session = None
            if self._session is None and self._hurry.begun:
                raise RecordAwayError("the server that has the locks is lost, and this process comes to its end")
            if self._session is None:
                self._session = _Session(self._url, self._hurry)
            return self._session
