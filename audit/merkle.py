"""The Merkle tree over the record, as RFC 9162 (section 2.1) hashes it: leaves, roots, proofs and their verification.

The fact at position N is the leaf with index N-1. Nothing here reads a record: proofs ask for hashes.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any

LEAF, NODE = b"\x00", b"\x01"
"""What comes before the bytes of a leaf, and before the two hashes of an inner node."""
HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Leaf = Sequence[Any]
"""position, chassis, version in its stream, stored name, stored JSON: a row of the store."""
Subtree = Callable[[int, int], bytes]
"""The hash of the complete subtree of 2**level leaves whose first leaf is the one with index number * 2**level."""

_PREIMAGE = b"%d\n%b\n%d\n%b\n%b"
_LEAF = LEAF + _PREIMAGE
# A copy of one that has taken its first byte costs less than a new one; nodes are small enough that it shows.
_begun_node = sha256(NODE).copy


def leaf_preimage(row: Leaf) -> bytes:
    """What is hashed of a fact: all that the store holds of it, its bytes as they are stored."""
    position, chassis, version, name, state = row
    return _PREIMAGE % (position, chassis.encode(), version, name.encode(), state)


def leaf_hash(row: Leaf) -> bytes:
    """The hash of the leaf that a row of the store is.

    Raises:
        TypeError: the row is not of the types of one; likewise AttributeError.
    """
    return sha256(LEAF + leaf_preimage(row)).digest()


def leaf_hashes(rows: Iterable[Leaf]) -> list[bytes]:
    """``leaf_hash`` of each row, quickly: the hot path of all that reads the whole record.

    A row that no program of ours has written (a text in the place of bytes) has a hash that no fact has.
    """
    kept = list(rows)
    try:
        return [
            sha256(_LEAF % (position, chassis.encode(), version, name.encode(), state)).digest()
            for position, chassis, version, name, state in kept
        ]
    except (TypeError, AttributeError):
        return [_any_hash(row) for row in kept]


def _any_hash(row: Leaf) -> bytes:
    try:
        return leaf_hash(row)
    except (TypeError, AttributeError):
        # A preimage begins with a digit; this does not.
        return sha256(LEAF + repr(tuple(row)).encode()).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(NODE + left + right).digest()


def join(hashes: Sequence[bytes]) -> list[bytes]:
    """The hashes one level up; ``hashes`` are an even number of neighbours."""
    each, joined = iter(hashes), list[bytes]()
    for left, right in zip(each, each, strict=True):
        node = _begun_node()
        node.update(left)
        node.update(right)
        joined.append(node.digest())
    return joined


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The hash of the complete subtree over a power of two of neighbours of one level."""
    while len(hashes) > 1:
        hashes = join(hashes)
    return hashes[0]


class Frontier:
    """A tree that only grows, in a few dozen hashes: of each level, the complete subtree that awaits its pair."""

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        """An empty tree, or the one that ``size`` and ``nodes`` of another one describe.

        Raises:
            ValueError: ``nodes`` are not as many as a tree of that size has.
        """
        given = list(nodes)
        if len(given) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} complete subtrees, not {len(given)}")
        self.size = size
        self._levels = [given.pop() if size >> level & 1 else None for level in range(size.bit_length())]

    @property
    def nodes(self) -> list[bytes]:
        """The hashes of the complete subtrees that the tree consists of, the largest (the oldest leaves) first."""
        return [node for node in reversed(self._levels) if node is not None]

    def append(self, leaf: bytes) -> None:
        """Adds a leaf, by its hash."""
        self.extend((leaf,))

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Adds leaves, by their hashes."""
        self.size += len(leaves)
        rising, level = list(leaves), 0
        while rising:
            if level == len(self._levels):
                self._levels.append(None)
            waiting = self._levels[level]
            if waiting is not None:
                rising.insert(0, waiting)
            self._levels[level] = rising.pop() if len(rising) % 2 else None
            rising = join(rising)
            level += 1

    def root(self) -> bytes:
        """The hash of the whole tree, as far as it has grown."""
        return _fold(self.nodes)


def subtree_root(begin: int, end: int, subtree: Subtree) -> bytes:
    """The hash of the leaves from ``begin`` up to, not including, ``end``; ``begin`` is where such a tree may begin."""
    parts: list[bytes] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        parts.append(subtree(level, begin >> level))
        begin += 1 << level
    return _fold(parts)


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """That the leaf ``index`` is in the tree of ``size`` leaves: PATH of RFC 9162, 2.1.3.1.

    Raises:
        ValueError: that tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf with index {index}")
    begin, end, path = 0, size, list[bytes]()
    while end - begin > 1:
        middle = begin + _left(end - begin)
        if index < middle:
            path.append(subtree_root(middle, end, subtree))
            end = middle
        else:
            path.append(subtree_root(begin, middle, subtree))
            begin = middle
    return path[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """That the tree of ``new`` leaves begins with the tree of ``old`` ones: PROOF of RFC 9162, 2.1.4.1.

    Nothing needs to be proved of the empty tree; its proof is empty.

    Raises:
        ValueError: ``old`` is larger than ``new``.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves does not begin with one of {old}")
    if old == 0:
        return []
    begin, end, proof = 0, new, list[bytes]()
    while end != old:
        middle = begin + _left(end - begin)
        if old <= middle:
            proof.append(subtree_root(middle, end, subtree))
            end = middle
        else:
            proof.append(subtree_root(begin, middle, subtree))
            begin = middle
    if begin:
        proof.append(subtree_root(begin, end, subtree))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows that the leaf with this hash and index is in the tree of that size and root (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for node in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(node, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, node)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the tree of ``new`` leaves begins with the one of ``old`` leaves (2.1.4.2)."""
    if not 0 < old < new:
        known = old_root == (EMPTY_ROOT if old == 0 else new_root)
        return 0 <= old <= new and known and not proof
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(node, before), node_hash(node, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, node)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _left(leaves: int) -> int:
    """How many of them are in the left subtree: the largest power of two that is smaller than their number."""
    return 1 << ((leaves - 1).bit_length() - 1)


def _fold(parts: Sequence[bytes]) -> bytes:
    """The root over complete subtrees, the largest first."""
    if not parts:
        return EMPTY_ROOT
    *rest, root = parts
    for part in reversed(rest):
        root = node_hash(part, root)
    return root
