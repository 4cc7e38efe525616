"""Which files a synchronisation covers."""

import pytest

from events.causes import Cause, Scope
from events.facts import FileKind, FileOutcome
from producers.failure import SyncError
from producers.manifest import gather


def test_a_configuration_synchronisation_covers_each_configuration_with_its_index(cards) -> None:
    items = gather(cards[0], Scope.CONFIG).items

    assert [(item.path, item.kind, item.outcome) for item in items] == [
        ("cf3/pe1.cfg", FileKind.CONFIG, None),
        ("cf3/pe1.ndx", FileKind.INDEX, None),
        ("cf3/pe1-fallback.cfg", FileKind.CONFIG, None),
        ("cf3/pe1-fallback.ndx", FileKind.INDEX, FileOutcome.NOT_PRESENT),
    ]


def test_a_boot_environment_begins_with_the_bof_the_boot_loader_and_nvsys(cards) -> None:
    kinds = [item.kind for item in gather(cards[0], Scope.BOOT_ENV).items]

    assert kinds[:4] == [FileKind.BOF, FileKind.BOOT_LOADER, FileKind.NVSYS, FileKind.IMAGE]


def test_images_are_the_tim_files_of_the_folder_itself(cards, active) -> None:
    folder = active / "cf3/TiMOS-20.10.R3"
    (folder / "support.TIM").write_bytes(b"")
    (folder / "release-notes.txt").write_bytes(b"")
    (folder / "deeper").mkdir()
    (folder / "deeper/iom.tim").write_bytes(b"")

    images = [item.path for item in gather(cards[0], Scope.BOOT_ENV).items if item.kind is FileKind.IMAGE]

    assert images == [f"cf3/TiMOS-20.10.R3/{name}" for name in ("both.tim", "cpm.tim", "support.TIM")]


def test_an_image_may_be_a_single_file(cards, active) -> None:
    (active / "cf3/bof.cfg").write_text("primary-image cf3:\\TiMOS-20.10.R3\\both.tim\n")

    images = [item.path for item in gather(cards[0], Scope.BOOT_ENV).items if item.kind is FileKind.IMAGE]

    assert images == ["cf3/TiMOS-20.10.R3/both.tim"]


def test_a_file_that_the_bof_names_twice_is_covered_once(cards, active) -> None:
    (active / "cf3/bof.cfg").write_text("primary-config cf3:\\pe1.cfg\nsecondary-config cf3:\\PE1.CFG\n")

    assert [item.path for item in gather(cards[0], Scope.CONFIG).items] == ["cf3/pe1.cfg", "cf3/pe1.ndx"]


def test_names_are_found_without_case_and_told_as_they_are_on_the_card(cards, active) -> None:
    (active / "cf3/bof.cfg").write_text("primary-config CF3:\\PE1.CFG\n")

    assert [item.name for item in gather(cards[0], Scope.CONFIG).items] == ["cf3:\\pe1.cfg", "cf3:\\pe1.ndx"]


def test_optional_files_that_are_absent_are_told_as_such(cards, active) -> None:
    for name in ("boot.ldr", "nvsys.info", "pe1.ndx", "pe1-fallback.cfg"):
        (active / "cf3" / name).unlink()
    with (active / "cf3/bof.cfg").open("a") as bof:
        bof.write("tertiary-image cf1:\\rescue\n")

    absent = {item.name for item in gather(cards[0], Scope.BOOT_ENV).items if item.outcome is FileOutcome.NOT_PRESENT}

    assert absent == {
        "cf1:\\rescue",
        "cf3:\\boot.ldr",
        "cf3:\\nvsys.info",
        "cf3:\\pe1.ndx",
        "cf3:\\pe1-fallback.cfg",
        "cf3:\\pe1-fallback.ndx",
    }


def test_a_bof_that_names_only_urls_covers_no_configuration(cards, active) -> None:
    (active / "cf3/bof.cfg").write_text("primary-config tftp://192.0.2.9/pe1.cfg\n")

    manifest = gather(cards[0], Scope.CONFIG)

    assert [(item.name, item.outcome) for item in manifest.items] == [
        ("tftp://192.0.2.9/pe1.cfg", FileOutcome.REMOTE),
    ]
    assert manifest.present == ()


def test_a_missing_file_is_named_with_what_to_do_about_it(cards, active) -> None:
    (active / "cf3/pe1.cfg").unlink()

    with pytest.raises(SyncError) as missing:
        gather(cards[0], Scope.CONFIG)

    assert missing.value.cause is Cause.SOURCE_MISSING
    assert missing.value.detail == (
        f"cf3:\\pe1.cfg, the primary-config of the BOF, is not on card A ({active}): "
        "save it there, or correct the name in the BOF."
    )
