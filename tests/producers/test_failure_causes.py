"""The causes that an attempt between two folders can fail with, stage by stage, each made by a real fault.

Whatever the cause, the standby must be afterwards what it was before: names, contents, permissions and times.
"""

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from events.causes import Cause, Scope, Stage
from events.commands import Failed
from events.facts import FileOutcome, Slot
from producers.cards.local import LocalCard

KIB, MIB = 1024, 1024 * 1024


def cards_in(active: Path, standby: Path) -> dict[str, LocalCard]:
    return {"source": LocalCard(Slot.A, active), "standby": LocalCard(Slot.B, standby)}


def outcome_of(failed: Failed, name: str) -> FileOutcome:
    return next(file.outcome for file in failed.files if file.name == name)


# admit


def test_a_standby_whose_folder_is_gone_is_absent(failing, standby) -> None:
    shutil.rmtree(standby)

    assert str(standby) in failing(Cause.STANDBY_ABSENT).detail


def test_a_standby_that_goes_while_it_is_written_is_absent(attempt, meddler, standby) -> None:
    meddler.at["cf3:\\boot.ldr"] = lambda: shutil.rmtree(standby)

    outcome = attempt()

    assert (outcome.cause, outcome.stage) == (Cause.STANDBY_ABSENT, Stage.ADMIT)
    assert not standby.exists()


def test_a_standby_without_cf3_is_not_ready(failing, standby) -> None:
    shutil.rmtree(standby / "cf3")

    assert "cf3:" in failing(Cause.STANDBY_NOT_READY).detail


def test_a_standby_that_is_a_file_is_not_ready(failing, standby) -> None:
    shutil.rmtree(standby)
    standby.write_bytes(b"")

    failing(Cause.STANDBY_NOT_READY)


def test_a_standby_without_the_flash_that_the_images_are_for_is_not_ready(failing, active, standby) -> None:
    (active / "cf3/TiMOS-20.10.R3").rename(active / "cf2/TiMOS-20.10.R3")
    (active / "cf3/bof.cfg").write_text("primary-image cf2:\\TiMOS-20.10.R3\n")
    (standby / "cf2").rmdir()

    failing(Cause.STANDBY_NOT_READY)


# read


def test_a_source_card_that_is_gone_cannot_be_read(failing, active) -> None:
    shutil.rmtree(active)

    failed = failing(Cause.SOURCE_UNREADABLE)

    assert "The active card A" in failed.detail
    assert failed.stage is Stage.READ


def test_a_missing_primary_configuration_is_a_missing_source(failing, active) -> None:
    (active / "cf3/pe1.cfg").unlink()

    failed = failing(Cause.SOURCE_MISSING, Scope.CONFIG)

    assert "cf3:\\pe1.cfg, the primary-config of the BOF" in failed.detail
    assert outcome_of(failed, "cf3:\\pe1.cfg") is FileOutcome.FAILED


def test_a_missing_primary_image_is_a_missing_source(failing, active) -> None:
    shutil.rmtree(active / "cf3/TiMOS-20.10.R3")

    failing(Cause.SOURCE_MISSING)


def test_an_image_folder_without_images_is_a_missing_source(failing, active) -> None:
    for image in (active / "cf3/TiMOS-20.10.R3").iterdir():
        image.unlink()

    failing(Cause.SOURCE_MISSING)


@pytest.mark.parametrize("path", ["cf1/backup.cfg", "cf1/TiMOS-19.10.R1/both.tim"])
def test_an_empty_flash_is_not_taken_for_deleted_files_since_it_may_not_be_mounted(
    failing, active, standby, path
) -> None:
    keyword = "secondary-image" if path.endswith(".tim") else "tertiary-config"
    named = path.removesuffix("/both.tim").replace("/", ":\\")
    with (active / "cf3/bof.cfg").open("a") as bof:
        bof.write(f"{keyword} {named}\n")
    (standby / path).parent.mkdir(parents=True, exist_ok=True)
    (standby / path).write_bytes(b"the last copy")

    failed = failing(Cause.SOURCE_UNREADABLE)

    assert "is it mounted?" in failed.detail
    assert (standby / path).read_bytes() == b"the last copy"


def test_a_missing_bof_is_a_missing_source(failing, active) -> None:
    (active / "cf3/bof.cfg").unlink()

    failing(Cause.SOURCE_MISSING, Scope.CONFIG)


def test_a_link_to_nothing_is_an_unreadable_source(failing, active) -> None:
    (active / "cf3/pe1.ndx").unlink()
    (active / "cf3/pe1.ndx").symlink_to("nowhere")

    failing(Cause.SOURCE_UNREADABLE)


def test_a_loop_of_links_is_an_unreadable_source(failing, active) -> None:
    (active / "cf3/pe1.cfg").unlink()
    (active / "cf3/pe1.cfg").symlink_to("pe1.cfg")

    failing(Cause.SOURCE_UNREADABLE)


def test_a_folder_in_the_place_of_a_file_is_an_unreadable_source(failing, active) -> None:
    (active / "cf3/pe1.cfg").unlink()
    (active / "cf3/pe1.cfg").mkdir()

    failing(Cause.SOURCE_UNREADABLE)


def test_a_pipe_in_the_place_of_a_file_is_an_unreadable_source(failing, active) -> None:
    (active / "cf3/boot.ldr").unlink()
    os.mkfifo(active / "cf3/boot.ldr")

    failing(Cause.SOURCE_UNREADABLE)


def test_a_file_that_may_not_be_read_is_an_unreadable_source(failing, open_cards, as_nobody) -> None:
    (open_cards[0] / "cf3/pe1.cfg").chmod(0)

    with as_nobody():
        failed = failing(Cause.SOURCE_UNREADABLE, **cards_in(*open_cards))

    assert "cf3:\\pe1.cfg" in failed.detail
    assert "Permission denied" in failed.detail


def test_names_that_differ_only_by_case_are_an_unreadable_source(failing, active) -> None:
    (active / "cf3/pe1.cfg").rename(active / "cf3/PE1.cfg")
    (active / "cf3/Pe1.cfg").write_bytes(b"")

    failed = failing(Cause.SOURCE_UNREADABLE)

    assert "cf3:\\PE1.cfg" in failed.detail
    assert "cf3:\\Pe1.cfg" in failed.detail


def test_a_bof_with_a_bad_line_is_invalid_and_the_line_is_named(failing, active) -> None:
    (active / "cf3/bof.cfg").write_text("# options\nprimary-config cf3:\\..\\pe1.cfg\n")

    assert "line 2" in failing(Cause.INVALID_BOF).detail


# reserve


def test_a_full_quota_is_no_space(failing, standby) -> None:
    assert "bytes free" in failing(Cause.NO_SPACE, standby=LocalCard(Slot.B, standby, quota=200 * KIB)).detail


def test_a_quota_that_is_used_up_during_the_copy_is_no_space(failing, meddler, standby) -> None:
    used = sum(path.stat().st_size for path in standby.rglob("*") if path.is_file())
    meddler.at["cf3:\\pe1.cfg"] = lambda: (standby / "cf2/core.dump").write_bytes(bytes(MIB))

    failing(Cause.NO_SPACE, standby=LocalCard(Slot.B, standby, quota=used + MIB), besides="cf2/core.dump")


@pytest.mark.mount
def test_a_full_file_system_is_no_space(failing, mounted) -> None:
    flash = mounted("b/cf3", "400k")
    (flash / "pe1.cfg").write_bytes(b"old")

    failed = failing(Cause.NO_SPACE)

    assert "are needed" in failed.detail
    assert outcome_of(failed, "cf3:\\pe1.cfg") is FileOutcome.NOT_TRIED


@pytest.mark.mount
def test_a_file_system_that_fills_up_during_the_copy_is_no_space(failing, meddler, mounted) -> None:
    flash = mounted("b/cf3", "1000k")

    def fill() -> None:
        free = os.statvfs(flash)
        (flash / "core.dump").write_bytes(bytes(free.f_bavail * free.f_frsize))

    meddler.at["cf3:\\TiMOS-20.10.R3\\cpm.tim"] = fill

    failing(Cause.NO_SPACE, besides="cf3/core.dump")


def test_a_file_beyond_the_limit_of_file_sizes_is_too_large(failing) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * KIB, hard))
    try:
        failed = failing(Cause.FILE_TOO_LARGE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert outcome_of(failed, "cf3:\\TiMOS-20.10.R3\\both.tim") is FileOutcome.FAILED


# transfer


def test_a_standby_that_may_not_be_written_is_permission_denied(failing, open_cards, as_nobody) -> None:
    (open_cards[1] / "cf3").chmod(0o555)

    with as_nobody():
        failing(Cause.PERMISSION_DENIED, **cards_in(*open_cards))


def test_a_standby_folder_that_may_not_be_listed_is_permission_denied(failing, open_cards, as_nobody) -> None:
    (open_cards[1] / "cf3").chmod(0o777)
    (open_cards[1] / "cf3/TiMOS-20.10.R3").mkdir(mode=0)

    with as_nobody():
        outcome = failing(Cause.PERMISSION_DENIED, **cards_in(*open_cards))

    assert outcome.stage is Stage.TRANSFER


@pytest.mark.mount
def test_a_read_only_flash_is_read_only(failing, mounted, standby) -> None:
    shutil.copytree(standby / "cf3", standby.parent / "kept")
    flash = mounted("b/cf3", "8m")
    shutil.copytree(standby.parent / "kept", flash, dirs_exist_ok=True)
    subprocess.run(["mount", "-o", "remount,ro", str(flash)], check=True)

    failing(Cause.READ_ONLY)


def test_a_staging_folder_that_is_in_the_way_is_an_input_output_error(failing, standby) -> None:
    (standby / "cf3/.understudy").write_bytes(b"a file where a folder should be")

    failing(Cause.IO_ERROR)


# verify


def test_a_byte_that_the_standby_stored_wrongly_is_a_checksum_mismatch(failing, meddler, standby) -> None:
    def flip() -> None:
        staged = next(path for path in standby.glob("cf3/.understudy/7/new/*") if b"name pe1" in path.read_bytes())
        staged.write_bytes(staged.read_bytes().replace(b"pe1", b"pe2"))

    meddler.at[Stage.VERIFY] = flip

    failed = failing(Cause.CHECKSUM_MISMATCH)

    assert "cf3:\\pe1.cfg" in failed.detail
    assert outcome_of(failed, "cf3:\\pe1.cfg") is FileOutcome.FAILED
    assert outcome_of(failed, "cf3:\\nvsys.info") is FileOutcome.UNCHANGED


# activate


def test_a_folder_where_a_file_should_go_is_a_failed_replacement(failing, standby) -> None:
    (standby / "cf3/pe1.cfg").unlink()
    (standby / "cf3/pe1.cfg/inside").mkdir(parents=True)

    assert "a folder is in the way" in failing(Cause.REPLACE_FAILED).detail


def test_a_file_that_appears_on_the_standby_meanwhile_is_a_failed_replacement(failing, meddler, standby) -> None:
    meddler.at[Stage.VERIFY] = lambda: (standby / "cf3/pe1.ndx").write_bytes(b"somebody else's")

    failing(Cause.REPLACE_FAILED, besides="cf3/pe1.ndx")

    assert (standby / "cf3/pe1.ndx").read_bytes() == b"somebody else's"


def test_a_file_where_a_folder_should_go_is_a_failed_replacement(failing, standby) -> None:
    (standby / "cf3/TiMOS-20.10.R3").write_bytes(b"")

    failing(Cause.REPLACE_FAILED)


def test_a_file_that_may_not_be_replaced_is_a_failed_replacement(failing, open_cards, as_nobody) -> None:
    (open_cards[1] / "cf3").chmod(0o777)
    (open_cards[1] / "cf3/TiMOS-20.10.R3").mkdir()
    (open_cards[1] / "cf3/TiMOS-20.10.R3").chmod(0o555)

    with as_nobody():
        failing(Cause.REPLACE_FAILED, **cards_in(*open_cards))
