"""A record that can only be read: how SQLite opens its file without leaving anything in it or beside it.

So are backups, which nobody may write to, and whatever lies on a read-only mount or belongs to somebody else.
"""

import os
from pathlib import Path
from typing import NamedTuple

_WRITE_BITS = 0o222


class Stamp(NamedTuple):
    """What changes when a file is written."""

    bytes: int
    written: int


class ReadingOnly(NamedTuple):
    """How a file is read that is not written: the name for SQLite, and the file's stamp if SQLite does not look out.

    ``why`` says why it is not written, and what helps.
    """

    uri: str
    why: str
    stamp: Stamp | None

    def is_changed(self, path: Path) -> bool:
        """Whether somebody has written it since, though nobody seemed to have it open."""
        return self.stamp is not None and self.stamp != stamp_of(path)


def reading_only(path: Path) -> ReadingOnly | None:
    """How to read a file that this process may not write; none where it may, or where there is no file.

    A file that nobody may write to is not written by a superuser either: it is a backup.
    """
    if not path.is_file():
        return None
    if not path.stat().st_mode & _WRITE_BITS:
        why = "a backup is made so; to go on with it as the record: chmod u+w"
    elif not (os.access(path, os.W_OK) and _shares(path)):
        why = "get permission to write to it and to its folder"
    else:
        return None
    alone = not _is_used(path)
    # Where nobody has it open, SQLite need not make the files that it shares with other processes.
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
    return ReadingOnly(uri, why, stamp_of(path) if alone else None)


def stamp_of(path: Path) -> Stamp:
    """The present stamp of a file."""
    found = path.stat()
    return Stamp(found.st_size, found.st_mtime_ns)


def is_left(path: Path) -> bool:
    """Whether SQLite's log beside the file has something that the file itself has not."""
    return any(beside.exists() and beside.stat().st_size for beside in (_beside(path, "wal"), _beside(path, "journal")))


def _is_used(path: Path) -> bool:
    return is_left(path) or (_beside(path, "wal").exists() and _beside(path, "shm").exists())


def _shares(path: Path) -> bool:
    """Whether the files can be used, or made, that SQLite shares with other processes."""
    beside = (_beside(path, "wal"), _beside(path, "shm"))
    return os.access(path.absolute().parent, os.W_OK) or all(os.access(each, os.W_OK) for each in beside)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}-{ending}")
