"""Decisions about what is noted of the audit: most of it always, holds and archives only where they make sense."""

from typing import NamedTuple, assert_never

from events.audit_commands import (
    AuditCommand,
    AuditState,
    NoteArchived,
    NoteExported,
    NoteRead,
    NoteVerified,
    PlaceHold,
    ReleaseHold,
)
from events.errors import CommandRefusedError
from events.facts import (
    AuditFact,
    EvidenceExported,
    HoldPlaced,
    HoldReleased,
    ReadNoted,
    RecordArchived,
    RecordVerified,
)


class AuditDecision(NamedTuple):
    """The one fact that is recorded, and the version of the fact in the audit stream that led to it, 0 for none."""

    fact: AuditFact
    causation: int = 0


NEEDS_STATE = NoteArchived | PlaceHold | ReleaseHold
"""The commands that are decided on the state; of the others, whatever the state, the fact is the same."""


def decide_audit(state: AuditState, command: AuditCommand) -> AuditDecision:
    """The fact that follows.

    Raises:
        CommandRefusedError: a hold stands and something is to be archived; a hold has no name or no reason, stands
            already, or is to be released and does not stand.
    """
    match command:
        case NoteRead():
            return AuditDecision(ReadNoted(what=command.what, query=command.query, operator=command.operator))
        case NoteVerified():
            verified = RecordVerified(
                size=command.size,
                root=command.root,
                integrity=command.integrity,
                completeness=command.completeness,
                rebuild=command.rebuild,
                passed=command.passed,
                operator=command.operator,
            )
            return AuditDecision(verified)
        case NoteExported():
            exported = EvidenceExported(
                first=command.first,
                last=command.last,
                chassis=command.chassis,
                sha256=command.sha256,
                operator=command.operator,
            )
            return AuditDecision(exported)
        case NoteArchived():
            return _archive(state, command)
        case PlaceHold():
            return _place(state, command)
        case ReleaseHold():
            return _release(state, command)
        case _:
            assert_never(command)


def refuse_if_held(state: AuditState) -> None:
    """Says which holds stand in the way of archiving.

    Raises:
        CommandRefusedError: at least one does.
    """
    if state.holds:
        held = "; ".join(f"{name} ({hold.reason})" for name, hold in sorted(state.holds.items()))
        raise CommandRefusedError(f"nothing is archived while a hold stands: {held}")


def _archive(state: AuditState, command: NoteArchived) -> AuditDecision:
    refuse_if_held(state)
    if not 0 < command.first <= command.last:
        raise CommandRefusedError(f"there are no positions from {command.first} to {command.last}")
    archived = RecordArchived(
        first=command.first,
        last=command.last,
        root=command.root,
        files=command.files,
        operator=command.operator,
    )
    return AuditDecision(archived)


def _place(state: AuditState, command: PlaceHold) -> AuditDecision:
    if not command.name.strip() or not command.reason.strip():
        raise CommandRefusedError("a hold needs a name and a reason")
    if command.name in state.holds:
        raise CommandRefusedError(f"hold {command.name!r} stands already: {state.holds[command.name].reason}")
    return AuditDecision(HoldPlaced(name=command.name, reason=command.reason, operator=command.operator))


def _release(state: AuditState, command: ReleaseHold) -> AuditDecision:
    if command.name not in state.holds:
        standing = ", ".join(sorted(state.holds)) or "none"
        raise CommandRefusedError(f"there is no hold {command.name!r}; those that stand: {standing}")
    if not command.reason.strip():
        raise CommandRefusedError("the release of a hold needs a reason")
    released = HoldReleased(name=command.name, reason=command.reason, operator=command.operator)
    return AuditDecision(released, state.holds[command.name].version)
