"""The record in SQLite: durable, append-only, and with the subscription that the library's recorder lacks.

Differences from the library's recorder: ``position`` is a declared INTEGER PRIMARY KEY (an undeclared rowid may change
on VACUUM), every commit is synced to disk (WAL, synchronous FULL), rows cannot be updated or deleted, and ``subscribe``
works across processes.
"""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    IntegrityError,
    PersistenceError,
    StoredEvent,
)
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteFactory,
)
from eventsourcing.utils import Environment, EnvType

from events.errors import RecordNewerError, RecordUnreadableError
from events.store.bell import Bell
from events.store.recorder import NewRow, RecordRecorder, Row, notification

FORMAT = 1
"""The version of the tables; a record with a higher one was written by a newer program and is not touched."""
APPLICATION_ID = 0x556E6473
"""Marks the file as ours (``Unds``), so that no other SQLite database is taken for a record."""
LOCK_TIMEOUT_SECONDS = 30
"""How long an append waits for another process's transaction to end."""
CHECKPOINT_PAGES = 4000
"""Pages (of 4 KiB) after which the log is written back. That costs two flushes more, so not at SQLite's 1000."""

_TABLES = (
    """CREATE TABLE IF NOT EXISTS stored_events (
        position INTEGER PRIMARY KEY,
        originator_id TEXT NOT NULL,
        originator_version INTEGER NOT NULL,
        topic TEXT NOT NULL,
        state BLOB NOT NULL,
        UNIQUE (originator_id, originator_version))""",
    """CREATE TRIGGER IF NOT EXISTS facts_are_never_updated BEFORE UPDATE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END""",
    """CREATE TRIGGER IF NOT EXISTS facts_are_never_deleted BEFORE DELETE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)
_FORMAT_OF = """SELECT (SELECT user_version FROM pragma_user_version),
    (SELECT application_id FROM pragma_application_id), COUNT(*) FROM sqlite_schema"""
_INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?)"
# One seek per stream in the unique index, however many facts each stream has.
_STREAMS = """WITH RECURSIVE stream(id) AS (
        SELECT MIN(originator_id) FROM stored_events
        UNION ALL
        SELECT (SELECT MIN(originator_id) FROM stored_events WHERE originator_id > stream.id)
        FROM stream WHERE stream.id IS NOT NULL)
    SELECT id FROM stream WHERE id IS NOT NULL"""

_REMEDIES = {
    "SQLITE_CANTOPEN": "name a file in a folder that exists and that you may write to",
    "SQLITE_NOTADB": "name another file, or restore this one from a copy",
    "SQLITE_CORRUPT": "it is damaged: restore it from a copy",
    "SQLITE_READONLY": "get permission to write to it and to its folder",
    "SQLITE_PERM": "get permission to read it and to write to it",
    "SQLITE_FULL": "make room on its disk",
    "SQLITE_BUSY": f"another process has held it for {LOCK_TIMEOUT_SECONDS} seconds: see what that one does",
    "SQLITE_IOERR": "check its disk",
}
"""What to do, by SQLite's primary result code."""


class RecordConnectionPool(SQLiteConnectionPool):
    """Connections whose commits survive power loss."""

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        connection.cursor().execute("PRAGMA synchronous = FULL")
        connection.cursor().execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        return connection


class RecordDatastore(SQLiteDatastore):
    """The record's database file.

    Raises:
        RecordUnreadableError: from all that it does, where SQLite cannot; the message has the path and what to do.
        RecordNewerError: a newer program wrote the record.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, lock_timeout=LOCK_TIMEOUT_SECONDS, originator_id_type="text")
        self.path = path
        self.pool = RecordConnectionPool(
            db_name=path, lock_timeout=LOCK_TIMEOUT_SECONDS, pool_timeout=LOCK_TIMEOUT_SECONDS
        )
        self._refuse_others_files()

    def _refuse_others_files(self) -> None:
        """Looks before the first connection of the library switches the file to WAL: it may not be ours to change."""
        file = Path(self.path)
        if file.is_dir():
            raise RecordUnreadableError(f"{self.path} is a folder, not a record; name a file")
        if not file.exists() or file.stat().st_size == 0:
            return
        try:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                self.check_format(connection.execute(_FORMAT_OF).fetchone())
        except sqlite3.Error as error:
            raise _unreadable(self.path, error) from error

    def check_format(self, found: tuple[int, int, int]) -> int:
        """The format of the record, from what ``_FORMAT_OF`` found: 0 for a new file."""
        version, application, objects = found
        if objects and application != APPLICATION_ID:
            raise RecordUnreadableError(f"{self.path} is not a record but another program's database")
        if version > FORMAT:
            raise RecordNewerError(
                f"{self.path} has record format {version}, this program knows {FORMAT}: use a newer Understudy"
            )
        return version

    @contextmanager
    def transaction(self, *, commit: bool) -> Generator[SQLiteCursor, None, None]:
        """The library's transaction."""
        try:
            with super().transaction(commit=commit) as cursor:
                yield cursor
        except IntegrityError:
            raise
        except (sqlite3.Error, PersistenceError) as error:
            raise _unreadable(self.path, error) from error


def _unreadable(path: str, error: Exception) -> RecordUnreadableError:
    # The library wraps SQLite's error in one of its own.
    original = error.__cause__ if isinstance(error.__cause__, sqlite3.Error) else error
    code = "_".join(getattr(original, "sqlite_errorname", "").split("_")[:2])
    remedy = _REMEDIES.get(code, "check that it is a record and that you may use it")
    return RecordUnreadableError(f"cannot use {path} as a record: {error}; {remedy}")


class SqliteRecorder(RecordRecorder, SQLiteApplicationRecorder):
    """The library's application recorder over our table."""

    datastore: RecordDatastore

    def __init__(self, datastore: RecordDatastore) -> None:
        super().__init__(datastore)
        self._bell = Bell(datastore.path)

    def construct_create_table_statements(self) -> list[str]:
        """Our table and its guards."""
        return list(_TABLES)

    def create_table(self) -> None:
        """Creates the tables of a new record; checks those of an old one.

        Raises:
            RecordNewerError: a newer program wrote the record.
            RecordUnreadableError: the file is another program's database.
        """
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(_FORMAT_OF)
            found = self.datastore.check_format(cursor.fetchone())
        if found < FORMAT:
            super().create_table()

    def insert_rows(self, rows: Sequence[NewRow]) -> Sequence[int]:
        """Appends in one transaction and returns the positions. When this returns, the rows survive power loss.

        Raises:
            IntegrityError: another writer has used one of the versions; nothing was appended.
        """
        with self.datastore.transaction(commit=True) as cursor:
            cursor.executemany(_INSERT, rows)
            cursor.execute("SELECT MAX(position) FROM stored_events")
            last: int = cursor.fetchone()[0] or 0
        self._bell.ring()
        return range(last - len(rows) + 1, last + 1)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The stored events of one stream, with their positions."""
        where = "originator_id = ? AND originator_version > ? AND originator_version <= ?"
        order = f"originator_version {'DESC' if desc else 'ASC'}"
        params = [str(originator_id), gt or 0, lte if lte is not None else 2**62]
        return [notification(row) for row in self._select(where, params, order, limit)]

    def select_rows(
        self, *, after: int, limit: int | None, stop: int | None = None, topics: Sequence[str] = ()
    ) -> list[Row]:
        """Rows with a position greater than ``after`` and at most ``stop``: the fast way to read everything."""
        where, params = "position > ?", [after, *topics]
        if topics:
            where += f" AND topic IN ({','.join('?' * len(topics))})"
        if stop is not None:
            where += " AND position <= ?"
            params.append(stop)
        return self._select(where, params, "position", limit)

    def _select(self, where: str, params: list[Any], order: str, limit: int | None) -> list[Row]:
        statement = (
            "SELECT position, originator_id, originator_version, topic, state FROM stored_events "  # noqa: S608
            f"WHERE {where} ORDER BY {order} LIMIT ?"  # only constants above; every value is a parameter
        )
        with self.datastore.transaction(commit=False) as cursor:
            cursor.sqlite_cursor.row_factory = None
            cursor.execute(statement, [*params, -1 if limit is None else limit])
            rows: list[Row] = cursor.fetchall()
        return rows

    def max_notification_id(self) -> int:
        """The position of the newest fact; 0 for an empty record."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT MAX(position) FROM stored_events")
            newest: int | None = cursor.fetchone()[0]
        return newest or 0

    def select_streams(self) -> list[str]:
        """The names of all streams, sorted."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(_STREAMS)
            return [row[0] for row in cursor.fetchall()]

    def listen(self, event: Event) -> None:
        """Sets ``event`` whenever something was appended, by whichever process."""
        self._bell.listen(event)

    def unlisten(self, event: Event) -> None:
        """Ends ``listen``."""
        self._bell.unlisten(event)


class RecordFactory(SQLiteFactory):
    """The library's factory, making our datastore and recorder."""

    application_recorder_class: type[SQLiteApplicationRecorder] = SqliteRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self.datastore = RecordDatastore(str(self.env.get(self.SQLITE_DBNAME)))
