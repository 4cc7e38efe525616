"""The file that keeps the snapshots: a tracking recorder, so that what is kept and how far it goes are one truth."""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from eventsourcing.persistence import PersistenceError, Tracking
from eventsourcing.sqlite import (
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteTrackingRecorder,
)

from audit.snapshots.states import EVERY, FOLDS
from events.store import Record

FILE = "snapshots.sqlite"
"""Its name in the home."""
UNUSABLE = (
    sqlite3.Error,
    PersistenceError,
    zlib.error,
    msgspec.MsgspecError,
    TypeError,
    ValueError,
    OverflowError,
)
"""What comes of a file that is damaged, locked for long, or not to be written. It is disposable, so nobody fails."""

_LOCK_TIMEOUT_SECONDS = 2
_RECORD = "record"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS origin (folds INTEGER NOT NULL, fingerprint BLOB NOT NULL)",
    """CREATE TABLE IF NOT EXISTS snapshots (
        chassis TEXT NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
        latest INTEGER NOT NULL, guard BLOB NOT NULL,
        redundancy BLOB NOT NULL, alarms BLOB NOT NULL, tallies BLOB NOT NULL, history BLOB NOT NULL,
        chunks BLOB NOT NULL, UNIQUE (chassis, version))""",
    "CREATE INDEX IF NOT EXISTS by_time ON snapshots (chassis, recorded_at, version)",
    "CREATE INDEX IF NOT EXISTS by_position ON snapshots (chassis, position)",
    """CREATE TABLE IF NOT EXISTS chunks (
        chassis TEXT NOT NULL, number INTEGER NOT NULL, attempts BLOB NOT NULL, UNIQUE (chassis, number))""",
    """CREATE TABLE IF NOT EXISTS happened (
        chassis TEXT NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
        latest INTEGER NOT NULL, redundancy BLOB NOT NULL, alarms BLOB NOT NULL, UNIQUE (chassis, version))""",
    """CREATE TABLE IF NOT EXISTS late (
        chassis TEXT NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL, occurred_at INTEGER NOT NULL,
        recorded_at INTEGER NOT NULL, UNIQUE (chassis, version))""",
)
_OWN = ("origin", "snapshots", "chunks", "happened", "late")


class Kept(NamedTuple):
    """A snapshot in the order of the record. ``latest`` is the greatest ``occurred_at`` so far; times in microseconds.

    ``guard`` is a digest of the fact that it ends with: without that very fact in the record, it is of another one.
    """

    chassis: str
    version: int
    position: int
    recorded_at: int
    latest: int
    guard: bytes
    redundancy: bytes
    alarms: bytes
    tallies: bytes
    history: bytes
    chunks: bytes


class KeptChunk(NamedTuple):
    """Attempts that several snapshots show."""

    chassis: str
    number: int
    attempts: bytes


class KeptHappened(NamedTuple):
    """A snapshot of the facts up to ``version`` in the order in which they happened."""

    chassis: str
    version: int
    position: int
    recorded_at: int
    latest: int
    redundancy: bytes
    alarms: bytes


class KeptLate(NamedTuple):
    """A fact that happened before one that its stream has earlier."""

    chassis: str
    version: int
    position: int
    occurred_at: int
    recorded_at: int


class Made(NamedTuple):
    """What is to be kept of a part of the facts of ``chassis``, of which there are ``facts``.

    What was kept of the order in which facts happened and goes beyond ``undone`` does not hold any more.
    """

    chassis: str
    facts: int
    snapshots: Sequence[Kept] = ()
    chunks: Sequence[KeptChunk] = ()
    happened: Sequence[KeptHappened] = ()
    late: Sequence[KeptLate] = ()
    undone: int | None = None


class Pool(SQLiteConnectionPool):
    """Connections that do not wait for the disk: what is lost with the power is made again."""

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        connection.cursor().execute("PRAGMA synchronous = NORMAL")
        return connection


class Snapshots(SQLiteTrackingRecorder):
    """The snapshots of one record, one every so many facts of a chassis.

    All that reads or writes may raise one of ``UNUSABLE``.
    """

    def __init__(self, path: Path, every: int = EVERY) -> None:
        datastore = SQLiteDatastore(str(path), originator_id_type="text")
        datastore.pool = Pool(db_name=str(path), lock_timeout=_LOCK_TIMEOUT_SECONDS)
        super().__init__(datastore)
        self.every = every

    def construct_create_table_statements(self) -> list[str]:
        """The library's tracking table, and ours."""
        return [*super().construct_create_table_statements(), *_TABLES]

    def close(self) -> None:
        """Lets go of the file."""
        self.datastore.close()

    def origin(self) -> tuple[int, bytes] | None:
        """Which folds made what is kept, and of which record; none where nothing is."""
        found = self._select("SELECT folds, fingerprint FROM origin", ())
        return (found[0][0], bytes(found[0][1])) if found else None

    def begin(self, fingerprint: bytes) -> None:
        """Forgets everything; what is kept from now on is of the record with this fingerprint."""
        with self.datastore.transaction(commit=True) as cursor:
            for table in (*_OWN, "tracking"):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            self._insert_tracking(cursor, Tracking(self.table_migration_identifier, 1))
            cursor.execute("INSERT INTO origin VALUES (?, ?)", (FOLDS, fingerprint))

    def tracked(self) -> int:
        """The position up to which every chassis was looked at."""
        return self.max_tracking_id(_RECORD) or 0

    def keep(self, made: Iterable[Made], tracked: int | None = None) -> None:
        """Keeps all this, and the position up to which the record was followed, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            for each in made:
                _insert(cursor, each, self.every)
            if tracked is not None and tracked > (self._max_tracking_id(_RECORD, cursor) or 0):
                self._insert_tracking(cursor, Tracking(_RECORD, tracked))

    def forget(self, chassis: str) -> None:
        """Forgets what is kept of one chassis."""
        with self.datastore.transaction(commit=True) as cursor:
            for table in _OWN[1:]:
                cursor.execute(f"DELETE FROM {table} WHERE chassis = ?", (chassis,))  # noqa: S608 - our own names

    def newest(self, chassis: str) -> Kept | None:
        """The newest snapshot of a chassis."""
        return self._nearest(chassis, "version", 2**62)

    def at_version(self, chassis: str, version: int) -> Kept | None:
        """The newest snapshot that has no later version of the stream."""
        return self._nearest(chassis, "version", version)

    def at_position(self, chassis: str, position: int) -> Kept | None:
        """The newest snapshot that has no later position of the record."""
        return self._nearest(chassis, "position", position)

    def at_time(self, chassis: str, recorded_at: int) -> Kept | None:
        """The newest snapshot that has nothing recorded later; a stream's own times never go back."""
        return self._nearest(chassis, "recorded_at", recorded_at)

    def in_order(self, chassis: str) -> Iterator[Kept]:
        """The snapshots, newest first, in which record and occurrence have the same order."""
        first = self._select("SELECT MIN(version) FROM late WHERE chassis = ?", (chassis,))[0][0]
        kept = self.at_version(chassis, 2**62 if first is None else first - 1)
        while kept is not None:
            yield kept
            kept = self.at_version(chassis, kept.version - 1)

    def versions(self, chassis: str, *, happened: bool = False) -> list[int]:
        """The versions that snapshots end with, in the order of the record or of occurrence; sorted."""
        table = "happened" if happened else "snapshots"
        select = f"SELECT version FROM {table} WHERE chassis = ? ORDER BY version"  # noqa: S608 - our own names
        return [row[0] for row in self._select(select, (chassis,))]

    def numbers(self, chassis: str) -> list[int]:
        """The numbers of all attempts that are kept, sorted."""
        select = "SELECT number FROM chunks WHERE chassis = ? ORDER BY number"
        return [row[0] for row in self._select(select, (chassis,))]

    def happened(self, chassis: str, at_most: int = 2**62) -> Iterator[KeptHappened]:
        """The snapshots in the order of occurrence with no later version, newest first."""
        version, select = (
            at_most + 1,
            "SELECT * FROM happened WHERE chassis = ? AND version < ? ORDER BY version DESC LIMIT 1",
        )
        while rows := self._select(select, (chassis, version)):
            yield KeptHappened(*rows[0])
            version = rows[0][1]

    def late(self, chassis: str, *, after: int = 0) -> list[KeptLate]:
        """The facts after a version that came late."""
        select = "SELECT * FROM late WHERE chassis = ? AND version > ? ORDER BY version"
        return [KeptLate(*row) for row in self._select(select, (chassis, after))]

    def chunks(self, chassis: str, numbers: Sequence[int]) -> list[bytes]:
        """Attempts, in the order of their numbers."""
        if not numbers:
            return []
        select = "SELECT attempts FROM chunks WHERE chassis = ? AND number BETWEEN ? AND ? ORDER BY number"
        return [row[0] for row in self._select(select, (chassis, numbers[0], numbers[-1]))]

    def _nearest(self, chassis: str, column: str, at_most: int) -> Kept | None:
        select = f"SELECT * FROM snapshots WHERE chassis = ? AND {column} <= ? ORDER BY version DESC LIMIT 1"  # noqa: S608
        rows = self._select(select, (chassis, at_most))
        return Kept(*rows[0]) if rows else None

    def _select(self, statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self.datastore.transaction(commit=False) as cursor:
            cursor.sqlite_cursor.row_factory = None
            cursor.execute(statement, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _insert(cursor: SQLiteCursor, made: Made, every: int) -> None:
    if made.undone is not None:
        cursor.execute("DELETE FROM happened WHERE chassis = ? AND latest > ?", (made.chassis, made.undone))
    for name, rows in (("snapshots", made.snapshots), ("happened", made.happened)):
        if rows:
            marks = ",".join("?" * len(rows[0]))
            cursor.executemany(f"INSERT OR REPLACE INTO {name} VALUES ({marks})", rows)  # noqa: S608
    cursor.executemany("INSERT OR IGNORE INTO chunks VALUES (?, ?, ?)", made.chunks)
    cursor.executemany("INSERT OR REPLACE INTO late VALUES (?, ?, ?, ?, ?)", made.late)
    if made.snapshots:
        last = made.snapshots[-1]
        # The newest one of last time stands between two of the regular ones.
        passed = "DELETE FROM snapshots WHERE chassis = ? AND version < ? AND version % ? != 0"
        cursor.execute(passed, (last.chassis, last.version, every))


def fingerprint(record: Record) -> bytes:
    """What tells one record from another: a digest of its first fact, empty where it has none."""
    rows = record.recorder.select_rows(after=0, limit=1)
    if not rows:
        return b""
    position, chassis, version, name, state = rows[0]
    return hashlib.sha256(b"%d\n%s\n%d\n%s\n%s" % (position, chassis.encode(), version, name.encode(), state)).digest()


def open_snapshots(path: Path, record: Record, *, write: bool = False, every: int = EVERY) -> Snapshots | None:
    """The snapshots of this record at ``path``; none where there are none that can be used.

    With ``write`` the file is made where there is none, and begun anew where it is damaged, of other folds or of
    another record; then none means that it cannot be written.
    """
    if not write and not path.exists():
        return None
    mark = fingerprint(record)
    found = _opened(path, mark, every, write=write)
    return _opened(path, mark, every, write=True) if found is None and write and _removed(path) else found


def _opened(path: Path, mark: bytes, every: int, *, write: bool) -> Snapshots | None:
    snapshots = Snapshots(path, every)
    try:
        if write:
            snapshots.create_table()
        usable = snapshots.origin() == (FOLDS, mark)
        if not usable and write:
            snapshots.begin(mark)
            usable = True
    except UNUSABLE:
        usable = False
    if usable:
        return snapshots
    snapshots.close()
    return None


def _removed(path: Path) -> bool:
    """Takes a file away that is no database; leaves one alone that merely cannot be used now."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") not in {"SQLITE_NOTADB", "SQLITE_CORRUPT"}:
            return False
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        return True
    return False
