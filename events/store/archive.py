"""What of a record in SQLite was archived: which positions lie in which file beside it, and how they are read.

A segment holds positions without a gap and is never changed. Its rows may be in the record's own table, too, until the
last of them has been removed there: it makes no difference which are read.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from events.errors import RecordUnreadableError
from events.store.recorder import Row, Segment
from events.store.row_files import open_rows
from events.store.row_queries import Query, events_of, rows_after

FORMAT = 2
"""Of a record of which something was archived: a program that knows 1 only would miss that, so it must not open it."""

TABLES = (
    """CREATE TABLE IF NOT EXISTS archived_segments (
        first INTEGER PRIMARY KEY,
        last INTEGER NOT NULL,
        file TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS archived_streams (
        originator_id TEXT PRIMARY KEY,
        originator_version INTEGER NOT NULL) WITHOUT ROWID""",
    # What the unique index has forgotten.
    """CREATE TRIGGER IF NOT EXISTS versions_are_never_used_twice BEFORE INSERT ON stored_events
        WHEN NEW.originator_version <=
            (SELECT originator_version FROM archived_streams WHERE originator_id = NEW.originator_id)
        BEGIN SELECT RAISE(ABORT, 'the version was used by an archived fact'); END""",
    f"PRAGMA user_version = {FORMAT}",
)
_EDITED = "somebody or something has edited the file: restore it from a backup"
_ADD_STREAMS = """INSERT INTO archived_streams
    SELECT originator_id, MAX(originator_version) FROM stored_events WHERE position <= ? GROUP BY originator_id
    ON CONFLICT (originator_id) DO UPDATE SET originator_version = excluded.originator_version"""
_ADD_SEGMENT = "INSERT INTO archived_segments (first, last, file) VALUES (?, ?, ?)"
_HAS_TABLES = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'archived_segments'"
_SEGMENTS = "SELECT first, last, file FROM archived_segments ORDER BY first"
_VERSION = "SELECT originator_version FROM archived_streams WHERE originator_id = ?"
_STREAMS = "SELECT originator_id FROM archived_streams"


class Cursor(Protocol):
    """What is asked of a cursor, the library's or SQLite's own."""

    def execute(self, statement: str, params: Sequence[object] = (), /) -> object:
        """Executes one statement."""
        ...

    def fetchone(self) -> tuple[int, ...]:
        """The next row of the answer."""
        ...

    def fetchall(self) -> list[tuple[str, ...]]:
        """All rows of the answer."""
        ...


def list_segments(cursor: Cursor) -> list[Segment]:
    """The segments that the record itself knows of, in the order of their positions."""
    cursor.execute(_HAS_TABLES)
    if not cursor.fetchone()[0]:
        return []
    cursor.execute(_SEGMENTS)
    found: list[Any] = cursor.fetchall()
    for first, last, file in found:
        if not (isinstance(first, int) and isinstance(last, int) and isinstance(file, str)):
            raise RecordUnreadableError(
                f"what the record says of its archive is none of its own ({first!r} to {last!r} in {file!r}); {_EDITED}"
            )
    return [Segment(*row) for row in found]


def list_streams(cursor: Cursor) -> list[str]:
    """The streams of which something was archived."""
    cursor.execute(_STREAMS)
    return [str(row[0]) for row in cursor.fetchall()]


def archived_version(cursor: Cursor, stream: str) -> int:
    """The newest version of a stream that was archived; 0 for none."""
    cursor.execute(_VERSION, [stream])
    found: Any = cursor.fetchone()
    if found and not isinstance(found[0], int):
        raise RecordUnreadableError(f"{stream} cannot have been archived up to version {found[0]!r}; {_EDITED}")
    return found[0] if found else 0


def add_segment(cursor: Cursor, segment: Segment) -> None:
    """Has the record know of a segment, whose rows are in its table still."""
    for statement in TABLES:
        cursor.execute(statement)
    cursor.execute(_ADD_STREAMS, [segment.last])
    cursor.execute(_ADD_SEGMENT, segment)


class Archive:
    """The segments of a record, as far as they are known; whoever finds rows missing in its table looks again."""

    def __init__(self, record: Path) -> None:
        self._folder = record.absolute().parent
        self._segments: list[Segment] = []

    @property
    def last(self) -> int:
        """The newest position that is known to be archived; 0 for none."""
        return self._segments[-1].last if self._segments else 0

    def learn(self, segments: list[Segment]) -> None:
        """These are all there are."""
        if len(segments) > len(self._segments):
            self._segments = segments

    def path(self, segment: Segment) -> Path:
        """Where a segment lies."""
        return self._folder / segment.file

    def rows(self, *, after: int, limit: int | None, stop: int | None, topics: Sequence[str]) -> list[Row]:
        """Archived rows with a position greater than ``after`` and at most ``stop``.

        Raises:
            RecordUnreadableError: a file is not there, or cannot be read.
        """
        found: list[Row] = []
        for segment in self._segments:
            if segment.last <= after or (stop is not None and segment.first > stop):
                continue
            rest = _rest(limit, found)
            rows = self._select(segment, rows_after(after, rest, stop, topics))
            if not topics:
                self._expect(segment, len(rows), after, rest, stop)
            found += rows
            if limit is not None and len(found) >= limit:
                break
        return found

    def events(self, stream: str, *, gt: int, lte: int | None, limit: int | None, desc: bool) -> list[Row]:
        """Archived rows of a stream, in the order of their versions or against it; raises as ``rows``."""
        found: list[Row] = []
        for segment in reversed(self._segments) if desc else self._segments:
            if limit is not None and len(found) >= limit:
                break
            found += self._select(segment, events_of(stream, gt, lte, _rest(limit, found), desc=desc))
        return found

    def _expect(self, segment: Segment, count: int, after: int, limit: int | None, stop: int | None) -> None:
        """Nobody is to pass over what a file should have and has not."""
        end = segment.last if stop is None else min(stop, segment.last)
        wanted = end - max(after, segment.first - 1)
        if count != (wanted if limit is None else min(limit, wanted)):
            raise RecordUnreadableError(
                f"not all archived events {segment.first} to {segment.last} are in {self.path(segment)}; "
                "restore the file from a copy"
            )

    def _select(self, segment: Segment, query: Query) -> list[Row]:
        path = self.path(segment)
        try:
            with closing(open_rows(path)) as connection:
                return connection.execute(query.statement, query.parameters).fetchall()
        except sqlite3.Error as error:
            raise RecordUnreadableError(
                f"cannot read the archived events {segment.first} to {segment.last} in {path}: {error}; "
                "restore the file from a copy"
            ) from error


def _rest(limit: int | None, found: list[Row]) -> int | None:
    return None if limit is None else limit - len(found)
