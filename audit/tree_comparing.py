"""Whether a tree is that of the record: before anything is signed, the record's newest rows are hashed once more."""

from typing import NamedTuple

from audit.merkle import HASH_BYTES, Frontier, Subtree, leaf_hashes
from audit.tree import TILE, Progress, Tree, TreeError, gap_at
from audit.tree_rows import Batches

COMPARED_BEFORE = 1 << 16
"""How many facts before the newest checkpoint are hashed again, besides all that follow it; a fifth of a second."""


class Compared(NamedTuple):
    """What a comparison has found.

    ``differs`` is the first position that is not what the tree has, 0 if there is none; ``is_tree`` tells that the
    hashes above the leaves fit, too; ``is_signed`` that the record's rows give the root that was signed.
    """

    differs: int
    is_tree: bool
    is_signed: bool

    @property
    def same(self) -> bool:
        """Whether nothing is wrong."""
        return not self.differs and self.is_tree and self.is_signed


def compare(
    tree: Tree, batches: Batches, *, after: int, signed: tuple[int, bytes] | None, progress: Progress | None = None
) -> Compared:
    """Hashes the rows after position ``after`` (rounded down to whole tiles), as far as the tree has come.

    What is before them is taken from the tree; ``signed``, a size and its root, proves that, too, if it is not smaller.

    Raises:
        TreeError: the record has a gap there, or the tree lacks hashes.
    """
    size, start = tree.size, after - after % TILE
    frontier, differs = Frontier(start, _nodes(start, tree.subtree)), 0
    stops = [signed[0], size] if signed and start <= signed[0] < size else [size]
    is_signed = True
    for stop in stops:
        for rows in batches(frontier.size, stop):
            reached = frontier.size
            if rows[0][0] != reached + 1 or rows[-1][0] != reached + len(rows):
                raise TreeError(gap_at(rows, reached + 1))
            hashes = leaf_hashes(rows)
            differs = differs or _first_other(hashes, tree.leaves(reached, reached + len(rows)), reached + 1)
            frontier.extend(hashes)
            if progress:
                progress(frontier.size, size)
        if frontier.size < stop:
            raise TreeError(gap_at([], frontier.size + 1))
        if signed and stop == signed[0]:
            is_signed = frontier.root() == signed[1]
    return Compared(differs, frontier.root() == tree.root(size), is_signed)


def _nodes(size: int, subtree: Subtree) -> list[bytes]:
    """The complete subtrees of the first ``size`` leaves, the largest first."""
    found, begin = list[bytes](), 0
    while begin < size:
        level = (size - begin).bit_length() - 1
        found.append(subtree(level, begin >> level))
        begin += 1 << level
    return found


def _first_other(hashes: list[bytes], noted: bytes, first: int) -> int:
    if b"".join(hashes) == noted:
        return 0
    known = (noted[at : at + HASH_BYTES] for at in range(0, len(noted), HASH_BYTES))
    return next((position for position, one in enumerate(hashes, first) if one != next(known, b"")), 0)
