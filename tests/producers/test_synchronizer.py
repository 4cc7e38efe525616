"""An attempt that succeeds: what it copies, what it leaves alone, and what it says about each file."""

from collections.abc import Callable
from pathlib import Path

from events.causes import Scope, Stage
from events.commands import Copied
from events.facts import FileOutcome, Slot
from producers.cards.local import LocalCard
from producers.staging import discard

COVERED = ("bof.cfg", "boot.ldr", "nvsys.info", "pe1.cfg", "pe1.ndx", "pe1-fallback.cfg", "TiMOS-20.10.R3/both.tim")


def outcomes(outcome) -> dict[str, FileOutcome]:
    return {file.name: file.outcome for file in outcome.files}


def test_a_boot_env_attempt_makes_every_file_of_the_standby_that_of_the_active_card(attempt, active, standby) -> None:
    outcome = attempt(Scope.BOOT_ENV)

    assert isinstance(outcome, Copied)
    assert all((standby / "cf3" / name).read_bytes() == (active / "cf3" / name).read_bytes() for name in COVERED)


def test_each_file_has_its_own_result(attempt) -> None:
    assert outcomes(attempt(Scope.BOOT_ENV)) == {
        "cf3:\\bof.cfg": FileOutcome.COPIED,
        "cf3:\\boot.ldr": FileOutcome.COPIED,
        "cf3:\\nvsys.info": FileOutcome.UNCHANGED,
        "cf3:\\TiMOS-20.10.R3\\both.tim": FileOutcome.COPIED,
        "cf3:\\TiMOS-20.10.R3\\cpm.tim": FileOutcome.COPIED,
        "cf3:\\pe1.cfg": FileOutcome.COPIED,
        "cf3:\\pe1.ndx": FileOutcome.COPIED,
        "cf3:\\pe1-fallback.cfg": FileOutcome.COPIED,
        "cf3:\\pe1-fallback.ndx": FileOutcome.REMOVED,
    }


def test_a_config_attempt_copies_configurations_and_their_indexes_alone(attempt, standby) -> None:
    bof = (standby / "cf3/bof.cfg").read_bytes()

    outcome = attempt(Scope.CONFIG)

    assert sorted(outcomes(outcome)) == [
        "cf3:\\pe1-fallback.cfg",
        "cf3:\\pe1-fallback.ndx",
        "cf3:\\pe1.cfg",
        "cf3:\\pe1.ndx",
    ]
    assert (standby / "cf3/bof.cfg").read_bytes() == bof


def test_stages_are_walked_through_in_order(attempt, meddler) -> None:
    attempt()

    assert meddler.stages == list(Stage)


def test_the_observer_is_told_of_every_byte(attempt, meddler) -> None:
    outcome = attempt()

    assert outcome.bytes_copied == meddler.bytes > 0


def test_unchanged_files_are_not_copied_again(attempt, cards, meddler, standby, tree: Callable[[Path], object]) -> None:
    attempt()
    discard(cards[1], 7)
    before, inode = tree(standby), (standby / "cf3/pe1.cfg").stat().st_ino
    meddler.files.clear()

    outcome = attempt(number=8)

    assert meddler.files == []
    assert outcome.bytes_copied == 0
    assert set(outcomes(outcome).values()) == {FileOutcome.UNCHANGED, FileOutcome.NOT_PRESENT}
    assert tree(standby) == before
    assert (standby / "cf3/pe1.cfg").stat().st_ino == inode


def test_a_file_of_the_same_size_and_time_with_other_content_is_copied(attempt, active, standby) -> None:
    attempt()
    source, copy = active / "cf3/pe1.cfg", standby / "cf3/pe1.cfg"
    assert source.stat().st_mtime_ns == copy.stat().st_mtime_ns
    copy.write_bytes(copy.read_bytes()[::-1])

    assert outcomes(attempt(number=8))["cf3:\\pe1.cfg"] is FileOutcome.COPIED
    assert copy.read_bytes() == source.read_bytes()


def test_copies_have_the_times_and_permissions_of_their_sources(attempt, active, standby) -> None:
    (active / "cf3/pe1.cfg").chmod(0o640)

    attempt()

    source, copy = (active / "cf3/pe1.cfg").stat(), (standby / "cf3/pe1.cfg").stat()
    assert (copy.st_mtime_ns, copy.st_mode) == (source.st_mtime_ns, source.st_mode)


def test_earlier_files_stay_until_they_are_discarded(attempt, cards, standby) -> None:
    attempt()
    kept = {path.read_bytes() for path in standby.glob("cf3/.understudy/7/old/*")}
    assert b"configure system name old\n" in kept

    discard(cards[1], 7)

    assert not (standby / "cf3/.understudy").exists()


def test_what_the_scope_does_not_cover_is_left_alone(attempt, standby) -> None:
    attempt()

    assert (standby / "cf3/log/log0101.txt").read_bytes() == b"not ours"
    assert (standby / "cf3/TiMOS-19.10.R1/both.tim").exists()


def test_images_that_the_active_card_does_not_have_are_removed(attempt, standby) -> None:
    (standby / "cf3/TiMOS-20.10.R3").mkdir()
    (standby / "cf3/TiMOS-20.10.R3/iom.tim").write_bytes(b"stale")
    (standby / "cf3/TiMOS-20.10.R3/README").write_bytes(b"not an image")

    outcome = attempt()

    assert outcomes(outcome)["cf3:\\TiMOS-20.10.R3\\iom.tim"] is FileOutcome.REMOVED
    assert sorted(path.name for path in (standby / "cf3/TiMOS-20.10.R3").iterdir()) == ["README", "both.tim", "cpm.tim"]


def test_images_of_a_folder_that_the_active_card_does_not_have_are_removed(attempt, active, standby) -> None:
    with (active / "cf3/bof.cfg").open("a") as bof:
        bof.write("secondary-image cf3:\\TiMOS-19.10.R1\n")

    outcome = attempt()

    assert outcomes(outcome)["cf3:\\TiMOS-19.10.R1"] is FileOutcome.NOT_PRESENT
    assert outcomes(outcome)["cf3:\\TiMOS-19.10.R1\\both.tim"] is FileOutcome.REMOVED
    assert not (standby / "cf3/TiMOS-19.10.R1/both.tim").exists()


def test_a_file_that_the_standby_spells_in_another_case_keeps_its_spelling_and_stays_one_file(attempt, standby) -> None:
    (standby / "cf3/pe1.cfg").rename(standby / "cf3/PE1.CFG")

    attempt()

    found = [path.name for path in (standby / "cf3").iterdir() if path.name.casefold() == "pe1.cfg"]
    assert found == ["PE1.CFG"]
    assert (standby / "cf3/PE1.CFG").read_bytes() == b"configure system name pe1\n"


def test_spellings_of_one_name_on_the_standby_become_one_file(attempt, standby) -> None:
    (standby / "cf3/Pe1.Cfg").write_bytes(b"a third opinion")

    outcome = attempt()

    found = [path.name for path in (standby / "cf3").iterdir() if path.name.casefold() == "pe1.cfg"]
    assert found == ["pe1.cfg"]
    assert outcomes(outcome)["cf3:\\Pe1.Cfg"] is FileOutcome.REMOVED


def test_a_remote_image_is_reported_and_not_copied(attempt, active) -> None:
    (active / "cf3/bof.cfg").write_text(
        "primary-image ftp://boot:secret@192.0.2.9/TiMOS/both.tim\nprimary-config cf3:\\pe1.cfg\n"
    )

    outcome = attempt()

    assert outcomes(outcome)["ftp://boot:***@192.0.2.9/TiMOS/both.tim"] is FileOutcome.REMOTE


def test_a_link_on_the_standby_is_replaced_and_what_it_led_to_is_left_alone(attempt, standby, tmp_path) -> None:
    elsewhere = tmp_path / "elsewhere.cfg"
    elsewhere.write_bytes(b"not on the card")
    (standby / "cf3/pe1.cfg").unlink()
    (standby / "cf3/pe1.cfg").symlink_to(elsewhere)

    attempt()

    assert not (standby / "cf3/pe1.cfg").is_symlink()
    assert elsewhere.read_bytes() == b"not on the card"


def test_a_standby_file_that_cannot_be_read_counts_as_different(attempt, active, standby) -> None:
    (standby / "cf3/nvsys.info").unlink()
    (standby / "cf3/nvsys.info").symlink_to("nvsys.info")

    assert outcomes(attempt())["cf3:\\nvsys.info"] is FileOutcome.COPIED
    assert (standby / "cf3/nvsys.info").read_bytes() == (active / "cf3/nvsys.info").read_bytes()


def test_an_empty_file_is_copied(attempt, active, standby) -> None:
    (active / "cf3/pe1.ndx").write_bytes(b"")

    attempt()

    assert (standby / "cf3/pe1.ndx").read_bytes() == b""


def test_images_on_another_flash_are_copied_there(attempt, active, standby) -> None:
    (active / "cf3/TiMOS-20.10.R3").rename(active / "cf1/TiMOS-20.10.R3")
    (active / "cf3/bof.cfg").write_text("primary-image cf1:/TiMOS-20.10.R3\nprimary-config cf3:/pe1.cfg\n")

    attempt()

    assert (standby / "cf1/TiMOS-20.10.R3/cpm.tim").exists()


def test_nothing_at_all_to_copy_is_a_success(cards, attempt) -> None:
    outcome = attempt(source=cards[0], standby=LocalCard(Slot.B, Path(cards[0].location)))

    assert isinstance(outcome, Copied)
    assert outcome.bytes_copied == 0
