"""Reading a damaged SQLite file as far as it can be read: what lies around a broken page is still found."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from events.errors import RecordNewerError
from events.store.archive import FORMAT, list_segments
from events.store.reading_only import is_left, reading_only
from events.store.recorder import Row, Segment

AT_ONCE = 5000
TRIES = 100_000
"""How often reading may fail before the rest is given up: a file without its root page has no rows to be found."""

_ROWS = """SELECT position, originator_id, originator_version, topic, state FROM stored_events
    WHERE position > ? AND position <= ? ORDER BY position"""
_NEWEST = (
    "SELECT MAX(position) FROM stored_events",
    # The index knows the positions, too, and lies on other pages.
    "SELECT MAX(position) FROM (SELECT position FROM stored_events INDEXED BY sqlite_autoindex_stored_events_1)",
)
_NEXT = "SELECT MIN(position) FROM stored_events WHERE position > ?"
_OLDEST = "SELECT MIN(position) FROM stored_events WHERE position > 0"
_STRAYS = "SELECT COUNT(*), MIN(position), MAX(position) FROM stored_events WHERE position <= 0"
_OWNERS = """SELECT originator_id, MIN(originator_version), MAX(originator_version)
    FROM stored_events INDEXED BY sqlite_autoindex_stored_events_1
    WHERE position BETWEEN ? AND ? GROUP BY originator_id ORDER BY originator_id LIMIT ?"""
_OWNERS_NAMED = 5
_HEADER_BYTES = 100
_LARGEST_PAGE = 65536


class Unreadable(NamedTuple):
    """Positions of which SQLite cannot say anything; ``why`` is what it says instead."""

    first: int
    last: int
    why: str


class SchemaRow(NamedTuple):
    """A table, an index, a trigger or a view: of which table, and the statement that made it, if there was one."""

    kind: str
    name: str
    table: str
    sql: str | None


class DamagedFile:
    """A file of rows that may be damaged; a context manager, which opens it and closes it. Nothing is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut = _cut(path)
        """What says that the end of the file is not there; empty if it is."""
        reading = reading_only(path)
        uri = reading.uri if reading else f"{path.absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        self._connection.text_factory = _text
        self._failures = 0
        # A file that was cut off is read as far as it goes.
        self._connection.execute("PRAGMA writable_schema = ON")
        # All that follows is about one moment: what is archived or appended meanwhile is not seen.
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def check_format(self) -> None:
        """Looks whether this program knows such files.

        Raises:
            RecordNewerError: a newer program wrote it.
        """
        version = self.version()
        if version > FORMAT:
            raise RecordNewerError(
                f"{self.path} has record format {version}, this program knows {FORMAT}: use a newer Understudy"
            )

    def version(self) -> int:
        """The format that the record says it has."""
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def schema(self) -> list[SchemaRow]:
        """All tables, indexes, triggers and views."""
        found = self._connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid")
        return [SchemaRow(*row) for row in found]

    def strays(self) -> tuple[int, int, int]:
        """How many rows have a position that no program gives, below 1, and the first and the last of them."""
        try:
            found = self._connection.execute(_STRAYS).fetchone()
        except sqlite3.Error:
            return 0, 0, 0  # their page is broken, and is said to be
        return (int(found[0]), int(found[1]), int(found[2])) if found[0] else (0, 0, 0)

    def archived_streams(self) -> dict[str, int]:
        """The newest archived version of each stream, as the record says.

        Raises:
            sqlite3.Error: it cannot be read.
        """
        return dict(self._connection.execute("SELECT originator_id, originator_version FROM archived_streams"))

    def newest(self) -> int:
        """The newest position that is known of.

        Raises:
            sqlite3.Error: neither the table nor its index can tell: nothing in the file can be read.
        """
        for query in _NEWEST:
            with suppress(sqlite3.Error):  # there is one more way
                return int(self._connection.execute(query).fetchone()[0] or 0)
        return self._scan()

    def _scan(self) -> int:
        """The last position before the first that cannot be read."""
        newest = 0
        cursor = self._connection.execute("SELECT position FROM stored_events ORDER BY position")
        try:
            for row in cursor:
                newest = max(newest, row[0])  # a page of which the end is not there has positions 0
        except sqlite3.Error:
            if not newest:
                raise
        return newest

    def segments(self) -> list[Segment]:
        """What was archived.

        Raises:
            sqlite3.Error: it cannot be read.
        """
        with closing(self._connection.cursor()) as cursor:
            return list_segments(cursor)

    def oldest(self) -> int:
        """The oldest position in the table from 1 on, 1 if it cannot tell."""
        try:
            return int(self._connection.execute(_OLDEST).fetchone()[0] or 1)
        except sqlite3.Error:
            return 1

    def read(self, after: int, until: int) -> Iterator[list[Row] | Unreadable]:
        """What is found of these positions, in their order; no list is empty."""
        while after < until:
            end, some = min(until, after + AT_ONCE), False
            found = self._read(after, end)
            # What is not found in a file that was cut off was not deleted.
            for one in self._with_gaps(found, after, end) if self.cut else found:
                some = True
                yield one
            after = end if some else self._before_next(end, until)

    def _before_next(self, after: int, until: int) -> int:
        """The end of a gap, which may be as wide as nobody can walk."""
        try:
            found = self._connection.execute(_NEXT, [after]).fetchone()[0]
        except sqlite3.Error:
            return after
        return until if found is None else max(after, min(until, found - 1))

    def _with_gaps(
        self, found: Iterator[list[Row] | Unreadable], after: int, until: int
    ) -> Iterator[list[Row] | Unreadable]:
        rows = {row[0]: row for batch in found if not isinstance(batch, Unreadable) for row in batch}
        for whole, positions in groupby(range(after + 1, until + 1), rows.__contains__):
            run = list(positions)
            yield [rows[at] for at in run] if whole else Unreadable(run[0], run[-1], self.cut)

    def _read(self, after: int, until: int) -> Iterator[list[Row] | Unreadable]:
        try:
            rows: list[Row] = self._connection.execute(_ROWS, [after, until]).fetchall()
            _expect(rows, after, until)
        except sqlite3.Error as error:
            self._failures += 1
            if until - after == 1 or self._failures > TRIES:
                yield Unreadable(after + 1, until, str(error))
                return
        else:
            if rows:
                yield rows
            return
        middle = (after + until) // 2
        yield from self._read(after, middle)
        yield from self._read(middle, until)

    def owners(self, lost: Unreadable) -> str:
        """Whose facts they were, as far as the index can tell: ``pe1 version 7 to 9, pe2 version 3``."""
        try:
            found = self._connection.execute(_OWNERS, [lost.first, lost.last, _OWNERS_NAMED + 1]).fetchall()
        except sqlite3.Error:
            return ""
        named = [f"{name} version {low}" + (f" to {high}" if high > low else "") for name, low, high in found]
        return ", ".join([*named[:_OWNERS_NAMED], *(["..."] if len(named) > _OWNERS_NAMED else [])])

    def complaints(self, *, quick: bool) -> list[str]:
        """What SQLite itself finds wrong, at most twenty things; empty if nothing."""
        check = "quick_check" if quick else "integrity_check"
        try:
            found = [str(row[0]) for row in self._connection.execute(f"PRAGMA {check}(20)")]
        except sqlite3.Error as error:
            found = [str(error)]
        if self.cut:
            return [self.cut]
        # It puts several things into one answer, below a heading.
        lines = [line for answer in found for line in answer.splitlines() if not line.startswith("***")]
        return [] if lines == ["ok"] else lines


def _expect(rows: list[Row], after: int, until: int) -> None:
    """Raises where a page has other positions than its place says: SQLite seeks by them and does not look again."""
    before = after
    for position, *_ in rows:
        if not before < position <= until:
            raise sqlite3.DatabaseError("a page has positions that do not belong there")
        before = position


def _cut(path: Path) -> str:
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(b"SQLite format 3\0") or is_left(path):
        return ""  # while there is a log, the end may be in there
    page_bytes, pages = (int.from_bytes(header[at : at + length]) for at, length in ((16, 2), (28, 4)))
    if header[24:28] != header[92:96]:
        return ""  # a program that does not write the number of pages was the last one
    size, whole = path.stat().st_size, pages * (_LARGEST_PAGE if page_bytes == 1 else page_bytes)
    return f"the file was cut off: {size} bytes are left of {whole}" if size < whole else ""


def _text(stored: bytes) -> str:
    return stored.decode(errors="replace")
