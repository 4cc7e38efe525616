"""What a bundle has to prove that its facts are in the tree: the fewest hashes of what it does not hold."""

from collections.abc import Callable, Iterator

from audit.bundle.verifier.hashing import subtrees_between

Subtree = Callable[[int, int], bytes]
"""The hash of the complete subtree with this level and number in that level, from 0."""


class Gaps:
    """Hashes of the complete subtrees between the facts of a bundle, in the order in which its verifier needs them.

    For a range without gaps these are the hashes left and right of it; for single facts, their inclusion proofs with
    nothing in them twice.
    """

    def __init__(self, subtree: Subtree) -> None:
        self._subtree = subtree
        self._size = 0

    def skip_to(self, position: int) -> Iterator[bytes]:
        """The hashes between the fact before and the one at ``position``, which is passed."""
        for level, number in subtrees_between(self._size, position - 1):
            yield self._subtree(level, number)
        self._size = position

    def finish(self, size: int) -> Iterator[bytes]:
        """The hashes behind the last fact, in the tree of ``size`` facts."""
        for level, number in subtrees_between(self._size, size):
            yield self._subtree(level, number)
        self._size = size
