"""What is noted of the audit: readings always, holds and archives only where they make sense."""

import pytest

from events.audit_commands import (
    AuditCommand,
    AuditState,
    NoteArchived,
    NoteExported,
    NoteRead,
    NoteVerified,
    PlaceHold,
    ReleaseHold,
    evolve_audit,
)
from events.commands import Provision
from events.decisions import decide
from events.decisions.audit import decide_audit
from events.errors import CommandRefusedError
from events.facts import (
    AuditFact,
    CardLocation,
    EvidenceExported,
    HoldPlaced,
    HoldReleased,
    Question,
    ReadNoted,
    RecordArchived,
    RecordVerified,
    Slot,
)
from events.state import ChassisState

ROOT = "1f" * 32
HELD = HoldPlaced(name="case-7", reason="examined", operator="noc")
ARCHIVE = NoteArchived(first=1, last=9, root=ROOT, files=("archive/1-9.sqlite",), operator="noc")


def after(*facts: AuditFact) -> AuditState:
    state = AuditState()
    for fact in facts:
        state = evolve_audit(state, fact)
    return state


VERIFIED = {"size": 9, "root": ROOT, "integrity": "intact", "completeness": "", "rebuild": "", "passed": True}


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (
            NoteRead(what=Question.DIFF, query="1 9", operator="noc"),
            ReadNoted(what=Question.DIFF, query="1 9", operator="noc"),
        ),
        (NoteVerified(**VERIFIED, operator="noc"), RecordVerified(**VERIFIED, operator="noc")),
        (
            NoteExported(first=1, last=9, chassis=None, sha256=ROOT, operator="noc"),
            EvidenceExported(first=1, last=9, chassis=None, sha256=ROOT, operator="noc"),
        ),
        (ARCHIVE, RecordArchived(first=1, last=9, root=ROOT, files=("archive/1-9.sqlite",), operator="noc")),
        (PlaceHold(name="case-7", reason="examined", operator="noc"), HELD),
    ],
)
def test_what_was_done_is_noted_as_it_was_done(command: AuditCommand, fact: AuditFact) -> None:
    assert decide_audit(AuditState(), command) == (fact, 0)


def test_nothing_is_archived_while_a_hold_stands() -> None:
    with pytest.raises(CommandRefusedError, match=r"case-7 \(examined\)"):
        decide_audit(after(HELD), ARCHIVE)


def test_the_archive_goes_on_when_every_hold_is_released() -> None:
    released = HoldReleased(name="case-7", reason="done", operator="noc")
    other = HoldPlaced(name="case-8", reason="too", operator="noc")
    with pytest.raises(CommandRefusedError, match="case-8"):
        decide_audit(after(HELD, other, released), ARCHIVE)
    assert isinstance(decide_audit(after(HELD, released), ARCHIVE).fact, RecordArchived)


def test_a_release_follows_from_what_placed_the_hold() -> None:
    read = ReadNoted(what=Question.AS_OF, query="", operator="noc")
    decision = decide_audit(after(read, HELD), ReleaseHold(name="case-7", reason="done", operator="noc"))
    assert decision == (HoldReleased(name="case-7", reason="done", operator="noc"), 2)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (ReleaseHold(name="case-8", reason="done", operator="noc"), "no hold 'case-8'; those that stand: case-7"),
        (ReleaseHold(name="case-7", reason=" ", operator="noc"), "needs a reason"),
        (PlaceHold(name="case-7", reason="again", operator="noc"), "stands already: examined"),
        (PlaceHold(name=" ", reason="why", operator="noc"), "a name and a reason"),
        (PlaceHold(name="case-8", reason="", operator="noc"), "a name and a reason"),
    ],
)
def test_a_hold_that_makes_no_sense_is_refused(command: AuditCommand, why: str) -> None:
    with pytest.raises(CommandRefusedError, match=why):
        decide_audit(after(HELD), command)


def test_an_archive_of_nothing_is_refused() -> None:
    nothing = NoteArchived(first=10, last=9, root=ROOT, files=(), operator="noc")
    with pytest.raises(CommandRefusedError, match="no positions from 10 to 9"):
        decide_audit(AuditState(), nothing)


def test_no_chassis_has_a_name_that_is_the_record_s_own() -> None:
    cards = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
    provision = Provision(cards=cards, active=Slot.A, equipped=(Slot.A,), operator="noc")
    with pytest.raises(CommandRefusedError, match="the record's own"):
        decide(ChassisState("@audit"), provision)
