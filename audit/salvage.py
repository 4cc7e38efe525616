"""Reading a damaged SQLite file as far as it can be read: what lies around a broken page is still found."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from events.errors import RecordNewerError
from events.store.archive import FORMAT, list_segments
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
_OWNERS = """SELECT originator_id, MIN(originator_version), MAX(originator_version)
    FROM stored_events INDEXED BY sqlite_autoindex_stored_events_1
    WHERE position BETWEEN ? AND ? GROUP BY originator_id ORDER BY originator_id LIMIT ?"""
_OWNERS_NAMED = 5


class Unreadable(NamedTuple):
    """Positions of which SQLite cannot say anything; ``why`` is what it says instead."""

    first: int
    last: int
    why: str


class DamagedFile:
    """A file of rows that may be damaged; a context manager, which opens it and closes it. Nothing is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Where nothing can be written, SQLite cannot make the files that it shares with other processes.
        alone = "" if os.access(path.absolute().parent, os.W_OK) else "&immutable=1"
        uri = f"{path.absolute().as_uri()}?mode=ro{alone}"
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
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > FORMAT:
            raise RecordNewerError(
                f"{self.path} has record format {version}, this program knows {FORMAT}: use a newer Understudy"
            )

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
                newest = row[0]
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
        """The oldest position in the table, 1 if it cannot tell."""
        try:
            return int(self._connection.execute("SELECT MIN(position) FROM stored_events").fetchone()[0] or 1)
        except sqlite3.Error:
            return 1

    def read(self, after: int, until: int) -> Iterator[list[Row] | Unreadable]:
        """What is found of these positions, in their order; no list is empty."""
        for begin in range(after, until, AT_ONCE):
            yield from self._read(begin, min(until, begin + AT_ONCE))

    def _read(self, after: int, until: int) -> Iterator[list[Row] | Unreadable]:
        try:
            rows: list[Row] = self._connection.execute(_ROWS, [after, until]).fetchall()
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
            return [str(error)]
        return [] if found == ["ok"] else found


def _text(stored: bytes) -> str:
    return stored.decode(errors="replace")
