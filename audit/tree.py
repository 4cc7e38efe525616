"""The hashes of the tree beside the record: ``tree.sqlite``, which can be made again from the record at any time.

Hashes lie in tiles of 256, as in C2SP tlog-tiles: those of level 0 hold leaf hashes, those of level L the hashes of
complete subtrees of 256**L leaves; the last tile of each level may be partial. From these comes every hash that a proof
needs. How far the tree has come is kept by the eventsourcing library's tracking recorder, in the same transaction.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from eventsourcing.persistence import IntegrityError, PersistenceError, Tracking
from eventsourcing.sqlite import SQLiteCursor, SQLiteDatastore, SQLiteTrackingRecorder

from audit.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    complete_root,
    consistency_proof,
    inclusion_proof,
    leaf_hashes,
    subtree_root,
)
from audit.tree_rows import Batches, rows_of
from events.errors import UnderstudyError
from events.store import Record
from events.store.recorder import Row

FILE = "tree.sqlite"
FORMAT = 1
"""The version of the tables; a file of any other is made anew."""
APPLICATION_ID = 0x556E6474
"""Marks the file as a tree (``Undt``)."""
HEIGHT = 8
TILE = 1 << HEIGHT
LEAVES_AT_ONCE = 1 << 16
"""Leaves in one transaction: 2 MiB of hashes."""
LOCK_TIMEOUT_SECONDS = 30
UPSTREAM = "record"
"""The name under which the library tracks the record."""

AFTER_RESTORE = "if a backup was put in its place, see understudy audit checkpoint --after-restore"
"""What helps where the record is another one than before, and rightly so."""

Progress = Callable[[int, int], object]

_TILES = """CREATE TABLE IF NOT EXISTS tiles (
    level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, number)) WITHOUT ROWID"""
_WRITE = "INSERT OR REPLACE INTO tiles VALUES (?, ?, ?)"
_READ = "SELECT hashes FROM tiles WHERE level = ? AND number = ?"
_READ_LEAVES = "SELECT number, hashes FROM tiles WHERE level = 0 AND number BETWEEN ? AND ? ORDER BY number"

_Tile = tuple[int, int, bytes]


class TreeError(UnderstudyError):
    """The tree cannot follow the record: that has lost facts that the tree had seen, or has a gap."""


class TreeDatastore(SQLiteDatastore):
    """The library's datastore; what SQLite cannot do is a ``TreeError`` that says what helps."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), lock_timeout=LOCK_TIMEOUT_SECONDS, originator_id_type="text")
        self._path = path
        self.is_made = False
        """Until then errors stay the library's own, which asks its tables whether they are there."""

    @contextmanager
    def transaction(self, *, commit: bool) -> Generator[SQLiteCursor, None, None]:
        """The library's transaction."""
        try:
            with super().transaction(commit=commit) as cursor:
                yield cursor
        except IntegrityError:
            raise
        except (sqlite3.Error, PersistenceError) as error:
            if not self.is_made:
                raise
            raise TreeError(f"{self._path} cannot be used: {error}; it can be removed, and is made again") from error


class TreeRecorder(SQLiteTrackingRecorder):
    """The library's tracking recorder, and tiles."""

    def construct_create_table_statements(self) -> list[str]:
        """The tiles' table, and the library's."""
        marks = (f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {FORMAT}")
        return [*super().construct_create_table_statements(), _TILES, *marks]

    def insert_tiles(self, tiles: Sequence[_Tile], before: int, size: int) -> None:
        """Writes tiles, over partial ones too, and that the tree has ``size`` leaves now, where it had ``before``.

        Raises:
            IntegrityError: another process has brought it further meanwhile; nothing was written.
        """
        with self.datastore.transaction(commit=True) as cursor:
            # Writing comes first: it waits for other writers, which a transaction that has read already cannot.
            cursor.executemany(_WRITE, tiles)
            if (self._max_tracking_id(UPSTREAM, cursor) or 0) != before:
                raise IntegrityError(f"the tree does not end at {before} any more")
            self._insert_tracking(cursor, Tracking(UPSTREAM, size))

    def select_tile(self, level: int, number: int) -> bytes:
        """The hashes in a tile, one after the other; none where there is no such tile."""
        with self.datastore.transaction(commit=False) as cursor:
            return _hashes(cursor, level, number)

    def select_leaves(self, first: int, last: int) -> bytes:
        """The leaf hashes in these tiles, one after the other, up to the first tile that there is not, or not whole."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(_READ_LEAVES, (first, last))
            rows = cursor.fetchall()
        found: list[bytes] = []
        for number, row in enumerate(rows, first):
            if row["number"] != number or not isinstance(row["hashes"], bytes):
                break
            found.append(row["hashes"])
            if len(found[-1]) != TILE * HASH_BYTES:
                break
        return b"".join(found)


def _hashes(cursor: SQLiteCursor, level: int, number: int) -> bytes:
    cursor.execute(_READ, (level, number))
    row = cursor.fetchone()
    # What is something else than bytes is damaged, and as good as nothing.
    return row["hashes"] if row and isinstance(row["hashes"], bytes) else b""


class Tree:
    """The hashes of the first ``size`` facts of a record. Any number of processes may use and extend it at once."""

    def __init__(self, path: Path) -> None:
        """Opens the tree at ``path``; one that cannot be read as a tree of this version is replaced by an empty one."""
        self.path = path
        self._open()

    def _open(self) -> None:
        # One makes it, the others wait: SQLite itself lets nobody wait who makes a database.
        with _alone(self.path):
            is_made = is_tree(self.path)
            if not is_made:
                discard(self.path)
            self._datastore = TreeDatastore(self.path)
            self._recorder = TreeRecorder(self._datastore)
            if not is_made:
                self._recorder.create_table()
            self._datastore.is_made = True
        # Whole tiles never change, so they may be kept; the key has the length that is needed.
        self._tile = lru_cache(maxsize=64)(self._read_tile)

    @property
    def size(self) -> int:
        """How many facts it has the hashes of."""
        return self._recorder.max_tracking_id(UPSTREAM) or 0

    def extend(self, batches: Batches, until: int, progress: Progress | None = None) -> None:
        """Adds the leaves of all facts up to position ``until``, as far as it does not have them.

        Raises:
            TreeError: a position is missing.
        """
        while (size := self.size) < until:
            with suppress(IntegrityError):  # another process has just brought it further: go on from there
                self._extend(batches, size, until, progress)

    def _extend(self, batches: Batches, size: int, until: int, progress: Progress | None) -> None:
        growing, waiting = _Growing(self._recorder, size), list[bytes]()
        for rows in batches(size, until):
            expected = growing.size + len(waiting) + 1
            if rows[0][0] != expected or rows[-1][0] != expected + len(rows) - 1:
                raise TreeError(gap_at(rows, expected))
            waiting += leaf_hashes(rows)
            if len(waiting) >= LEAVES_AT_ONCE:
                growing.add(waiting)
                waiting = []
            if progress:
                progress(growing.size + len(waiting), until)
        growing.add(waiting)
        if growing.size < until:
            raise TreeError(gap_at([], growing.size + 1))

    def subtree(self, level: int, number: int) -> bytes:
        """The hash of the complete subtree of 2**level leaves that begins at the leaf with index number * 2**level.

        Raises:
            TreeError: the tree does not have all these leaves, or its file is damaged.
        """
        tiles, within = divmod(level, HEIGHT)
        tile, first = divmod(number << within, TILE)
        last = first + (1 << within)
        hashes = self._tile(tiles, tile, last)
        return complete_root([hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(first, last)])

    def _read_tile(self, level: int, number: int, needed: int) -> bytes:
        hashes = self._recorder.select_tile(level, number)
        if len(hashes) < needed * HASH_BYTES or len(hashes) % HASH_BYTES:
            raise TreeError(f"{self.path} lacks hashes (tile {number} of level {level}): remove it, it is made again")
        return hashes

    def leaf(self, position: int) -> bytes:
        """The leaf hash of the fact at a position."""
        return self.subtree(0, position - 1)

    def leaves(self, after: int, until: int) -> bytes:
        """The leaf hashes of positions greater than ``after`` and at most ``until``, as far as it has them, joined."""
        first, last = after // TILE, (until - 1) // TILE
        hashes = self._recorder.select_leaves(first, last)
        return hashes[(after - first * TILE) * HASH_BYTES : (until - first * TILE) * HASH_BYTES]

    def root(self, size: int) -> bytes:
        """The root of the first ``size`` facts."""
        return subtree_root(0, size, self.subtree) if size else EMPTY_ROOT

    def inclusion_proof(self, position: int, size: int) -> list[bytes]:
        """That the fact at a position is in the tree of the first ``size`` facts."""
        return inclusion_proof(position - 1, size, self.subtree)

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """That the tree of the first ``new`` facts begins with that of the first ``old``."""
        return consistency_proof(old, new, self.subtree)

    def is_of(self, batches: Batches) -> bool:
        """Whether it can be of the record with these rows: the first fact is the same, or it is empty."""
        if not self.size:
            return True
        first = next(batches(0, 1), None)
        return first is not None and leaf_hashes(first) == [self.leaf(1)]

    def clear(self) -> None:
        """Forgets everything."""
        self.close()
        discard(self.path)
        self._open()

    def close(self) -> None:
        """Closes the file."""
        self._datastore.close()


class _Growing:
    """The partial tiles at the right edge of a tree, while leaves are added."""

    def __init__(self, recorder: TreeRecorder, size: int) -> None:
        self.size = size
        self._recorder = recorder
        self._edges: list[list[bytes]] = []
        level, count = 0, size
        while count:
            hashes = recorder.select_tile(level, count // TILE)[: count % TILE * HASH_BYTES]
            self._edges.append(_split(hashes))
            level, count = level + 1, count // TILE

    def add(self, leaves: list[bytes]) -> None:
        """Writes the tiles that are new or other with these leaves, in one transaction.

        Raises:
            IntegrityError: another process has brought the tree further meanwhile.
        """
        if not leaves:
            return
        written: list[_Tile] = []
        level, added = 0, leaves
        while added:
            if level == len(self._edges):
                self._edges.append([])
            edge = self._edges[level] + added
            first = (self.size >> HEIGHT * level) // TILE
            chunks = [edge[at : at + TILE] for at in range(0, len(edge), TILE)]
            written += [(level, number, b"".join(chunk)) for number, chunk in enumerate(chunks, first)]
            self._edges[level] = chunks.pop() if len(chunks[-1]) < TILE else []
            added = [complete_root(chunk) for chunk in chunks]
            level += 1
        before, self.size = self.size, self.size + len(leaves)
        self._recorder.insert_tiles(written, before, self.size)


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def gap_at(rows: Sequence[Row], first: int) -> str:
    """Says which position is missing in rows that were to begin with ``first``, or after them."""
    position = next((at for at, row in enumerate(rows, first) if row[0] != at), first + len(rows))
    return f"the record has no position {position}: see understudy audit verify"


def open_tree(
    folder: Path,
    record: Record,
    *,
    check: Callable[["Tree", Batches], object] | None = None,
    progress: Progress | None = None,
) -> Tree:
    """The tree of a record, kept in ``folder`` and extended to the record's head.

    ``check`` gets the tree before anything is added to it, and may refuse that by an error.

    Raises:
        TreeError: the record is shorter than the tree, or has a gap.
    """
    tree = Tree(folder / FILE)
    try:
        _follow(tree, record, check, progress)
    except BaseException:
        tree.close()
        raise
    return tree


def _follow(
    tree: Tree, record: Record, check: Callable[[Tree, Batches], object] | None, progress: Progress | None
) -> None:
    batches, head = rows_of(record), record.head()
    if not tree.is_of(batches):
        tree.clear()
    if tree.size > head:
        raise TreeError(
            f"the record ends at position {head}, but {tree.path} has seen {tree.size} facts of it: "
            f"see understudy audit verify; {AFTER_RESTORE}"
        )
    if check is not None:
        check(tree, batches)
    tree.extend(batches, head, progress)


def is_tree(path: Path) -> bool:
    """Whether there is a tree of this version at ``path``.

    Raises:
        TreeError: that cannot be told at present.
    """
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            marks = "SELECT * FROM pragma_application_id, pragma_user_version"
            return bool(connection.execute(marks).fetchone() == (APPLICATION_ID, FORMAT))
    except sqlite3.OperationalError as error:
        raise TreeError(f"{path} cannot be read: {error}; see who holds it, or remove it: it is made again") from error
    except sqlite3.DatabaseError:
        return False


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """No other process makes or replaces a tree at ``path`` meanwhile."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def discard(path: Path) -> None:
    """Removes a tree's file, and what SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
