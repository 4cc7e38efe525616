"""Verifying a record: integrity (nothing edited), completeness (nothing missing) and rebuild (projections equal).

What is compared is what was signed: checkpoints by the pinned key, in the home and with witnesses outside. The tree
beside the record says which position it is, as far as it can prove its own hashes by those checkpoints.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from eventsourcing.persistence import PersistenceError

from audit.merkle import HASH_BYTES, verify_inclusion
from audit.notary import ORIGIN, origin_of, original
from audit.notary_key import pinned_key
from audit.notary_restored import restores
from audit.notes import VerifierKey
from audit.tree import FILE, Tree, TreeError, is_tree
from audit.tree_rows import Batches, rows_of
from audit.verification_answer import BOUNDS, Answer, Finding, Kind, Verdict, Verification
from audit.verification_held import Evidence, Trusted, gather
from audit.verification_streams import ByStream
from audit.verification_walk import Progress, Walk
from audit.witnesses import Reading
from events.errors import EventDecodeError
from events.store import Record

NEWEST = 64
"""So many of the newest checkpoints are tried, one by one, for one that proves the tree."""

AHEAD = 1 << 14
"""So many noted hashes are read at once: half a megabyte."""


class Rebuilt(NamedTuple):
    """A sentence for each projection that differs, none if all are equal, and of how many chassis one was kept."""

    differing: Sequence[str] = ()
    compared: int = 0


Rebuild = Callable[[], Rebuilt]
"""Folds everything again and compares."""


def verify(
    home: Path,
    record: Record,
    *,
    key: VerifierKey | None = None,
    witnesses: Iterable[Reading] = (),
    rebuild: Rebuild | None = None,
    batches: Batches | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Reads the whole record once, in constant memory, and compares it with every checkpoint there is.

    ``key`` is the one whose checkpoints count; that of the home if none is given. ``batches`` reads the rows, the
    record's own if not given.

    Raises:
        WitnessError: a witness cannot be read.
        NoteError: the home's verifier key is damaged.
    """
    pinned = key or pinned_key(home)
    evidence = gather(home, witnesses, pinned)
    read = batches or rows_of(record)
    noted, streams = _Noted(home / FILE, evidence.trusted), ByStream(record)
    try:
        # The head comes last: what is recorded and signed meanwhile makes no record too short.
        head = record.head()
        walk = Walk(noted, noted.vouches, {*evidence.sizes(), head}, streams.archived)
        walk.over(read, head, progress)
        unlike = streams.findings(walk)
        # An index is made from the facts, too.
        misled = [] if rebuild is None else streams.found_by_index(head)
        if evidence.trusted and evidence.trusted[-1].size > head:
            walk.beyond(evidence.trusted[-1].size)
    finally:
        noted.close()
    judged = _Judged(walk, evidence, head, noted.size, unlike)
    integrity = judged.integrity(pinned, _named(read, pinned))
    completeness = judged.completeness()
    placed = [one for one in (*integrity.findings, *completeness.findings) if one.first]
    return Verification(
        size=head,
        facts=walk.facts,
        root=walk.roots[head].hex() if head in walk.roots else "",
        origin=pinned.name if pinned else "",
        key=pinned.text if pinned else "",
        checkpoints=len(evidence.trusted),
        sealed=judged.sealed,
        first_wrong=min((one.first for one in placed), default=0),
        first_wrong_until=min((one.last if one.kind in BOUNDS else one.first for one in placed), default=0),
        integrity=integrity,
        completeness=completeness,
        rebuild=_rebuilt(rebuild, misled),
        witnesses=evidence.witnesses,
        restored=next((one for one in restores(home) if pinned and one.log == pinned.name), None),
    )


class _Noted:
    """The tree beside the record, if it can be read, and what it can prove of its hashes."""

    def __init__(self, path: Path, trusted: Sequence[Trusted]) -> None:
        self._trusted = trusted
        self._tree: Tree | None = None
        self._ahead, self._ahead_after, self._ahead_until = b"", 0, 0
        try:
            if is_tree(path):
                self._tree = Tree(path)
                self.size = self._tree.size
                return
        except (TreeError, PersistenceError, sqlite3.Error):
            # It is a help and no evidence: without it, checkpoints bound what is wrong.
            self.close()
        self._tree, self.size = None, 0

    def leaves(self, after: int, until: int) -> bytes:
        """See ``Tree.leaves``; none where there is no tree, or a damaged one."""
        last = min(until, self.size)
        if self._tree is None or after >= last:
            return b""
        if not self._ahead_after <= after <= last <= self._ahead_until:
            self._ahead_after, self._ahead_until = after, max(last, min(after + AHEAD, self.size))
            try:
                self._ahead = self._tree.leaves(after, self._ahead_until)
            except TreeError:  # a page of it is damaged
                self._ahead = b""
        found = self._ahead[(after - self._ahead_after) * HASH_BYTES : (last - self._ahead_after) * HASH_BYTES]
        return found[: len(found) - len(found) % HASH_BYTES]

    def vouches(self, position: int, noted: bytes) -> bool:
        """Whether a checkpoint proves the hash that was noted of a position."""
        if self._tree is None:
            return False
        proved = self._proved
        if proved is None or position > proved.size:
            return False
        try:
            proof = self._tree.inclusion_proof(position, proved.size)
        except TreeError:
            return False
        return verify_inclusion(noted, position - 1, proved.size, proof, proved.checkpoint.root)

    @cached_property
    def _proved(self) -> Trusted | None:
        """The newest checkpoint whose root the tree has: it proves all that the tree can prove."""
        known = [one for one in self._trusted if one.size <= self.size]
        newest = next((one for one in reversed(known[-NEWEST:]) if self._has_root(one)), None)
        if newest is None:
            # Of years of checkpoints not each is tried: up to some size a tree is the one that was signed.
            newest = known[place - 1] if (place := bisect_left(known, True, key=self._lacks_root)) else None
        return newest

    def _lacks_root(self, one: Trusted) -> bool:
        return not self._has_root(one)

    def _has_root(self, one: Trusted) -> bool:
        try:
            return self._tree is not None and self._tree.root(one.size) == one.checkpoint.root
        except TreeError:
            return False

    def close(self) -> None:
        """Closes the tree."""
        if self._tree is not None:
            self._tree.close()


class _Judged:
    """The verdicts over what was seen."""

    def __init__(self, walk: Walk, evidence: Evidence, head: int, noted: int, unlike: Sequence[Finding]) -> None:
        # What was edited, or does not follow, is read otherwise, too.
        known = {one.first for one in (*walk.edits, *walk.gaps)}
        self._unlike = [one for one in unlike if one.first not in known]
        self._walk, self._evidence, self._head, self._noted = walk, evidence, head, noted
        self._agree = [one for one in evidence.trusted if walk.roots.get(one.size) == one.checkpoint.root]
        told = [one for one in evidence.trusted if one.size in walk.roots]
        self._differ = [one for one in told if walk.roots[one.size] != one.checkpoint.root]
        self.sealed = min(max((one.size for one in self._agree), default=0), head)

    def integrity(self, key: VerifierKey | None, named: Finding | None) -> Verdict:
        """Nothing was edited."""
        # Where a checkpoint agrees with the record, what differs from it is the tree.
        doubts = [one for one in self._walk.doubts if one.first > self.sealed]
        begin = [] if named is None or any(one.first == 1 for one in self._walk.edits) else [named]
        bounded = self._bounded()
        others = [*doubts, *begin, *self._unlike, *self._evidence.findings, *([bounded] if bounded else [])]
        found = sorted([*self._walk.edits, *others], key=lambda one: one.first or self._head + 1)
        if found:
            number = self._walk.edited + len(others)
            return Verdict(answer=Answer.FAILS, text=found[0].text, found=number, findings=tuple(found))
        return self._unedited(key)

    def _unedited(self, key: VerifierKey | None) -> Verdict:
        if key is None:
            why = "nothing was ever signed here" if not self._evidence.seen else "no key says whose checkpoints count"
            return Verdict(answer=Answer.UNKNOWN, text=f"{why}; see understudy audit checkpoint and --key")
        if not self._agree:
            blind = self._walk.blind_after
            why = f"nothing can be compared after position {blind}" if blind >= 0 else "no checkpoint is held"
            return Verdict(answer=Answer.UNKNOWN, text=why)
        unsigned = self._head - self.sealed
        later = f"; nothing is signed yet of the {unsigned} after it" if unsigned > 0 else ""
        there = "every fact that is there" if self._walk.missing else "every fact"
        return Verdict(answer=Answer.HOLDS, text=f"{there} up to position {self.sealed} is what was signed{later}")

    def _bounded(self) -> Finding | None:
        """The first checkpoint that the record contradicts, if no wrong position explains it."""
        if not self._differ:
            return None
        wrong = self._differ[0]
        below = max((one.size for one in self._agree if one.size < wrong.size), default=0)
        above = next((one for one in self._agree if one.size >= wrong.size), None)
        if above is not None:
            text = (
                f"{wrong.place} and {above.place} contradict each other: the same key has signed two histories, "
                f"which part after position {below}"
            )
            return Finding(kind=Kind.CONTRADICTION, text=text, first=below + 1, last=wrong.size, place=wrong.place)
        text = (
            f"what is recorded from position {below + 1} to {wrong.size} is not what was signed, see {wrong.place}: "
            "it was edited, or this is an old copy in which something else was recorded since"
        )
        return Finding(kind=Kind.EDITED_BETWEEN, text=text, first=below + 1, last=wrong.size, place=wrong.place)

    def completeness(self) -> Verdict:
        """Nothing is missing: no gap, and no end that was cut off."""
        cut = self._cut() or self._read_over()
        findings = [*self._walk.gaps, *filter(None, [cut])]
        findings.sort(key=lambda one: one.first)
        if findings:
            found = self._walk.missing + (1 if cut else 0)
            return Verdict(answer=Answer.FAILS, text=findings[0].text, found=found, findings=tuple(findings))
        newest = self._evidence.trusted[-1] if self._evidence.trusted else None
        if newest is None:
            text = "no position is missing, but no checkpoint tells where the record has to end"
            return Verdict(answer=Answer.UNKNOWN, text=f"{self._empty()}{text}")
        if self._evidence.empty:
            text = f"{self._empty()}no position is missing up to {newest.size}, which is what {newest.place} tells"
            return Verdict(answer=Answer.UNKNOWN, text=text)
        outside = [one.size for one in self._evidence.trusted if one.outside]
        if not outside:
            text = f"no position is missing up to {newest.size}, by the home alone; name a witness: --witness"
            return Verdict(answer=Answer.UNKNOWN, text=text)
        held = f"the newest checkpoint held outside is of {max(outside)} facts"
        return Verdict(answer=Answer.HOLDS, text=f"no position is missing; {held}")

    def _empty(self) -> str:
        """A witness that was asked and holds nothing is not one that agrees."""
        return "".join(f"no checkpoint found in {name}; " for name in self._evidence.empty)

    def _read_over(self) -> Finding | None:
        """Facts at the end that were signed, where the record has nothing but readings, which leave facts of their own.

        So looks an old copy, or a cut one, that somebody has looked into.
        """
        newest = self._evidence.trusted[-1] if self._evidence.trusted else None
        if newest is None or newest.size > self._head:
            return None
        if newest in self._differ:
            known = max((one.size for one in self._agree if one.size < newest.size), default=0)
        elif self._walk.edited and self._walk.agreed < min(newest.size, self._noted):
            known = self._walk.agreed
        else:
            return None
        if known < self._walk.happened:
            return None
        held_inside = any(known < one.size and not one.outside for one in self._evidence.trusted)
        what = "its end was cut off" if held_inside else "this is an old copy of the record"
        text = (
            f"{newest.place} is of {newest.size} facts, but after position {known} the record has only readings that "
            f"were made since: {what}"
        )
        kind = Kind.CUT_TAIL if held_inside else Kind.OLD_COPY
        return Finding(kind=kind, text=text, first=known + 1, last=newest.size, place=newest.place)

    def _cut(self) -> Finding | None:
        newest = self._evidence.trusted[-1] if self._evidence.trusted else None
        if newest is not None and newest.size > self._head:
            inside = max((one.size for one in self._evidence.trusted if not one.outside), default=0)
            old = newest.outside and max(inside, self._noted) <= self._head
            what = "this is an old copy of the record" if old else "its end was cut off"
            text = f"the record ends at position {self._head}, {newest.place} is of {newest.size} facts: {what}"
            kind = Kind.OLD_COPY if old else Kind.CUT_TAIL
            return Finding(kind=kind, text=text, first=self._head + 1, last=newest.size, place=newest.place)
        if self._noted > self._head:
            text = f"the record ends at position {self._head}, but the notary has seen {self._noted} facts"
            return Finding(kind=Kind.CUT_TAIL, text=text, first=self._head + 1, last=self._noted, place=FILE)
        return None


def _named(read: Batches, key: VerifierKey | None) -> Finding | None:
    """A log that is named by its first fact has to begin with that one."""
    first = next(read(0, 1), None)
    if key is None or first is None or not key.name.startswith(ORIGIN) or origin_of(first[0]) == original(key.name):
        return None
    text = f"position 1 is not the first fact of {key.name}: it was edited, or this is another record"
    return Finding(kind=Kind.NOT_THIS_LOG, text=text, first=1, last=1)


def _rebuilt(rebuild: Rebuild | None, misled: Sequence[Finding]) -> Verdict:
    if rebuild is None:
        return Verdict(answer=Answer.NOT_ASKED, text="neither projections nor the index by chassis were compared")
    try:
        differing, compared = rebuild()
    except EventDecodeError as error:
        differing, compared = [str(error)], 0
    except Exception as error:  # noqa: BLE001 - whatever cannot be folded is what was asked for
        differing, compared = [f"projections cannot be made again: {type(error).__name__}: {error}"], 0
    if not differing and not misled:
        every = "all projections, made again from position 1, equal the live ones"
        none = "all projections can be made from position 1; no snapshot is kept that could differ"
        return Verdict(answer=Answer.HOLDS, text=every if compared else none)
    findings = (*misled, *(Finding(kind=Kind.REBUILT_OTHERWISE, text=text) for text in differing))
    return Verdict(answer=Answer.FAILS, text=findings[0].text, found=len(findings), findings=findings)
