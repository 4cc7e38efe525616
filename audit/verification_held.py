"""The checkpoints that a verification goes by: whose they are, and whether they contradict each other."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from audit.notary import original
from audit.notes import NoteError, VerifierKey
from audit.notes_checkpoint import Checkpoint, parse_checkpoint
from audit.verification_answer import Finding, Kind
from audit.witnesses import Held, Reading, beside


class Trusted(msgspec.Struct, frozen=True):
    """A checkpoint that the pinned key has signed, where it is held, and whether that is outside the home."""

    checkpoint: Checkpoint
    place: str
    outside: bool

    @property
    def size(self) -> int:
        """How many facts it is about."""
        return self.checkpoint.size


class Evidence(msgspec.Struct, frozen=True):
    """The checkpoints that count, the smallest first, and what is wrong with others."""

    trusted: list[Trusted]
    findings: list[Finding]
    seen: int = 0
    empty: tuple[str, ...] = ()
    """Witnesses that hold nothing at all: a folder that is not mounted looks like that."""
    witnesses: int = 0
    """How many were asked."""

    def sizes(self) -> list[int]:
        """The sizes of those that count, each once."""
        return sorted({one.size for one in self.trusted})


def gather(home: Path, witnesses: Iterable[Reading], key: VerifierKey | None) -> Evidence:
    """All checkpoints of the log that ``key`` is named after, in the home and with witnesses.

    Raises:
        WitnessError: a witness cannot be read: without it, completeness would be a guess.
    """
    trusted, findings, empty, seen = list[Trusted](), list[Finding](), list[str](), 0
    sources: list[tuple[Reading, bool]] = [(beside(home), False), *((witness, True) for witness in witnesses)]
    for source, outside in sources:
        others: list[Held] = []
        before, seen_before = len(trusted), seen
        for held in source.held():
            seen += 1
            sorted_out = _sort_out(held, key, outside=outside)
            match sorted_out:
                case Trusted():
                    trusted.append(sorted_out)
                case Finding():
                    findings.append(sorted_out)
                case None:
                    others.append(held)
        if outside and seen == seen_before:
            empty.append(source.name)
        if others and key is not None and len(trusted) == before and outside:
            findings.append(_strangers(others, key))
    trusted.sort(key=lambda one: (one.size, one.outside))
    return Evidence(trusted, findings + _contradictions(trusted), seen, tuple(empty), len(sources) - 1)


def _strangers(others: Sequence[Held], key: VerifierKey) -> Finding:
    """A witness was named that knows other logs only: this one may have been put in the place of one of them."""
    newest = others[-1]
    origin = parse_checkpoint(newest.note).checkpoint.origin
    text = f"{newest.place} is a checkpoint of {origin}; none that is held there is of this log, {key.name}"
    return Finding(kind=Kind.NOT_THIS_LOG, text=text, place=newest.place)


def _sort_out(held: Held, key: VerifierKey | None, *, outside: bool) -> Trusted | Finding | None:
    """The checkpoint if it counts, what is wrong with it, or nothing if it is of another log."""
    try:
        signed = parse_checkpoint(held.note)
    except NoteError as error:
        text = f"{held.place} is no checkpoint: {error}"
        return Finding(kind=Kind.UNREADABLE_CHECKPOINT, text=text, place=held.place)
    checkpoint = signed.checkpoint
    if key is None or (outside and checkpoint.origin != key.name):
        return None
    if checkpoint.origin != key.name and original(checkpoint.origin) == original(key.name):
        return None  # the log before or after a restore
    try:
        key.check(signed.note)
    except NoteError as error:
        text = f"{held.place}, a checkpoint of {checkpoint.size} facts of {checkpoint.origin}, is {error}"
        return Finding(kind=Kind.OTHER_KEY, text=text, place=held.place)
    if checkpoint.origin != key.name:
        text = f"{held.place} is a checkpoint of {checkpoint.origin}, the key is that of {key.name}"
        return Finding(kind=Kind.NOT_THIS_LOG, text=text, place=held.place)
    return Trusted(checkpoint, held.place, outside)


def _contradictions(trusted: Sequence[Trusted]) -> list[Finding]:
    """Checkpoints of one size with several roots: the key has signed two histories, whatever the record says."""
    first: dict[int, Trusted] = {}
    found: list[Finding] = []
    for one in trusted:
        other = first.setdefault(one.size, one)
        if other.checkpoint.root != one.checkpoint.root:
            text = f"{other.place} and {one.place} contradict each other: the same key has signed two histories"
            found.append(Finding(kind=Kind.CONTRADICTION, text=text, last=one.size, place=one.place))
    return found
