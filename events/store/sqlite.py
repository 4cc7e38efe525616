"""The record in SQLite: durable, append-only, and with the subscription that the library's recorder lacks.

Differences from the library's recorder: ``position`` is a declared INTEGER PRIMARY KEY (an undeclared rowid may change
on VACUUM), every commit is synced to disk (WAL, synchronous FULL), rows cannot be updated or deleted, and ``subscribe``
works across processes.
"""

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

from eventsourcing.persistence import (
    IntegrityError,
    PersistenceError,
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

from events.errors import CommandRefusedError, RecordNewerError, RecordReadOnlyError, RecordUnreadableError
from events.store import archive
from events.store.archive import Archive, add_segment, archived_version, list_segments, list_streams
from events.store.bell import Bell
from events.store.reading_only import is_left, reading_only
from events.store.recorder import MakeRows, NewRow, RecordRecorder, Row, Segment
from events.store.row_queries import INDEX, Query, events_of, rows_after

FORMAT = 1
"""The version of the tables of a new record. One with a higher version than ``KNOWN`` is a newer program's."""
KNOWN = archive.FORMAT
APPLICATION_ID = 0x556E6473
"""Marks the file as ours (``Unds``), so that no other SQLite database is taken for a record."""
LOCK_TIMEOUT_SECONDS = 30
"""How long an append waits for another process's transaction to end."""
CHECKPOINT_PAGES = 4000
"""Pages (of 4 KiB) after which the log is written back. That costs two flushes more, so not at SQLite's 1000."""

NEVER_DELETED = """CREATE TRIGGER IF NOT EXISTS facts_are_never_deleted BEFORE DELETE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END"""
TABLES = (
    """CREATE TABLE IF NOT EXISTS stored_events (
        position INTEGER PRIMARY KEY,
        originator_id TEXT NOT NULL,
        originator_version INTEGER NOT NULL,
        topic TEXT NOT NULL,
        state BLOB NOT NULL,
        UNIQUE (originator_id, originator_version))""",
    """CREATE TRIGGER IF NOT EXISTS facts_are_never_updated BEFORE UPDATE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END""",
    NEVER_DELETED,
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)
_FORMAT_OF = """SELECT (SELECT user_version FROM pragma_user_version),
    (SELECT application_id FROM pragma_application_id), COUNT(*) FROM sqlite_schema"""
_INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?)"
# One seek per stream in the unique index, however many facts each stream has.
_STREAMS = f"""WITH RECURSIVE stream(id) AS (
        SELECT MIN(originator_id) FROM stored_events INDEXED BY {INDEX}
        UNION ALL
        SELECT (SELECT MIN(originator_id) FROM stored_events INDEXED BY {INDEX} WHERE originator_id > stream.id)
        FROM stream WHERE stream.id IS NOT NULL)
    SELECT id FROM stream WHERE id IS NOT NULL"""  # noqa: S608 - only a constant
_HEAD = "SELECT MAX(position) FROM stored_events NOT INDEXED"
_NEXT = "SELECT MIN(position) FROM stored_events NOT INDEXED WHERE position > ?"
_FLOOR = "SELECT position FROM stored_events NOT INDEXED WHERE position > 0 ORDER BY position LIMIT 1"

_REMEDIES = {
    "SQLITE_CANTOPEN": "name a file in a folder that exists and that you may write to",
    "SQLITE_NOTADB": "name another file, or restore this one from a copy",
    "SQLITE_CORRUPT": "it is damaged: restore it with understudy fsck --mend-with BACKUP; fsck says what is lost",
    "SQLITE_READONLY": "get permission to write to it and to its folder",
    "SQLITE_PERM": "get permission to read it and to write to it",
    "SQLITE_FULL": "make room on its disk",
    "SQLITE_BUSY": f"another process has held it for {LOCK_TIMEOUT_SECONDS} seconds: see what that one does",
    "SQLITE_IOERR": "check its disk",
}
"""What to do, by SQLite's primary result code."""


class RecordConnectionPool(SQLiteConnectionPool):
    """Connections whose commits survive power loss, or that can only read."""

    def __init__(self, name: str, *, is_read_only: bool) -> None:
        super().__init__(db_name=name, lock_timeout=LOCK_TIMEOUT_SECONDS, pool_timeout=LOCK_TIMEOUT_SECONDS)
        # The library would switch a file to WAL that is not in it.
        self.is_journal_mode_wal = is_read_only

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        connection.cursor().execute("PRAGMA synchronous = FULL")
        connection.cursor().execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        return connection


class RecordDatastore(SQLiteDatastore):
    """The record's database file. Where it cannot be written, or nobody may, it is read, and nothing else.

    Raises:
        RecordReadOnlyError: something is to be written to it then.
        RecordUnreadableError: from all that it does, where SQLite cannot; the message has the path and what to do.
        RecordNewerError: a newer program wrote the record.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, lock_timeout=LOCK_TIMEOUT_SECONDS, originator_id_type="text")
        self.path = path
        self._reading = reading_only(Path(path))
        self.name = self._reading.uri if self._reading else path
        """What SQLite knows it by."""
        self.pool = RecordConnectionPool(self.name, is_read_only=self._reading is not None)
        self._refuse_others_files()

    def _refuse_others_files(self) -> None:
        """Looks before the first connection of the library switches the file to WAL: it may not be ours to change."""
        file = Path(self.path)
        if file.is_dir():
            raise RecordUnreadableError(f"{self.path} is a folder, not a record; name a file")
        if not file.exists() or file.stat().st_size == 0:
            return
        try:
            uri = self.name if self._reading else f"{file.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                self.check_format(connection.execute(_FORMAT_OF).fetchone())
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def check_format(self, found: tuple[int, int, int]) -> int:
        """The format of the record, from what ``_FORMAT_OF`` found: 0 for a new file."""
        version, application, objects = found
        if objects and application != APPLICATION_ID:
            raise RecordUnreadableError(f"{self.path} is not a record but another program's database")
        if version > KNOWN:
            raise RecordNewerError(
                f"{self.path} has record format {version}, this program knows {KNOWN}: use a newer Understudy"
            )
        return version

    @contextmanager
    def transaction(self, *, commit: bool) -> Generator[SQLiteCursor, None, None]:
        """The library's transaction."""
        if commit and self._reading:
            raise RecordReadOnlyError(f"{self.path} is read-only: {self._reading.why}")
        try:
            with super().transaction(commit=commit) as cursor:
                yield cursor
        except IntegrityError:
            raise
        except (sqlite3.Error, PersistenceError) as error:
            raise self._unreadable(error) from error
        if self._reading and self._reading.is_changed(Path(self.path)):
            raise RecordUnreadableError(f"{self.path} was written by somebody while it was read; read it again")

    def _unreadable(self, error: Exception) -> RecordUnreadableError:
        if self._reading and is_left(Path(self.path)):
            return RecordUnreadableError(
                f"cannot read {self.path}: {error}; its newest events are in the log beside it, which cannot be used "
                "there: copy both to a folder that you may write to"
            )
        return _unreadable(self.path, error)


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
        self._bell = Bell(datastore.name)
        self._archive = Archive(Path(datastore.path))

    def construct_create_table_statements(self) -> list[str]:
        """Our table and its guards."""
        return list(TABLES)

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

    def insert_rows(self, make: MakeRows) -> Sequence[int]:
        """Appends in one transaction and returns the positions. When this returns, the rows survive power loss.

        Raises:
            IntegrityError: another writer has used one of the versions; nothing was appended.
        """
        with self.datastore.transaction(commit=True) as cursor:
            # The library's transaction takes the lock with its first change; this one takes it now.
            cursor.execute("COMMIT")
            cursor.execute("BEGIN IMMEDIATE")
            rows = make()
            cursor.executemany(_INSERT, rows)
            cursor.execute(_HEAD)
            last: int = cursor.fetchone()[0] or 0
        self._bell.ring()
        return range(last - len(rows) + 1, last + 1)

    def select_stream(
        self, stream: str, *, after: int = 0, until: int | None = None, limit: int | None = None, desc: bool = False
    ) -> list[Row]:
        """Rows of one stream with a version greater than ``after`` and at most ``until``: the fast way to read it."""
        query = events_of(stream, after, until, limit, desc=desc)
        with self.datastore.transaction(commit=False) as cursor:
            rows = _fetch(cursor, query)
            whole = bool(rows) and not desc and rows[0][2] == after + 1
            if whole or self._floor(cursor) <= 1:
                return rows
            self._archive.learn(list_segments(cursor))
            archived = archived_version(cursor, stream) if self._archive.last else 0
        # What is in the table still, though it was archived, is not read twice.
        rows = [row for row in rows if row[2] > archived]
        if archived > after:
            rows = self._with_archived(
                rows, stream, after, archived if until is None else min(archived, until), limit, desc=desc
            )
        return rows

    def _with_archived(
        self, rows: list[Row], stream: str, gt: int, lte: int, limit: int | None, *, desc: bool
    ) -> list[Row]:
        rest = limit if limit is None or not desc else limit - len(rows)
        older = self._archive.events(stream, gt=gt, lte=lte, limit=rest, desc=desc)
        return [*rows, *older] if desc else [*older, *rows][:limit]

    def select_rows(
        self, *, after: int, limit: int | None, stop: int | None = None, topics: Sequence[str] = ()
    ) -> list[Row]:
        """Rows with a position greater than ``after`` and at most ``stop``: the fast way to read everything."""
        while True:
            older, begin = list[Row](), after
            if after < self._archive.last:
                older = self._archive.rows(after=after, limit=limit, stop=stop, topics=topics)
                begin = self._archive.last
                if len(older) == limit or (stop is not None and stop <= begin):
                    return older
            rest = None if limit is None else limit - len(older)
            known = self._archive.last
            with self.datastore.transaction(commit=False) as cursor:
                rows = _fetch(cursor, rows_after(begin, rest, stop, topics))
                if (rows and rows[0][0] == begin + 1) or self._floor(cursor) <= begin + 1:
                    return older + rows
                self._archive.learn(list_segments(cursor))
            if self._archive.last == known:
                return older + rows  # it is no archive that they are in: they are missing

    def read_rows(self, *, after: int, stop: int, at_once: int) -> Iterator[list[Row]]:
        """The same in one transaction: a few rows at once stay in the caches of a core until they are used."""
        if after >= self._archive.last:
            with self.datastore.transaction(commit=False) as cursor:
                _begin(cursor, rows_after(after, None, stop, ()))
                rows = cursor.sqlite_cursor.fetchmany(at_once)
                if rows and rows[0][0] == after + 1:
                    while rows:
                        yield rows
                        rows = cursor.sqlite_cursor.fetchmany(at_once)
                    return
        # They were archived, or are missing.
        yield from super().read_rows(after=after, stop=stop, at_once=at_once)

    @staticmethod
    def _floor(cursor: SQLiteCursor) -> int:
        """The oldest position in the table: what is before it was archived."""
        cursor.execute(_FLOOR)
        oldest = cursor.fetchone()
        return int(oldest[0]) if oldest else 0

    def segments(self) -> list[Segment]:
        """What was archived, in the order of positions."""
        with self.datastore.transaction(commit=False) as cursor:
            found = list_segments(cursor)
        self._archive.learn(found)
        return found

    def oldest_in_table(self) -> int:
        """The oldest position that is in the record's own table, 0 for none; older ones are archived."""
        with self.datastore.transaction(commit=False) as cursor:
            return self._floor(cursor)

    def next_in_table(self, after: int) -> int:
        """The first position after this one that is in the record's own table, 0 for none."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(_NEXT, [after])
            return int(cursor.fetchone()[0] or 0)

    def add_segment(self, note: NewRow, first: int, last: int, file: str) -> int:
        """Appends the fact that these positions lie in a file, and has the record know it, in one transaction.

        Returns the position of the fact. The rows are in the table still: ``remove_archived`` removes them.

        Raises:
            CommandRefusedError: another process has archived these positions, or they are not the next ones.
            IntegrityError: another writer has used the version.
        """
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(_INSERT, note)
            position = int(cursor.lastrowid)
            self._archive.learn(list_segments(cursor))
            if first != self._archive.last + 1 or last >= position:
                raise CommandRefusedError(
                    f"events {first} to {last} are not archived: those up to {self._archive.last} are already"
                )
            add_segment(cursor, Segment(first, last, file))
        self._bell.ring()
        return position

    def remove_archived(self, limit: int) -> int:
        """Removes so many of the oldest rows from the table, as far as they are archived; returns how many it were.

        The caller has seen that they are in their file, whole.
        """
        last = self.archived()
        with self.datastore.transaction(commit=True) as cursor:
            # First of all, because it locks: what is read after it stays so.
            cursor.execute("DROP TRIGGER facts_are_never_deleted")
            oldest = self._floor(cursor)
            end = min(last, oldest + limit - 1)
            cursor.execute("DELETE FROM stored_events WHERE position BETWEEN ? AND ?", [oldest, end])
            cursor.execute(NEVER_DELETED)
        return max(0, end - oldest + 1)

    def max_notification_id(self) -> int:
        """The position of the newest fact; 0 for an empty record."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(_HEAD)
            newest: int | None = cursor.fetchone()[0]
        return newest or 0

    def select_streams(self) -> list[str]:
        """The names of all streams, sorted."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(_STREAMS)
            names = [row[0] for row in cursor.fetchall()]
            if self._floor(cursor) <= 1 or not list_segments(cursor):
                return names
            return sorted({*names, *list_streams(cursor)})

    def listen(self, event: Event) -> None:
        """Sets ``event`` whenever something was appended, by whichever process."""
        self._bell.listen(event)

    def unlisten(self, event: Event) -> None:
        """Ends ``listen``."""
        self._bell.unlisten(event)


def _fetch(cursor: SQLiteCursor, query: Query) -> list[Row]:
    _begin(cursor, query)
    rows: list[Row] = cursor.fetchall()
    return rows


def _begin(cursor: SQLiteCursor, query: Query) -> None:
    cursor.sqlite_cursor.row_factory = None
    cursor.execute(query.statement, query.parameters)


class RecordFactory(SQLiteFactory):
    """The library's factory, making our datastore and recorder."""

    application_recorder_class: type[SQLiteApplicationRecorder] = SqliteRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self.datastore = RecordDatastore(str(self.env.get(self.SQLITE_DBNAME)))
