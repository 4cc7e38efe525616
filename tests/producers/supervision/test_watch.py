"""Noticing what is saved or deleted on the active card: told by the kernel, and by looking again."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.causes import Scope
from events.facts import Slot
from producers.cards.local import LocalCard
from producers.supervision.watch import FolderWatch, Snapshot, changes, out_of_step_by_scope, take_snapshot

PATIENCE_SECONDS = 20.0
CONFIG, BOOT_ENV = Scope.CONFIG, Scope.BOOT_ENV


class Ear:
    """A folder under watch."""

    def __init__(self, folder: Path) -> None:
        self.woken = threading.Event()
        self.watch = FolderWatch(folder, self.woken.set, settling=0.05)

    def hears(self, act) -> bool:
        """Whether ``act``, done until it is heard, is heard: the kernel is not told at once what to listen to."""
        for _ in range(int(PATIENCE_SECONDS / 0.2)):
            act()
            if self.woken.wait(0.2):
                return True
        return False


@pytest.fixture
def ear(active: Path) -> Iterator[Ear]:
    ear = Ear(active)
    with_thread = ear.watch.start()
    yield ear
    with_thread.close()


def threads_of_watches() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("watch-")]


def test_a_saved_file_wakes(ear, active: Path) -> None:
    assert ear.hears(lambda: (active / "cf3/pe1.cfg").write_text("saved\n"))


def test_a_removed_file_wakes(ear, active: Path) -> None:
    assert ear.hears(lambda: (active / "cf3/nvsys.info").write_text("there\n"))
    ear.woken.clear()

    (active / "cf3/nvsys.info").unlink()

    assert ear.woken.wait(PATIENCE_SECONDS)


def test_an_image_in_a_folder_that_is_new_wakes(ear, active: Path) -> None:
    assert ear.hears(lambda: (active / "cf3/TiMOS-21.2.R1").mkdir(exist_ok=True))
    ear.woken.clear()

    assert ear.hears(lambda: (active / "cf3/TiMOS-21.2.R1/both.tim").write_text("new"))


def test_what_is_only_read_does_not_wake(ear, active: Path) -> None:
    assert ear.hears(lambda: (active / "cf3/pe1.cfg").write_text("saved\n"))
    ear.woken.clear()

    for _ in range(5):
        (active / "cf3/pe1.cfg").read_text()

    assert not ear.woken.wait(0.5)


def test_after_the_end_nothing_is_left_running(active: Path) -> None:
    ear = Ear(active)
    ear.watch.start()
    assert len(threads_of_watches()) == 1

    ear.watch.close()

    assert threads_of_watches() == []


def test_a_folder_that_is_missing_is_not_watched_and_nothing_breaks(tmp_path: Path) -> None:
    ear = Ear(tmp_path / "nowhere")
    ear.watch.start()
    ear.watch.close()

    assert not ear.watch.holds()
    assert not ear.woken.is_set()


def test_a_watch_holds_while_its_folder_is_there(ear, active: Path) -> None:
    assert ear.hears(lambda: (active / "cf3/pe1.cfg").write_text("saved\n"))

    assert ear.watch.holds()


@pytest.mark.parametrize("how", ["removed and made again", "moved away and another put there"])
def test_a_watch_does_not_hold_for_a_folder_put_in_the_place_of_its_own(ear, active: Path, how: str) -> None:
    assert ear.hears(lambda: (active / "cf3/pe1.cfg").write_text("saved\n"))
    ear.woken.clear()

    if how.startswith("removed"):
        shutil.rmtree(active)
    else:
        active.rename(active.with_name("old"))
    assert ear.woken.wait(PATIENCE_SECONDS)
    (active / "cf3").mkdir(parents=True)

    ear.watch._thread.join(PATIENCE_SECONDS)
    assert not ear.watch.holds()


# Snapshots


@pytest.fixture
def card(active: Path) -> LocalCard:
    return LocalCard(Slot.A, active)


@pytest.fixture
def before(card) -> Snapshot:
    snapshot = take_snapshot(card, None)
    assert snapshot is not None
    return snapshot


def seen_since(before: Snapshot, card: LocalCard) -> dict[Scope, tuple[str, ...]]:
    after = take_snapshot(card, before)
    assert after is not None
    return changes(before, after)


def test_a_snapshot_has_every_file_of_both_scopes_and_knows_which_are_configuration(before) -> None:
    assert before.config == {"cf3:\\pe1.cfg", "cf3:\\pe1.ndx", "cf3:\\pe1-fallback.cfg"}
    assert before.files.keys() - before.config == {
        "cf3:\\bof.cfg",
        "cf3:\\boot.ldr",
        "cf3:\\nvsys.info",
        "cf3:\\TiMOS-20.10.R3\\both.tim",
        "cf3:\\TiMOS-20.10.R3\\cpm.tim",
    }


def test_nothing_changed_is_no_change(before, card) -> None:
    assert seen_since(before, card) == {}


def test_a_saved_configuration_is_a_change_of_config(before, card, active: Path) -> None:
    (active / "cf3/pe1.cfg").write_text("other\n")

    assert seen_since(before, card) == {CONFIG: ("cf3:\\pe1.cfg",)}


def test_a_file_of_the_same_size_put_in_its_place_is_a_change(before, card, active: Path) -> None:
    content = (active / "cf3/pe1.cfg").read_bytes()
    (active / "cf3/new").write_bytes(content[::-1])
    (active / "cf3/new").replace(active / "cf3/pe1.cfg")

    assert seen_since(before, card) == {CONFIG: ("cf3:\\pe1.cfg",)}


def test_a_deleted_secondary_configuration_is_a_change_of_config(before, card, active: Path) -> None:
    (active / "cf3/pe1-fallback.cfg").unlink()

    assert seen_since(before, card) == {CONFIG: ("cf3:\\pe1-fallback.cfg",)}


def test_changes_of_both_scopes_are_told_apart(before, card, active: Path) -> None:
    (active / "cf3/pe1.ndx").unlink()
    (active / "cf3/boot.ldr").write_bytes(b"newer loader")
    (active / "cf3/TiMOS-20.10.R3/iom.tim").write_bytes(b"one more")

    assert seen_since(before, card) == {
        CONFIG: ("cf3:\\pe1.ndx",),
        BOOT_ENV: ("cf3:\\TiMOS-20.10.R3\\iom.tim", "cf3:\\boot.ldr"),
    }


def test_an_invalid_bof_is_one_change_of_that_file_however_often_it_is_seen(before, card, active: Path) -> None:
    (active / "cf3/bof.cfg").write_text("primary-config\n")
    invalid = take_snapshot(card, before)
    assert invalid is not None
    assert invalid.trouble is not None

    assert changes(before, invalid) == {CONFIG: ("cf3:\\bof.cfg",)}
    assert seen_since(invalid, card) == {}


def test_a_missing_primary_configuration_is_a_change_of_that_file(before, card, active: Path) -> None:
    (active / "cf3/pe1.cfg").unlink()

    assert seen_since(before, card) == {CONFIG: ("cf3:\\pe1.cfg",)}


def test_missing_images_are_trouble_of_boot_env_alone(before, card, active: Path) -> None:
    shutil.rmtree(active / "cf3/TiMOS-20.10.R3")

    assert seen_since(before, card) == {BOOT_ENV: ("cf3:\\TiMOS-20.10.R3",)}


def test_a_configuration_that_is_saved_shows_though_images_are_missing(before, card, active: Path) -> None:
    shutil.rmtree(active / "cf3/TiMOS-20.10.R3")
    missing = take_snapshot(card, before)
    assert missing is not None

    (active / "cf3/pe1.cfg").write_text("saved meanwhile\n")

    assert seen_since(missing, card) == {CONFIG: ("cf3:\\pe1.cfg",)}


def test_what_changed_during_trouble_shows_when_the_trouble_is_over(before, card, active: Path) -> None:
    bof = (active / "cf3/bof.cfg").read_bytes()
    (active / "cf3/bof.cfg").write_text("primary-config\n")
    invalid = take_snapshot(card, before)
    assert invalid is not None
    (active / "cf3/pe1.cfg").write_text("saved meanwhile\n")
    assert seen_since(invalid, card) == {}

    (active / "cf3/bof.cfg").write_bytes(bof)

    assert seen_since(invalid, card) == {CONFIG: ("cf3:\\pe1.cfg",), BOOT_ENV: ("cf3:\\bof.cfg",)}


def test_trouble_of_another_kind_is_a_change_again(before, card, active: Path) -> None:
    (active / "cf3/pe1.cfg").unlink()
    missing = take_snapshot(card, before)
    assert missing is not None

    (active / "cf3/bof.cfg").write_text("primary-config\n")

    assert seen_since(missing, card) == {CONFIG: ("cf3:\\bof.cfg",)}


def test_a_card_that_is_gone_has_no_snapshot(before, card, active: Path) -> None:
    active.rename(active.with_name("pulled"))

    assert take_snapshot(card, before) is None


def test_the_files_in_which_cards_differ_are_told_by_scope(cards) -> None:
    found = out_of_step_by_scope(*cards)

    assert set(found[CONFIG]) == {
        "cf3:\\pe1.cfg",
        "cf3:\\pe1.ndx",
        "cf3:\\pe1-fallback.cfg",
        "cf3:\\pe1-fallback.ndx",
    }
    assert "cf3:\\bof.cfg" in found[BOOT_ENV]
