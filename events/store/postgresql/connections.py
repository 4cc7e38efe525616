"""Connections to the database of a record: set up so that commits last and a dead host shows within seconds.

Not the pool of psycopg: that one connects in the background, so it neither says why it cannot nor tries again at once
when a server is back.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from events.errors import RecordAwayError, RecordUnreadableError
from events.store.place import show_place
from events.store.postgresql.hurry import Hurry

Connection = psycopg.Connection[tuple[Any, ...]]

MOST_CONNECTIONS = 10
"""How many of a process are in use at once for the record itself; more threads wait for each other."""
LOCK_TIMEOUT_SECONDS = 30
"""How long a statement waits for another process's transaction to end."""
LOCK_TIMEOUT = f"{LOCK_TIMEOUT_SECONDS}s"

_HURRIED_SECONDS = "2"
"""How long connecting may take when this process comes to its end: the least that libpq takes."""

_DEFAULTS = {
    "connect_timeout": "5",
    "keepalives_idle": "2",
    "keepalives_interval": "1",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
    "application_name": "understudy",
    "client_encoding": "UTF8",
}
"""Of libpq; what the URL says counts more."""
# The server lets go of the locks of a host that is dead as soon as the host would notice a dead server.
_SESSION = """SELECT
    set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('lock_timeout', %s, false),
    set_config('tcp_keepalives_idle', '2', false),
    set_config('tcp_keepalives_interval', '1', false),
    set_config('tcp_keepalives_count', '3', false),
    set_config('tcp_user_timeout', '5000', false)"""

_AWAY = (
    psycopg.InterfaceError,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleSessionTimeout,
    errors.ReadOnlySqlTransaction,
)
"""The server ends, begins, or is not the primary any more."""
_BUSY = (errors.LockNotAvailable, errors.QueryCanceled, errors.SerializationFailure)
"""Somebody maintains the table, has ended the statement, or a standby applies what is read: reading again may help."""
_REMEDIES = (
    (errors.InsufficientPrivilege, "get the privilege from the owner of the database"),
    (errors.DiskFull, "make room on the server's disk"),
    (
        errors.LockNotAvailable,
        f"another process has held it for {LOCK_TIMEOUT_SECONDS} seconds: see what that one does",
    ),
    (errors.QueryCanceled, "see who has cancelled it, and whether statement_timeout is set for this user"),
    (errors.UndefinedTable, "its tables are gone: restore them from a backup"),
)
_NO_NEWS = ("Is the server running", "This probably means", "before or while processing", "LINE", "^")
_NETWORK = "check that the server runs, and the address"
_ADVICE = (
    ("password authentication failed", "check the user and the password (see ~/.pgpass)"),
    ("no password supplied", "give a password: in ~/.pgpass, or in PGPASSWORD"),
    ("no pg_hba.conf entry", "have the server's pg_hba.conf let this user and host in"),
    ('role ".*" does not exist', "check the user"),
    ('database ".*" does not exist', "check the database, or have it made: createdb"),
    ("permission denied", "get the privilege from the owner of the database"),
    ("could not translate host name", "check the address"),
    ("failed to resolve host", "check the address"),
    ("Connection refused", _NETWORK),
    ("No such file or directory", _NETWORK),
    ("timeout expired", _NETWORK),
    ("is starting up", "it needs a moment"),
    ("is shutting down|administrator command|closed the connection", "see whether the server comes back"),
    ("too many clients", "raise the server's max_connections, or end what holds them"),
    ("remaining connection slots are reserved", "raise the server's max_connections, or end what holds them"),
)
"""What to do, by what is in the message: a refusal comes without a code, and may be in another language."""
_IF_UNKNOWN = "check that the server runs, the address, the database, the user and the password (see ~/.pgpass)"


def connect(url: str, **preferred: str) -> Connection:
    """A new connection, on which each statement is a transaction of its own; ``preferred`` counts more than the URL.

    Raises:
        RecordAwayError: the server does not let us in; the message has its reason, and what to check.
    """
    told = conninfo_to_dict(url)
    missing = {name: value for name, value in _DEFAULTS.items() if name not in told}
    try:
        connection = psycopg.connect(make_conninfo(url, **(missing | preferred)), autocommit=True)
        try:
            connection.execute(_SESSION, [LOCK_TIMEOUT])
        except BaseException:
            connection.close()
            raise
    except psycopg.Error as error:
        raise _away(url, error) from error
    return connection


@contextmanager
def told_clearly(url: str, connection: Connection, *, reading: bool = False) -> Generator[None]:
    """Turns psycopg's errors into the record's own; a broken connection is closed.

    Raises:
        UniqueViolation: as it is.
        RecordAwayError: the connection is lost, and what was under way may have happened or not; or nothing can be read
            for a while.
        RecordUnreadableError: everything else.
    """
    try:
        yield
    except errors.UniqueViolation:
        raise
    except psycopg.Error as error:
        if connection.closed or isinstance(error, _AWAY):
            connection.close()
            raise _away(url, error) from error
        remedy = next((told for which, told in _REMEDIES if isinstance(error, which)), "see the server's log")
        kind = RecordAwayError if reading and isinstance(error, _BUSY) else RecordUnreadableError
        raise kind(f"cannot use {show_place(url)} as a record: {_line(error)}; {remedy}") from error


def _away(url: str, error: psycopg.Error) -> RecordAwayError:
    line = _line(error)
    remedy = next((told for sign, told in _ADVICE if re.search(sign, line)), _IF_UNKNOWN)
    return RecordAwayError(f"cannot reach the record {show_place(url)}: {line}; {remedy}")


def _line(error: psycopg.Error) -> str:
    """The first lines of what the server said, as one; libpq's hints are for other programs."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(_NO_NEWS)]
    return " ".join(kept).rstrip(".") or type(error).__name__


class Connections:
    """Idle connections, kept to be used again; one that breaks takes them with it, as they were to the same server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = Lock()
        self._idle: list[Connection] = []
        self._places = BoundedSemaphore(MOST_CONNECTIONS)
        self._closed = False
        self.hurry = Hurry()
        self._gone = ""

    @contextmanager
    def connection(self, *, reading: bool = False) -> Generator[Connection]:
        """A connection for the caller alone; raises as ``connect`` and ``told_clearly`` do."""
        with self._places:
            connection = self._take() or self._connect()
            try:
                with told_clearly(self._url, connection, reading=reading), self.hurry.using(connection):
                    yield connection
            finally:
                self._give_back(connection)

    def _connect(self) -> Connection:
        """A new one; in a hurry, who waited for another that could not connect does not try it again."""
        if not self.hurry.begun:
            return connect(self._url)
        if self._gone:
            raise RecordAwayError(self._gone)
        try:
            return connect(self._url, connect_timeout=_HURRIED_SECONDS)
        except RecordAwayError as error:
            self._gone = str(error)
            raise

    def _take(self) -> Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: Connection) -> None:
        if connection.closed:
            self._drop()
        with self._lock:
            if not (self._closed or connection.closed):
                self._idle.append(connection)
                return
        connection.close()

    def _drop(self) -> None:
        with self._lock:
            dropped, self._idle = self._idle, []
        for connection in dropped:
            connection.close()

    def close(self) -> None:
        """Closes all; what is in use is closed by its user."""
        self._closed = True
        self.hurry.end()
        self._drop()
