"""Files of rows beside the record: backups and archived segments, SQLite files with the record's own table.

A file is written under another name, flushed to disk and renamed, so that whatever has the right name is whole. The
other name is a new one each time, so that no two programs ever write the same file; who writes holds a lock on it, so
that the next one can tell what a program that died has left.
"""

import errno
import fcntl
import glob
import os
import secrets
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from events.errors import RecordUnreadableError
from events.store.recorder import Row

AT_ONCE = 5000
"""Rows in one step: enough to be fast, few enough to keep memory flat."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_CACHE = "PRAGMA cache_size = -65536"
_PUT = "INSERT INTO stored_events (position, originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?, ?)"
_ALL = "SELECT position, originator_id, originator_version, topic, state FROM stored_events"


@contextmanager
def new_file(target: Path) -> Generator[Path]:
    """Makes an empty file beside ``target``, of a name that nobody has: what is to be ``target`` is written to it.

    Neither a file nor a link that somebody has put there is ever written to. Unless it is put in place within the
    ``with``, it is removed; so is what programs that died have left of the same target.

    Raises:
        OSError: it cannot be made.
    """
    for left in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
        _remove_if_left(left)
    path, descriptor = _make_locked(target)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _make_locked(target: Path) -> tuple[Path, int]:
    while True:
        path = target.with_name(f".{target.name}.{secrets.token_hex(8)}.partial")
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
        # Before it is locked, somebody may take it for one that was left.
        if _lock(descriptor) is not False and path.exists():
            return path, descriptor
        os.close(descriptor)


def _remove_if_left(path: Path) -> None:
    with suppress(OSError):  # nothing depends on it
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if _lock(descriptor) is True:
                path.unlink()
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Whether this process has the lock now; none where the disk knows no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def write_rows(path: Path, tables: Sequence[str], batches: Iterable[Sequence[Row]]) -> None:
    """Fills an empty file with these tables and rows; when this returns, it survives power loss, but for its name.

    Raises:
        sqlite3.Error: it cannot be written.
        OSError: likewise.
    """
    # The lock on it is not SQLite's, which on some disks would take it for another program's.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?nolock=1", uri=True, isolation_level=None)) as connection:
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


def read_rows(connection: sqlite3.Connection) -> Iterator[list[Row]]:
    """The rows of an open file in the order of their positions, some at a time.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    cursor = connection.execute(f"{_ALL} ORDER BY position")
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


def damage(connection: sqlite3.Connection) -> list[str]:
    """What SQLite itself finds wrong with an open file, at most ten things; empty if nothing."""
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
    return [] if found == ["ok"] else found


def count_rows(path: Path) -> int:
    """How many rows the file of this name has, whichever it is now."""
    with closing(open_rows(path)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM stored_events").fetchone()[0])


def put_in_place(written: Path, target: Path) -> None:
    """Gives a file that was written and flushed its name; when this returns, that survives power loss, too.

    Whatever had that name is replaced.
    """
    written.replace(target)
    flush(target.parent)


def link_in_place(written: Path, target: Path) -> None:
    """Likewise, but nothing that has the name is ever replaced, also if it came a moment ago.

    Raises:
        FileExistsError: something has the name.
    """
    try:
        target.hardlink_to(written)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_in_place(written, target)
    else:
        written.unlink()
    flush(target.parent)


def _rename_in_place(written: Path, target: Path) -> None:
    """For disks that know no links: the name is taken first, which only one can do."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
    written.replace(target)


def flush(path: Path) -> None:
    """Flushes a file or a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
