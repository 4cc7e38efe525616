"""What answers by stream is what was walked by position: nothing lies beside the positions, nothing is hidden from it.

A record in SQLite is read by position from its table, by stream through the index of that table, and where a part was
archived, by what the record says of the streams in there. Each of these can be edited without the others.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from eventsourcing.persistence import PersistenceError
from eventsourcing.sqlite import SQLiteCursor

from audit.fsck_schema import check_schema
from audit.salvage import SchemaRow
from audit.tree_rows import ROWS_AT_ONCE
from audit.verification_answer import Finding, Kind
from audit.verification_index import answers_otherwise, compare_index
from audit.verification_walk import FINDINGS, Walk
from events.errors import UnderstudyError
from events.store import Record
from events.store.recorder import Segment
from events.store.row_files import open_rows
from events.store.sqlite import SqliteRecorder

_LOWEST = -(2**63)
_OUTSIDE = (
    "SELECT position, originator_id, originator_version FROM stored_events NOT INDEXED WHERE position < 1 LIMIT ?"
)
_LEFT = """SELECT position, originator_id, originator_version, topic, state FROM stored_events NOT INDEXED
    WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"""
_ENDS = "SELECT MIN(position), MAX(position) FROM stored_events NOT INDEXED"
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid"
_HAS_STREAMS = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'archived_streams'"
_STREAMS = "SELECT originator_id, originator_version FROM archived_streams"

Cursor = SQLiteCursor | sqlite3.Connection


class ByStream:
    """What a record says of its streams, besides its rows; made before these are walked."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._recorder = record.recorder
        self._segments = self._recorder.segments()
        self.archived = self._segments[-1].last if self._segments else 0
        """The newest position that was archived."""
        self._noted: dict[Any, Any] = {}
        if isinstance(self._recorder, SqliteRecorder):
            with self._recorder.datastore.transaction(commit=False) as cursor:
                cursor.sqlite_cursor.row_factory = None
                if _one(cursor, _HAS_STREAMS)[0]:
                    self._noted = dict(_all(cursor, _STREAMS))

    def findings(self, walk: Walk) -> list[Finding]:
        """What can be answered by stream that was not walked by position, or the reverse; but for the index."""
        return self._first(self._all(walk))

    def found_by_index(self, head: int) -> list[Finding]:
        """Where an index leads to other rows than its table has, up to ``head``.

        An index is made from the rows, as projections are made from facts.
        """
        return self._first(self._indexes(head))

    def _first(self, findings: Iterator[Finding]) -> list[Finding]:
        found: list[Finding] = []
        try:
            for one in findings:
                found.append(one)
                if len(found) == FINDINGS:
                    break
        except (UnderstudyError, PersistenceError, sqlite3.Error, UnicodeError, TypeError, ValueError) as error:
            found.append(answers_otherwise(0, f"what is recorded of each chassis cannot be read: {error}"))
        return found

    def _all(self, walk: Walk) -> Iterator[Finding]:
        if isinstance(self._recorder, SqliteRecorder):
            with self._recorder.datastore.transaction(commit=False) as cursor:
                cursor.sqlite_cursor.row_factory = None
                yield from self._outside(_all(cursor, _OUTSIDE, FINDINGS))
                yield from self._left(cursor)
                yield from _schema(cursor, str(self._record.place))
            yield from self._archives()
            if self.archived:
                yield from self._archived_streams(walk)
        else:
            yield from self._outside(self._recorder.select_rows(after=_LOWEST, limit=FINDINGS, stop=0))

    def _outside(self, rows: list[Any]) -> Iterator[Finding]:
        for position, chassis, version, *_ in rows:
            text = f"position {position} is none: version {version} of {chassis} was put beside the record"
            yield answers_otherwise(position, text)

    def _left(self, cursor: SQLiteCursor) -> Iterator[Finding]:
        """Rows of archived positions that are in the table still: an interrupted run leaves the last ones, as is."""
        after = 0
        while rows := _all(cursor, _LEFT, after, self.archived, ROWS_AT_ONCE):
            known = {row[0]: row for row in self._recorder.select_rows(after=after, limit=None, stop=rows[-1][0])}
            for row in rows:
                if known.get(row[0]) != row:
                    text = f"position {row[0]} was archived, and the record has another event there still"
                    yield answers_otherwise(row[0], text)
                if after and row[0] != after + 1:
                    yield answers_otherwise(after + 1, f"position {after + 1} was archived, but not all before it left")
                after = row[0]
        if 0 < after < self.archived:
            yield answers_otherwise(after, f"position {after} was archived, but came back: those after it did not")

    def _archives(self) -> Iterator[Finding]:
        first = 1
        for segment in self._segments:
            path = self._path(segment)
            with closing(open_rows(path)) as connection:
                yield from _schema(connection, str(path))
                ends = _one(connection, _ENDS)
            if segment.first != first or ends != (segment.first, segment.last):
                text = f"{path} does not have just positions {first} to {segment.last}, but {ends[0]} to {ends[1]}"
                yield answers_otherwise(first, text)
            first = segment.last + 1

    def _indexes(self, head: int) -> Iterator[Finding]:
        if not isinstance(self._recorder, SqliteRecorder):
            return  # the server's own, and nobody else writes its files
        with self._recorder.datastore.transaction(commit=False) as cursor:
            cursor.sqlite_cursor.row_factory = None
            yield from compare_index(partial(_all, cursor), str(self._record.place), head)
        for segment in self._segments:
            path = self._path(segment)
            with closing(open_rows(path)) as connection:
                yield from compare_index(partial(_all, connection), str(path), segment.last)

    def _path(self, segment: Segment) -> Path:
        return Path(self._record.place).absolute().parent / segment.file

    def _archived_streams(self, walk: Walk) -> Iterator[Finding]:
        walked = walk.passed
        for chassis in sorted({*walked, *self._noted}, key=str):
            told, is_so = self._noted.get(chassis, 0), walked.get(chassis, 0)
            if told != is_so:
                text = f"{chassis} was archived up to its version {is_so}, the record says {told}"
                yield answers_otherwise(0, text)


def _schema(cursor: Cursor, place: str) -> Iterator[Finding]:
    """What guards the facts, or may change them when they are written."""
    rows = [SchemaRow(*row) for row in _all(cursor, _SCHEMA)]
    for one in check_schema(rows, _one(cursor, "PRAGMA user_version")[0]):
        yield Finding(kind=Kind.SCHEMA, text=f"in {place}, {one.what}", first=0, last=0)


def _all(cursor: Cursor, statement: str, *parameters: object) -> list[Any]:
    if isinstance(cursor, sqlite3.Connection):
        return cursor.execute(statement, parameters).fetchall()
    cursor.execute(statement, parameters)
    rows: list[Any] = cursor.fetchall()
    return rows


def _one(cursor: Cursor, statement: str) -> Any:
    return _all(cursor, statement)[0]
