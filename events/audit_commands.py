"""What can be noted about the audit, and the state that it is decided on: the closed union behind ``Record.note``."""

from typing import assert_never

import msgspec
from msgspec.structs import replace

from events.facts import (
    AuditFact,
    EvidenceExported,
    HoldPlaced,
    HoldReleased,
    Question,
    ReadNoted,
    RecordArchived,
    RecordVerified,
)


class NoteRead(msgspec.Struct, frozen=True, kw_only=True):
    """The past was read; ``query`` is what was asked, as it was typed."""

    what: Question
    query: str
    operator: str


class NoteVerified(msgspec.Struct, frozen=True, kw_only=True):
    """The first ``size`` positions, whose Merkle tree has this root (hex), were verified, and this was found."""

    size: int
    root: str
    integrity: str
    completeness: str
    rebuild: str
    passed: bool
    operator: str


class NoteExported(msgspec.Struct, frozen=True, kw_only=True):
    """The positions from ``first`` to ``last`` were exported; of one chassis, or none for all."""

    first: int
    last: int
    chassis: str | None
    sha256: str
    operator: str


class NoteArchived(msgspec.Struct, frozen=True, kw_only=True):
    """The positions from ``first`` to ``last`` lie in these files, and leave the table together with this note."""

    first: int
    last: int
    root: str
    files: tuple[str, ...]
    operator: str


class PlaceHold(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is to be archived until this hold is released."""

    name: str
    reason: str
    operator: str


class ReleaseHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold is taken back."""

    name: str
    reason: str
    operator: str


AuditCommand = NoteRead | NoteVerified | NoteExported | NoteArchived | PlaceHold | ReleaseHold


class StandingHold(msgspec.Struct, frozen=True):
    """A hold that was placed and not released, with the version of the fact that placed it."""

    reason: str
    version: int


class AuditState(msgspec.Struct, frozen=True):
    """The audit stream as decisions see it: its version, and the holds that stand, by name."""

    version: int = 0
    holds: dict[str, StandingHold] = msgspec.field(default_factory=dict[str, StandingHold])


def evolve_audit(state: AuditState, fact: AuditFact) -> AuditState:
    """The state after ``fact``, which is the next one of the stream."""
    version = state.version + 1
    match fact:
        case HoldPlaced():
            holds = {**state.holds, fact.name: StandingHold(fact.reason, version)}
            return replace(state, version=version, holds=holds)
        case HoldReleased():
            holds = {name: hold for name, hold in state.holds.items() if name != fact.name}
            return replace(state, version=version, holds=holds)
        case ReadNoted() | RecordVerified() | EvidenceExported() | RecordArchived():
            return replace(state, version=version)
        case _:
            assert_never(fact)
