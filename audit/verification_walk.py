"""One pass over the whole record: what is missing, what differs from what the tree noted, and the root at every size.

A fact whose hash is not the one that was signed is counted as wrong and the signed hash taken in its place, where the
tree beside the record has that and can prove it; so everything else is still compared, and every edit is found.
"""

import gc
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from audit.merkle import HASH_BYTES, Frontier, leaf_hashes
from audit.tree_rows import Batches
from audit.verification_answer import Finding, Kind
from events.facts import AUDIT_STREAM
from events.store.recorder import Row

FINDINGS = 20
"""How many findings of a kind are told; all are counted."""
ASKED = 1000
"""How many differences are looked into: a record that differs everywhere needs no proof for each position."""
FILLED_AT_ONCE = 1 << 16

Progress = Callable[[int, int], object]


class Noted(Protocol):
    """Leaf hashes as they were noted when the facts were new: the tree's."""

    def leaves(self, after: int, until: int) -> bytes:
        """Those of positions greater than ``after`` and at most ``until``, as far as they are known, joined."""
        ...


class Vouch(Protocol):
    """Whether the hash that was noted of a position is the one that was signed."""

    def __call__(self, position: int, noted: bytes) -> bool:
        """By a checkpoint that counts."""
        ...


class Walk:
    """What has been seen of the record so far."""

    def __init__(self, noted: Noted, vouch: Vouch, sizes: Iterable[int], archived: int = 0) -> None:
        """``sizes`` are the ones to tell the root at; positions up to ``archived`` were archived."""
        self.frontier = Frontier()
        self.roots: dict[int, bytes] = {0: self.frontier.root()}
        self.edits: list[Finding] = []
        self.doubts: list[Finding] = []
        """Differences from the tree that no checkpoint decides: either of the two may have been edited."""
        self.edited = 0
        self.gaps: list[Finding] = []
        self.missing = 0
        self.facts = 0
        """How many there are."""
        self.agreed = 0
        """The newest position that is what was noted of it."""
        self.happened = 0
        """The newest position that is not about the audit itself: what follows, readings may have left."""
        self.versions: dict[Any, Any] = {}
        """The newest version of each stream."""
        self.passed: dict[Any, Any] = {}
        """The newest version of each stream that was archived."""
        self.blind_after = -1
        """From this size on, roots cannot be told; -1 if they can."""
        self._noted = noted
        self._vouch = vouch
        self._sizes = sorted(sizes, reverse=True)
        self._archived = archived
        self._reached = 0
        self._asked = 0

    def over(self, batches: Batches, head: int, progress: Progress | None) -> None:
        """Reads everything up to position ``head``."""
        with _uncollected():
            for rows in batches(0, head):
                for part in self._parts(rows) if self._archived else [rows]:
                    self._take(part)
                if progress:
                    progress(self._reached, head)
        self._miss(head)

    def beyond(self, size: int) -> None:
        """Goes on, up to a size that was signed, with what was noted of facts that the record does not have."""
        self._fill(size)

    def _parts(self, rows: Sequence[Row]) -> Generator[Sequence[Row]]:
        """What was archived, and the rest; notes how far each stream is between them."""
        older = sum(row[0] <= self._archived for row in rows)
        if older:
            yield rows[:older]
            self.passed = dict(self.versions) if rows[older - 1][0] == self._archived else self.passed
        if older < len(rows):
            yield rows[older:]

    def _take(self, rows: Sequence[Row]) -> None:
        before = self._reached
        self.facts += len(rows)
        self.happened = next((row[0] for row in reversed(rows) if row[1] != AUDIT_STREAM), self.happened)
        self._follow_streams(rows)
        hashes = leaf_hashes(rows)
        if rows[0][0] != before + 1 or rows[-1][0] != before + len(rows):
            self._take_with_gaps(rows, hashes)
            return
        self._compare(hashes, before)
        self._grow(hashes)

    def _take_with_gaps(self, rows: Sequence[Row], hashes: Sequence[bytes]) -> None:
        for row, found in zip(rows, hashes, strict=True):
            self._miss(row[0] - 1)
            one = [found]
            self._compare(one, row[0] - 1)
            self._grow(one)

    def _compare(self, hashes: list[bytes], after: int) -> None:
        """Compares with what was noted; puts what was signed in the place of what was edited."""
        noted = self._noted.leaves(after, after + len(hashes))
        joined = b"".join(hashes)
        if joined.startswith(noted):
            self.agreed = after + len(noted) // HASH_BYTES if noted else self.agreed
            return
        for number in range(len(noted) // HASH_BYTES):
            known = noted[number * HASH_BYTES : (number + 1) * HASH_BYTES]
            if known == hashes[number]:
                self.agreed = after + number + 1
                continue
            if self._differs(after + number + 1, known):
                hashes[number] = known

    def _differs(self, position: int, noted: bytes) -> bool:
        """Notes that a position is not what was noted of it; returns whether a checkpoint proves what was noted."""
        self._asked += 1
        if self._asked <= ASKED and self._vouch(position, noted):
            self.edited += 1
            if len(self.edits) < FINDINGS:
                text = f"position {position} is not what was recorded and signed"
                self.edits.append(Finding(kind=Kind.EDITED, text=text, first=position, last=position))
            return True
        if len(self.doubts) < FINDINGS:
            text = f"position {position} is not what the notary saw there; no checkpoint tells which of them was edited"
            self.doubts.append(Finding(kind=Kind.UNSIGNED_DIFFERENCE, text=text, first=position, last=position))
        return False

    def _grow(self, hashes: Sequence[bytes]) -> None:
        self._reached += len(hashes)
        if self.blind_after >= 0:
            return
        taken = 0
        while self._sizes and self._sizes[-1] <= self._reached:
            size = self._sizes.pop()
            upto = len(hashes) - (self._reached - size)
            self.frontier.extend(hashes[taken:upto])
            self.roots[size] = self.frontier.root()
            taken = upto
        self.frontier.extend(hashes[taken:] if taken else hashes)

    def _miss(self, until: int) -> None:
        """The record has no fact from here up to position ``until``."""
        first = self._reached + 1
        if first > until:
            return
        self.missing += 1
        if len(self.gaps) < FINDINGS:
            which = f"position {first} is" if first == until else f"positions {first} to {until} are"
            self.gaps.append(Finding(kind=Kind.GAP, text=f"{which} missing", first=first, last=until))
        self._fill(until)

    def _fill(self, until: int) -> None:
        """Goes on with what was noted; where that is not enough, no root can be told any more."""
        while self._reached < until:
            noted = self._noted.leaves(self._reached, min(until, self._reached + FILLED_AT_ONCE))
            if not noted:
                self.blind_after = self._reached if self.blind_after < 0 else self.blind_after
                self._reached = until
                return
            self._grow([noted[at : at + HASH_BYTES] for at in range(0, len(noted), HASH_BYTES)])

    def _follow_streams(self, rows: Sequence[Row]) -> None:
        versions = self.versions
        for position, chassis, version, _, _ in rows:
            expected = versions.get(chassis, 0) + 1
            versions[chassis] = (
                version if version == expected else self._stream_gap(position, chassis, version, expected)
            )

    def _stream_gap(self, position: int, chassis: str, version: object, expected: int) -> int:
        """Notes that a stream does not go on as it has to; returns the version that it goes on from."""
        self.missing += 1
        if len(self.gaps) < FINDINGS:
            text = f"position {position} is version {version!r} of {chassis}, where version {expected} has to follow"
            self.gaps.append(Finding(kind=Kind.STREAM_GAP, text=text, first=position, last=position))
        return version if isinstance(version, int) else expected


@contextmanager
def _uncollected() -> Generator[None]:
    """Rows and hashes have no cycles; looking for some in each batch would take a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
