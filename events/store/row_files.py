"""Files of rows beside the record: backups and archived segments, SQLite files with the record's own table.

A file is written under another name, flushed to disk and renamed, so that whatever has the right name is whole.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from events.errors import RecordUnreadableError
from events.store.recorder import Row

AT_ONCE = 5000
"""Rows in one step: enough to be fast, few enough to keep memory flat."""
_CACHE = "PRAGMA cache_size = -65536"
_PUT = "INSERT INTO stored_events (position, originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?, ?)"
_ALL = "SELECT position, originator_id, originator_version, topic, state FROM stored_events"


def write_rows(path: Path, tables: Sequence[str], batches: Iterable[Sequence[Row]]) -> None:
    """Makes a new file of rows with these tables; when this returns, it survives power loss, but for its name.

    Raises:
        sqlite3.Error: it cannot be written.
        OSError: likewise.
    """
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # Until it has its name, nobody misses it: it needs no journal.
        for setting in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", _CACHE):
            connection.execute(setting).fetchall()
        connection.execute("BEGIN")
        for statement in tables:
            connection.execute(statement)
        for rows in batches:
            connection.executemany(_PUT, rows)
        connection.execute("COMMIT")
    flush(path)


def read_rows(path: Path, *, after: int = 0) -> Iterator[list[Row]]:
    """The rows of a file after a position, some at a time.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    with closing(open_rows(path)) as connection:
        cursor = connection.execute(f"{_ALL} WHERE position > ? ORDER BY position", [after])
        while rows := cursor.fetchmany(AT_ONCE):
            yield rows


def open_rows(path: Path) -> sqlite3.Connection:
    """A file of rows that nobody changes, to be read; it may lie where nothing can be written.

    Raises:
        RecordUnreadableError: it is not there.
    """
    if not path.exists():
        raise RecordUnreadableError(
            f"the archived events in {path} are not there: put the file back, from where it was moved or from a copy"
        )
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def damage(path: Path) -> list[str]:
    """What SQLite itself finds wrong with a file, at most ten things; empty if nothing."""
    with closing(open_rows(path)) as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
    return [] if found == ["ok"] else found


def put_in_place(written: Path, target: Path) -> None:
    """Gives a file that was written and flushed its name; when this returns, that survives power loss, too."""
    written.replace(target)
    flush(target.parent)


def flush(path: Path) -> None:
    """Flushes a file or a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
