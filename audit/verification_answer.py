"""What a verification says: three verdicts that do not depend on each other, and what was found."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Answer(StrEnum):
    """A verdict; only ``HOLDS`` is proof."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "cannot be told"
    NOT_ASKED = "not asked"


class Kind(StrEnum):
    """What was found."""

    EDITED = "edited"
    EDITED_BETWEEN = "edited-between"
    UNSIGNED_DIFFERENCE = "unsigned-difference"
    NOT_THIS_LOG = "not-this-log"
    OTHER_KEY = "other-key"
    CONTRADICTION = "contradiction"
    UNREADABLE_CHECKPOINT = "unreadable-checkpoint"
    GAP = "gap"
    STREAM_GAP = "stream-gap"
    CUT_TAIL = "cut-tail"
    OLD_COPY = "old-copy"
    ANSWERS_OTHERWISE = "answers-otherwise"
    SCHEMA = "schema"
    REBUILT_OTHERWISE = "rebuilt-otherwise"


BOUNDS = frozenset({Kind.EDITED_BETWEEN, Kind.CONTRADICTION})
"""What is wrong somewhere between its positions; other findings are about each of them."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A log that began anew, after a backup was put in the place of the record.

    ``log`` is its name, ``size`` is how many facts the record had then. ``origin`` is the name of the log before; its
    checkpoints and keys are kept in ``folder``, in the home, and ``agreed`` is how many facts it had signed that are
    the record's still.
    """

    at: datetime
    operator: str
    reason: str
    size: int
    agreed: int
    origin: str
    folder: str
    log: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    ``first`` and ``last`` are the positions that it is about, 0 where it is about none; ``place`` is where the
    checkpoint is held that tells.
    """

    kind: Kind
    text: str
    first: int = 0
    last: int = 0
    place: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One of the three, with its reason in a sentence and what was found, the first positions first.

    ``found`` is how many things that were; ``findings`` has the first of them.
    """

    answer: Answer
    text: str
    found: int = 0
    findings: tuple[Finding, ...] = ()


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The record as it was found.

    ``size`` is the number of its newest fact, ``facts`` how many there are: fewer, if some are missing. ``root`` is the
    Merkle root (in hex) of what is there, with what was signed in the place of what was edited or is missing; it is
    empty if that cannot be told. ``origin`` and ``key`` are those of the checkpoints that count, ``checkpoints`` is
    their number, ``sealed`` the size of the newest that the record agrees with: later facts are not signed for yet.
    ``first_wrong`` is the first position that is wrong, in any way that has a position; 0 if there is none. Where only
    bounds are known, it may be any from there to ``first_wrong_until``; otherwise the two are the same. ``restored``
    tells that the log began with a restore. ``witnesses`` is how many were asked outside the home.
    """

    size: int
    facts: int
    root: str
    origin: str
    key: str
    checkpoints: int
    sealed: int
    first_wrong: int
    first_wrong_until: int
    integrity: Verdict
    completeness: Verdict
    rebuild: Verdict
    restored: Restored | None = None
    witnesses: int = 0

    @property
    def holds(self) -> bool:
        """Whether all that was asked is proved; where nobody outside was, nobody can tell that the end is there."""
        well = {Answer.HOLDS, Answer.NOT_ASKED}
        unasked = {Answer.UNKNOWN} if not self.witnesses else set[Answer]()
        return (
            self.integrity.answer in well and self.completeness.answer in well | unasked and self.rebuild.answer in well
        )
