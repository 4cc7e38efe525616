"""Synchronisation to and from a card on another host, when all goes well."""

import pytest

from events.commands import Copied
from events.facts import CardLocation, FileOutcome, Slot
from producers.cards.local import LocalCard
from producers.cards.opening import open_card
from producers.staging import discard

pytestmark = pytest.mark.ssh


@pytest.mark.parametrize("lines", [(), ("ForceCommand internal-sftp",)], ids=["shell", "sftp only"])
def test_a_boot_env_attempt_over_ssh_makes_every_file_that_of_the_active_card(
    attempt, active, standby, start_sshd, behind, lines
) -> None:
    remote = behind(start_sshd(*lines), standby)

    outcome = attempt(standby=remote)
    discard(remote, 7)

    assert isinstance(outcome, Copied), outcome
    for path in (path for path in active.rglob("*") if path.is_file()):
        copied = standby / path.relative_to(active)
        assert copied.read_bytes() == path.read_bytes()
        assert copied.stat().st_mode == path.stat().st_mode
        assert int(copied.stat().st_mtime) == int(path.stat().st_mtime)
    assert not (standby / "cf3/.understudy").exists()


def test_a_second_attempt_over_ssh_copies_nothing(attempt, standby, tree, remote, meddler) -> None:
    attempt(standby=remote)
    discard(remote, 7)
    before = tree(standby)
    meddler.files.clear()

    outcome = attempt(number=8, standby=remote)

    assert isinstance(outcome, Copied)
    assert {file.outcome for file in outcome.files} == {FileOutcome.UNCHANGED, FileOutcome.NOT_PRESENT}
    assert meddler.files == []
    assert tree(standby) == before


def test_the_active_card_may_be_the_one_on_another_host(attempt, active, standby, sshd, behind) -> None:
    outcome = attempt(source=behind(sshd, active, slot=Slot.A), standby=LocalCard(Slot.B, standby))

    assert isinstance(outcome, Copied), outcome
    assert (standby / "cf3/pe1.cfg").read_bytes() == (active / "cf3/pe1.cfg").read_bytes()


def test_both_cards_may_be_on_another_host_and_be_spelt_in_another_case(attempt, active, standby, sshd, behind) -> None:
    (standby / "cf3/pe1.cfg").rename(standby / "cf3/PE1.CFG")

    outcome = attempt(source=behind(sshd, active, slot=Slot.A), standby=behind(sshd, standby))

    assert isinstance(outcome, Copied), outcome
    assert (standby / "cf3/PE1.CFG").read_bytes() == (active / "cf3/pe1.cfg").read_bytes()


def test_a_location_opens_as_a_card_on_another_host(attempt, remote) -> None:
    with open_card(CardLocation(slot=Slot.B, location=remote.location)) as card:
        assert isinstance(attempt(standby=card), Copied)
