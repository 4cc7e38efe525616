"""The Merkle tree of the record, as RFC 9162 (section 2.1) hashes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(position: int, chassis: bytes, version: int, name: bytes, stored: bytes) -> bytes:
    """The hash of the leaf of one fact: everything that the record holds of it."""
    return hashlib.sha256(b"\0%d\n%s\n%d\n%s\n%s" % (position, chassis, version, name, stored)).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an interior node."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier:
    """A tree that grows to the right by complete subtrees; it keeps one hash for each bit of its size."""

    def __init__(self) -> None:
        self.size = 0
        """How many leaves it has."""
        self._left: list[bytes] = []

    def add(self, level: int, digest: bytes) -> None:
        """Appends the complete subtree of ``2**level`` leaves; the size has to be a multiple of that.

        Raises:
            ValueError: it is not.
        """
        if self.size & ((1 << level) - 1):
            raise ValueError(f"a subtree of level {level} cannot begin at leaf {self.size}")
        carry = self.size >> level
        self.size += 1 << level
        left = self._left
        while carry & 1:
            digest = node_hash(left.pop(), digest)
            carry >>= 1
        left.append(digest)

    def root(self) -> bytes:
        """The hash of the whole tree."""
        if not self._left:
            return EMPTY_ROOT
        digest = self._left[-1]
        for left in reversed(self._left[:-1]):
            digest = node_hash(left, digest)
        return digest


def subtrees_between(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The fewest complete subtrees that cover the leaves from ``start`` up to, not including, ``end``.

    Each is its level and its number in that level, from 0: it has the leaves ``number << level`` and on.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def is_consistent(older: tuple[int, bytes], newer: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether the tree of size and root ``older`` is the beginning of ``newer`` (RFC 9162, section 2.1.4.2)."""
    (first, first_root), (second, second_root) = older, newer
    if first == second:
        return first_root == second_root and not proof
    if not 0 < first < second or not proof:
        return False
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for digest in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(digest, old), node_hash(digest, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, digest)
        node, last = node >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
