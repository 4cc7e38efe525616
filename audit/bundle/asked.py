"""What a bundle is made of: the question that it answers, and the seals of the record that it carries."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from audit.bundle.proofs import Subtree
from audit.notes import SigningKey
from audit.notes_checkpoint import SignedCheckpoint
from events.errors import UnderstudyError


class EvidenceError(UnderstudyError):
    """A bundle that cannot be made, or that would not verify; nothing was left behind."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which facts: positions ``first`` to ``last``, both included, of all chassis or of one."""

    first: int
    last: int
    chassis: str | None = None
    query: dict[str, str | None]
    """As the operator wrote it."""
    operator: str
    tool: str
    """Name and version of what exports."""
    made_at: datetime


class Seals(msgspec.Struct, frozen=True, kw_only=True):
    """What vouches for the facts: checkpoints, the smallest first, and the tree under the newest of them."""

    key: SigningKey
    checkpoints: tuple[SignedCheckpoint, ...]
    subtree: Subtree

    @property
    def size(self) -> int:
        """How many facts the newest checkpoint covers."""
        return self.checkpoints[-1].checkpoint.size


def pick_sizes(sizes: Sequence[int], *, first: int, last: int, also: Sequence[int] = ()) -> list[int]:
    """Which checkpoints a bundle carries: the oldest with its first fact, the oldest with its last one, the newest.

    The older a checkpoint, the less time there was to edit what it covers. ``also`` are sizes that somebody holds.

    Raises:
        EvidenceError: none covers the last fact, or there is none of a size in ``also``.
    """
    unknown = sorted(set(also) - set(sizes))
    if unknown:
        raise EvidenceError(f"there is no checkpoint of {unknown[0]} facts beside the record")
    covering = sorted(size for size in sizes if size >= last)
    if not covering:
        raise EvidenceError(f"no checkpoint covers position {last}; run: understudy audit checkpoint")
    oldest = min(size for size in sizes if size >= first)
    return sorted({oldest, covering[0], covering[-1], *also})
