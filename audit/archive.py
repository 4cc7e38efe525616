"""Archiving: closed parts of the record move to files beside it, and are read as before.

What is lost if the process dies: while a file is written, that file, which has no name yet; between its name and the
fact, nothing, the next run finds it and uses it; after the fact, nothing, the next run removes the rows that are left.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from audit.merkle import Frontier, leaf_hashes
from events.audit_commands import NoteArchived
from events.decisions.audit import refuse_if_held
from events.errors import CommandRefusedError, RecordReadOnlyError, RecordUnreadableError, UnderstudyError
from events.facts import AUDIT_STREAM, RecordArchived
from events.store import Record
from events.store.reading_only import reading_only
from events.store.recorder import Row
from events.store.row_files import (
    AT_ONCE,
    damage,
    flush,
    link_in_place,
    new_file,
    open_rows,
    read_rows,
    write_rows,
)
from events.store.sqlite import TABLES

FOLDER = "archive"
POSITIONS_OF_A_SEGMENT = 1_000_000
"""Segments end at multiples of it, and where archiving was asked to end."""
REMOVED_AT_ONCE = 20_000
"""Rows that leave the table in one transaction: whoever appends waits for so many."""

Progress = Callable[[int, int], object]


class ArchiveFailedError(UnderstudyError):
    """A segment could not be written, or is not what was to be moved; the record is as it was."""


class ArchivedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """Positions ``first`` to ``last``, in ``file``; ``position`` is that of the fact that says so, ``root`` in hex."""

    first: int
    last: int
    file: str
    root: str
    position: int


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """What one run has moved; ``until`` is the newest position that is archived now, 0 for none."""

    until: int
    segments: tuple[ArchivedSegment, ...]


def archive(record: Record, until: int, operator: str, *, progress: Progress = lambda _done, _goal: None) -> Archived:
    """Moves positions up to ``until`` to files beside the record, all but the newest one.

    Each segment is written, read back and compared, and flushed to disk under its name before the fact that it is
    there is recorded; only then do its rows leave the table. ``progress`` is told positions. Only one process at a time
    archives a record.

    Raises:
        CommandRefusedError: a hold stands, the record is not one in SQLite, or another process archives it.
        RecordReadOnlyError: the record cannot be written.
        ArchiveFailedError: a segment cannot be written.
        RecordUnreadableError: rows that are to be moved are missing or cannot be read.
    """
    folder = _folder(record)
    refuse_if_held(record.audit_state())
    with _alone(Path(record.place)):
        return _archive(record, folder, until, operator, progress)


def _archive(record: Record, folder: Path, until: int, operator: str, progress: Progress) -> Archived:
    _finish(record, folder)
    goal = min(until, record.head() - 1)
    segments: list[ArchivedSegment] = []
    begun = record.recorder.archived()
    while (last := record.recorder.archived()) < goal:
        end = min(goal, (last // POSITIONS_OF_A_SEGMENT + 1) * POSITIONS_OF_A_SEGMENT)
        segments.append(
            _move(record, folder, last + 1, end, operator, lambda done: progress(done - begun, goal - begun))
        )
    return Archived(until=record.recorder.archived(), segments=tuple(segments))


@contextmanager
def _alone(record: Path) -> Generator[None]:
    """Nobody else archives this record meanwhile; the lock goes with the process, whatever becomes of that."""
    if reading := reading_only(record):
        raise RecordReadOnlyError(f"{record} is read-only: {reading.why}")
    file = record.resolve()  # a record with two names has one lock
    lock = file.with_name(f".{file.name}.archive.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise ArchiveFailedError(f"{lock} cannot be opened: {error.strerror}; nothing was archived") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandRefusedError(
                "another process archives this record: this one has archived nothing; try again when that one is done"
            ) from error
        yield
    finally:
        os.close(descriptor)


def segment_name(first: int, last: int) -> str:
    """The name of the file of these positions, in the folder of the record."""
    return f"{FOLDER}/{first:020d}-{last:020d}.sqlite"


def segment_root(path: Path, first: int, last: int) -> str:
    """The root (hex) of the Merkle tree over the facts of a segment.

    Raises:
        RecordUnreadableError: the file is not there, damaged, or does not have exactly these positions.
    """
    tree = Frontier()
    try:
        # The facts and SQLite's word about them are of one file, whatever happens to its name meanwhile.
        with closing(open_rows(path)) as connection:
            for rows in read_rows(connection):
                _expect(rows, first + tree.size, path)
                tree.extend(leaf_hashes(rows))
            found = damage(connection)
    except sqlite3.Error as error:
        raise RecordUnreadableError(f"{path} cannot be read: {error}; restore it from a copy") from error
    if found or tree.size != last - first + 1:
        why = "; ".join(found) or f"it has {tree.size} facts and not those from {first} to {last}"
        raise RecordUnreadableError(f"{path} is damaged: {why}; restore it from a copy")
    return tree.root().hex()


def _folder(record: Record) -> Path:
    place = Path(record.place)
    if not place.is_file():
        raise CommandRefusedError("a record in PostgreSQL is not archived: its server keeps everything")
    return place.absolute().parent


def _move(
    record: Record, folder: Path, first: int, last: int, operator: str, tell: Callable[[int], object]
) -> ArchivedSegment:
    name = segment_name(first, last)
    root = _written(record, folder / name, first, last, tell)
    note = record.note_archived(NoteArchived(first=first, last=last, root=root, files=(name,), operator=operator))
    _remove_rows(record, lambda removed: tell((last + removed) // 2))
    return ArchivedSegment(first=first, last=last, file=name, root=root, position=note.position)


def _written(record: Record, path: Path, first: int, last: int, tell: Callable[[int], object]) -> str:
    """Writes a segment, or finds it written by a run that died; returns its root."""
    tree = Frontier()
    batches = _rows(record, first, last, tree, lambda done: tell(first - 1 + done // 2))
    try:
        if path.exists():
            for _ in batches:
                pass  # for the root of what is to be in there
        else:
            path.parent.mkdir(exist_ok=True)
            flush(path.parent.parent)
            _write(path, batches, lambda partial: _compare(partial, first, last, tree.root().hex()))
        # The file that has the name: it alone is what remains when the rows are removed.
        _compare(path, first, last, tree.root().hex())
    except (sqlite3.Error, OSError) as error:
        raise ArchiveFailedError(f"{path} cannot be written: {error}; the record is as it was") from error
    return tree.root().hex()


def _write(path: Path, batches: Iterator[Sequence[Row]], check: Callable[[Path], object]) -> None:
    with new_file(path) as partial:
        write_rows(partial, TABLES, batches)
        check(partial)
        partial.chmod(0o444)
        link_in_place(partial, path)


def _rows(
    record: Record, first: int, last: int, tree: Frontier, tell: Callable[[int], object]
) -> Iterator[Sequence[Row]]:
    after = first - 1
    while after < last:
        rows = record.recorder.select_rows(after=after, limit=AT_ONCE, stop=last)
        if not rows:
            raise RecordUnreadableError(f"position {after + 1} is missing in the record; see: understudy fsck")
        _expect(rows, after + 1, Path(record.place))
        tree.extend(leaf_hashes(rows))
        yield rows
        after = rows[-1][0]
        tell(tree.size)


def _expect(rows: Sequence[Row], first: int, where: Path) -> None:
    if rows[0][0] != first or rows[-1][0] != first + len(rows) - 1:
        raise RecordUnreadableError(f"a position after {first - 1} is missing in {where}; see: understudy fsck")


def _compare(path: Path, first: int, last: int, root: str) -> None:
    if segment_root(path, first, last) != root:
        raise ArchiveFailedError(f"{path} is not what the record has from {first} to {last}; move it away")


def _finish(record: Record, folder: Path) -> None:
    """Removes the rows that a run that died has left, after one more look at the files that have them."""
    oldest = record.recorder.oldest_in_table()
    roots = archived_roots(record)
    for segment in record.recorder.segments():
        if segment.last >= oldest:
            if segment.file not in roots:
                raise RecordUnreadableError(f"no event says that {segment.file} was archived; see: understudy fsck")
            _compare(folder / segment.file, segment.first, segment.last, roots[segment.file])
    _remove_rows(record, lambda _: None)


def _remove_rows(record: Record, tell: Callable[[int], object]) -> None:
    while record.recorder.remove_archived(REMOVED_AT_ONCE):
        tell(record.recorder.oldest_in_table() - 1)


def archived_roots(record: Record) -> dict[str, str]:
    """The root (hex) that was recorded of each archived file, by its name."""
    facts = (recorded.fact for recorded in record.read_chassis(AUDIT_STREAM))
    return {file: fact.root for fact in facts if isinstance(fact, RecordArchived) for file in fact.files}
