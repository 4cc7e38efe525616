"""A copy of the record while it is in use: one whole SQLite file, wherever the record lies and whatever is archived.

The copy ends at the position that was the newest one when it began. What is before it never changes, so no lock and no
snapshot is needed, and whoever appends meanwhile does not wait.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from audit.merkle import Frontier, leaf_hashes
from events.errors import CommandRefusedError, RecordUnreadableError, UnderstudyError
from events.store import Record
from events.store.recorder import Row
from events.store.row_files import (
    AT_ONCE,
    count_rows,
    damage,
    flush,
    link_in_place,
    new_file,
    open_rows,
    put_in_place,
    read_rows,
    write_rows,
)
from events.store.sqlite import TABLES

Progress = Callable[[int, int], object]


class BackupFailedError(UnderstudyError):
    """The copy could not be made, or is not what was to be copied; what had its name before is as it was."""


class BackedUp(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that was made and checked: ``root`` (hex) is that of the Merkle tree over its facts.

    ``beside`` are the files with it: checkpoints, and the key that verifies them.
    """

    file: str
    facts: int
    root: str
    bytes: int
    beside: tuple[str, ...]


def back_up(
    record: Record, target: Path, *, home: Path, force: bool = False, progress: Progress = lambda _done, _goal: None
) -> BackedUp:
    """Copies the record to ``target``, and from ``home`` the checkpoints that speak of it.

    ``progress`` is told how many facts are done, and how many there are; one that is only written is half done.

    Raises:
        CommandRefusedError: ``target`` is there and ``force`` does not say to replace it, or it is a record in use.
        BackupFailedError: writing failed, or what was written is not what was read.
    """
    _refuse_to_lose(record, target, force=force)
    head = record.head()
    try:
        with new_file(target) as written:
            root = _write(record, written, target, head, progress)
            beside = _beside(home, target, head)
            # Whoever looks into it is not to change it: what reads a record notes that in it, where it may.
            written.chmod(0o444)
            size = written.stat().st_size
            (put_in_place if force else link_in_place)(written, target)
        _expect(target, head)
    except (sqlite3.Error, OSError) as error:
        # The file that it is written to first has a name that nobody has heard of.
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise BackupFailedError(f"{target} cannot be written: {why}; nothing has its name that is not whole") from error
    return BackedUp(file=str(target), facts=head, root=root, bytes=size, beside=tuple(beside))


def _write(record: Record, written: Path, target: Path, head: int, progress: Progress) -> str:
    """Writes the facts, reads them back and compares; returns their root (hex)."""
    read, stored = Frontier(), Frontier()
    write_rows(written, TABLES, _told(_until(record, head), read, lambda done: progress(done // 2, head)))
    # The facts and SQLite's word about them are of one file, whatever happens to its name meanwhile.
    with closing(open_rows(written)) as connection:
        for _ in _told(read_rows(connection), stored, lambda done: progress((head + done) // 2, head)):
            pass  # reading is what counts
        found = damage(connection)
    if (stored.size, stored.root()) != (head, read.root()) or found:
        raise BackupFailedError(f"{target}: what was written is not what was read: {_difference(stored, head, found)}")
    return read.root().hex()


def _expect(target: Path, head: int) -> None:
    """Whether what has the name now is what was written: another program may write to the same name."""
    if (found := count_rows(target)) != head:
        raise BackupFailedError(
            f"{target} has {found} facts and not the {head} that were written: another process has replaced it"
        )


def _refuse_to_lose(record: Record, target: Path, *, force: bool) -> None:
    if target.is_dir():
        raise CommandRefusedError(f"{target} is a folder; name a file")
    if not target.parent.is_dir():
        raise CommandRefusedError(f"there is no folder {target.parent} to write {target.name} to")
    if record.place == str(target.absolute()) or (Path(record.place).exists() and _is_same(Path(record.place), target)):
        raise CommandRefusedError(f"{target} is the record itself")
    if target.exists() and not force:
        raise CommandRefusedError(f"{target} is there already; name another file, or say --force")
    # What SQLite left beside an old file, it would apply to the new one.
    for left in (target.with_name(f"{target.name}-wal"), target.with_name(f"{target.name}-journal")):
        if left.exists():
            raise CommandRefusedError(f"{target} is in use, or was when its program died: {left} is there")


def _is_same(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)


def _until(record: Record, head: int) -> Iterator[Sequence[Row]]:
    after = 0
    while after < head:
        rows = record.recorder.select_rows(after=after, limit=AT_ONCE, stop=head)
        if not rows or rows[-1][0] != after + len(rows):
            raise RecordUnreadableError(f"a position after {after} is missing in the record; see: understudy fsck")
        yield rows
        after = rows[-1][0]


def _told(
    batches: Iterator[Sequence[Row]] | Iterator[list[Row]], tree: Frontier, tell: Callable[[int], object]
) -> Iterator[Sequence[Row]]:
    """The same batches; ``tree`` grows by them."""
    for rows in batches:
        tree.extend(leaf_hashes(rows))
        yield rows
        tell(tree.size)


def _difference(stored: Frontier, head: int, found: list[str]) -> str:
    if found:
        return "; ".join(found)
    return f"{stored.size} facts of {head}" if stored.size != head else "a fact differs"


def _beside(home: Path, target: Path, head: int) -> list[str]:
    """Copies the checkpoints of at most ``head`` facts: of a larger one, this copy would seem to be cut off."""
    copied: list[str] = []
    key = home / "notary.pub"
    if key.exists():
        copied.append(_copy(key, target.with_name(f"{target.name}.notary.pub")))
    notes = [
        note for note in sorted((home / "checkpoints").glob("*.note")) if note.stem.isdigit() and int(note.stem) <= head
    ]
    if notes:
        folder = target.with_name(f"{target.name}.checkpoints")
        if folder.is_symlink():  # whoever made it may have it lead anywhere
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
        folder.mkdir(exist_ok=True)
        copied += [_copy(note, folder / note.name) for note in notes]
        flush(folder)
    return copied


def _copy(source: Path, target: Path) -> str:
    with new_file(target) as written:
        written.write_bytes(source.read_bytes())
        flush(written)
        put_in_place(written, target)
    return str(target)
