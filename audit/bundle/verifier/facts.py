"""The facts of a bundle: what their lines say, that nothing is missing between them, and that the tree has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO

from audit.bundle.verifier.findings import UNREADABLE, Part
from audit.bundle.verifier.hashing import HASH_BYTES, Frontier, subtrees_between
from audit.bundle.verifier.lines import CSV_HEADING, Line, parse_line, parse_stored
from audit.bundle.verifier.members import LARGEST_READ_WHOLE, MANIFEST, Bundle, Progress, read_whole
from audit.bundle.verifier.signing import Checkpoint, Wrong

JSONL, CSV, LEAVES, PROOF = "facts.jsonl", "facts.csv", "leaves.bin", "proof.bin"
NEIGHBOURS = "neighbours.jsonl"
"""With one chassis: its fact before the range and the one behind, which show that none is missing at the ends."""
TOLD_EVERY = 1000
_LONGEST_ROW = 3 * LARGEST_READ_WHOLE
"""A row has what its line has, each quotation mark twice, and times and links once more."""


class FactsCheck:
    """One walk through facts, table, leaves and proof, side by side, in constant memory."""

    def __init__(self, bundle: Bundle, manifest: dict[str, Any], newest: Checkpoint | None, progress: Progress) -> None:
        self._bundle, self._newest, self._progress = bundle, newest, progress
        self._range: dict[str, Any] = manifest.get("range", {})
        self._stated: dict[str, Any] = manifest.get("facts", {})
        self._facts, self._csv, self._inclusion = Part("facts"), Part("csv"), Part("inclusion")
        self._tree = Frontier()
        self._versions: dict[str, int] = {}
        self._behind: Line | None = None
        self._seen: list[tuple[int, object]] = []
        """Position and time of the first fact and of the last one."""

    def parts(self) -> list[Part]:
        """The verdicts on facts, table and inclusion."""
        count = 0
        with self._facts:
            count = self._walk()
            self._check_stated(count)
        if self._newest is None:
            self._inclusion.find("not checked, since there is no checkpoint that can be used")
        if self._facts.wrong and not count:
            for part in (self._csv, self._inclusion):
                part.find("not checked, since the facts cannot be read")
        if not self._inclusion.wrong and self._newest is not None:
            self._inclusion.said = f"every fact is in the tree of the first {self._newest.size} facts, at its position"
        self._csv.said = "every row follows from its fact" + (", where that can be read" if self._facts.wrong else "")
        return [self._facts, self._inclusion, self._csv]

    def _walk(self) -> int:
        count, goal = 0, self._stated.get("count")
        with ExitStack() as stack:
            facts, csv, leaves, proof = (stack.enter_context(self._open(name)) for name in (JSONL, CSV, LEAVES, PROOF))
            with self._csv:
                self._csv.require(
                    csv.readline(LARGEST_READ_WHOLE) == CSV_HEADING, f"{CSV} line 1: it is not the heading"
                )
            before, self._behind = self._neighbours()
            if before is not None:
                self._pass_neighbour(before, proof)
            for count, written in enumerate(_lines(facts), 1):
                row = csv.readline(_LONGEST_ROW)
                leaf = leaves.read(HASH_BYTES)
                try:
                    self._check_fact(count, written, row, leaf, proof)
                except (Wrong, *UNREADABLE) as wrong:
                    self._facts.find(f"{JSONL} line {count}: {wrong}")
                    self._inclusion.find(f"not proved: {JSONL} line {count} cannot be read")
                if count % TOLD_EVERY == 0 and isinstance(goal, int):
                    self._progress("checking facts", count, goal)
            self._csv.require(not csv.read(1), f"{CSV} line {count + 2}: there are more rows than facts")
            self._facts.require(not leaves.read(1), f"{LEAVES}: there are more leaves than facts")
            if self._behind is not None:
                self._pass_neighbour(self._behind, proof)
            self._finish_tree(proof)
        return count

    def _open(self, name: str) -> BinaryIO:
        return self._bundle.open(name)

    def _neighbours(self) -> tuple[Line | None, Line | None]:
        """The fact of the chassis before the range, and the one behind; each where there is one."""
        chassis = self._range.get("chassis")
        if chassis is None:
            return None, None
        first, last = self._range["first"], self._range["last"]
        lines = [parse_line(line) for line in read_whole(self._bundle, NEIGHBOURS).splitlines(keepends=True)]
        before = [line for line in lines if line.position < first]
        behind = [line for line in lines if line.position > last]
        if len(before) > 1 or len(behind) > 1 or before + behind != lines or {one.chassis for one in lines} - {chassis}:
            raise Wrong(f"{NEIGHBOURS}: it does not hold the facts before and behind the range")
        return (before[0] if before else None), (behind[0] if behind else None)

    def _pass_neighbour(self, fact: Line, proof: BinaryIO) -> None:
        self._follow_version(f"{NEIGHBOURS} (position {fact.position})", fact)
        self._include(fact.position, fact.leaf(), proof)

    def _check_fact(self, number: int, written: bytes, row: bytes, leaf: bytes, proof: BinaryIO) -> None:
        fact = parse_line(written)
        document = parse_stored(fact.stored)
        if row != fact.csv(document):
            self._csv.find(f"{CSV} line {number + 1} (position {fact.position}): it is not what its fact says")
        digest = fact.leaf()
        if digest != leaf:
            self._facts.find(
                f"{JSONL} line {number} (position {fact.position}): its hash is not the one at byte "
                f"{HASH_BYTES * (number - 1)} of {LEAVES}"
            )
        self._check_place(number, fact)
        self._include(fact.position, digest, proof)
        self._seen[1:] = [(fact.position, document.get("recorded_at"))]
        if len(self._seen) == 1:
            self._seen *= 2

    def _check_place(self, number: int, fact: Line) -> None:
        """Nothing is missing between the facts: neither positions of the range nor versions of a chassis."""
        here, before = f"{JSONL} line {number} (position {fact.position})", self._seen[1][0] if self._seen else None
        wanted = self._range.get("chassis")
        if wanted is None:
            expected = self._range.get("first") if before is None else before + 1
            if fact.position != expected:
                self._facts.find(f"{here}: position {expected} should be here")
        elif fact.chassis != wanted:
            self._facts.find(f"{here}: it is one of {fact.chassis}, not of {wanted}")
        if before is not None and fact.position <= before:
            self._facts.find(f"{here}: it comes after position {before}")
        self._follow_version(here, fact)

    def _follow_version(self, here: str, fact: Line) -> None:
        known = self._versions.get(fact.chassis)
        if known is None and self._range.get("chassis") is not None and fact.version != 1 and here.startswith(JSONL):
            self._facts.find(f"{here}: version {fact.version} is the first, and {NEIGHBOURS} has none before it")
        if known is not None and fact.version != known + 1:
            self._facts.find(f"{here}: version {fact.version} of {fact.chassis} comes after version {known}")
        self._versions[fact.chassis] = fact.version

    def _include(self, position: int, digest: bytes, proof: BinaryIO) -> None:
        if not self._inclusion.wrong:
            with self._inclusion:
                self._pass_over(position - 1, proof)
                self._tree.add(0, digest)

    def _pass_over(self, until: int, proof: BinaryIO) -> None:
        """Takes the hashes of what the bundle does not hold from the proof."""
        if until < self._tree.size:
            raise Wrong(f"not proved: position {until + 1} comes after position {self._tree.size}")
        for level, _ in subtrees_between(self._tree.size, until):
            digest = proof.read(HASH_BYTES)
            if len(digest) < HASH_BYTES:
                raise Wrong(f"{PROOF} ends too early, before position {until + 1}")
            self._tree.add(level, digest)

    def _finish_tree(self, proof: BinaryIO) -> None:
        if self._inclusion.wrong or self._newest is None:
            return
        with self._inclusion:
            self._pass_over(self._newest.size, proof)
            self._inclusion.require(not proof.read(1), f"{PROOF}: there is more than the proof")
            if self._tree.root() != self._newest.root:
                raise Wrong(
                    f"{JSONL} and {PROOF} do not give the root that the checkpoint of {self._newest.size} facts signs"
                )

    def _check_stated(self, count: int) -> None:
        seen = dict(zip(("first", "last"), self._seen))  # noqa: B905 - Python 3.8
        found: dict[str, object] = {"count": count}
        found.update({f"{end}_position": position for end, (position, _) in seen.items()})
        found.update({f"{end}_recorded_at": recorded for end, (_, recorded) in seen.items()})
        for name, value in found.items():
            stated = self._stated.get(name)
            self._facts.require(stated == value, f"{MANIFEST}: {name} is {stated!r}, but the facts say {value!r}")
        first, last, chassis = (self._range.get(name) for name in ("first", "last", "chassis"))
        if not seen or not (isinstance(first, int) and isinstance(last, int)):
            raise Wrong("there are none")
        (begin, _), (end, _) = self._seen
        whole = chassis is not None or (begin, end) == (first, last)
        self._facts.require(whole and first <= begin <= end <= last, f"{MANIFEST}: its range is not that of the facts")
        self._facts.said = self._describe(begin, end)

    def _describe(self, begin: int, end: int) -> str:
        chassis = self._range.get("chassis")
        if chassis is None:
            return f"positions {begin} to {end}, none is missing"
        newest = self._versions[chassis] - (self._behind is not None)
        oldest = newest - self._stated["count"] + 1
        known = f"versions {oldest} to {newest} of {chassis}, none is missing"
        if self._behind is None:
            return f"{known} up to position {end}; whether it had more after that is not proved"
        return f"{known} from position {self._range['first']} to {self._range['last']}"


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, none of which is as large as to fill the memory.

    Raises:
        Wrong: one is.
    """
    number = 0
    while line := file.readline(LARGEST_READ_WHOLE + 1):
        number += 1
        if len(line) > LARGEST_READ_WHOLE:
            raise Wrong(f"{JSONL} line {number}: it is longer than {LARGEST_READ_WHOLE} bytes")
        yield line
