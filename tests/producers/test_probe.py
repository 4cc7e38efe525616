"""What a look at the cards tells, and that it leaves no trace."""

import os
import shutil
from collections.abc import Callable, Iterable

import pytest

from events.causes import Cause, Scope
from events.facts import Slot
from events.state import Health
from producers.cards.local import LocalCard
from producers.failure import SyncError
from producers.probe import (
    check_card,
    flash_usage,
    out_of_step,
    probe,
    snapshot,
    software_version,
)
from producers.staging import discard

OF_THE_STANDBY = {Cause.STANDBY_ABSENT, Cause.STANDBY_NOT_READY, Cause.UNREACHABLE, Cause.AUTHENTICATION_FAILED}
OF_THE_SOURCE = {Cause.SOURCE_MISSING, Cause.SOURCE_UNREADABLE, Cause.INVALID_BOF}
OF_WRITING = {Cause.PERMISSION_DENIED, Cause.READ_ONLY}


@pytest.fixture
def disproved(cards, active, standby, tree) -> Callable[..., set[Cause]]:
    """Probe, see that nothing was written, and tell the causes that were seen not to hold."""

    def run(*, to: LocalCard = cards[1], standing: Iterable[Cause] = Cause) -> set[Cause]:
        before = tree(active), tree(standby)
        report = probe(cards[0], to, Scope.BOOT_ENV, standing=tuple(standing))
        assert (tree(active), tree(standby)) == before
        assert report.detail
        return set(report.disproved)

    return run


def test_a_probe_that_meets_nothing_disproves_all_that_can_be_seen_without_writing(disproved) -> None:
    assert disproved() == OF_THE_STANDBY | OF_THE_SOURCE | {Cause.NO_SPACE} | OF_WRITING


def test_a_probe_of_an_absent_standby_disproves_nothing(disproved, standby) -> None:
    shutil.rmtree(standby)

    assert disproved() == set()


def test_a_probe_without_the_active_card_disproves_nothing(disproved, active) -> None:
    shutil.rmtree(active)

    assert disproved() == set()


def test_a_probe_that_meets_a_missing_source_disproves_what_stands_before_it(disproved, active) -> None:
    (active / "cf3/pe1.cfg").unlink()

    assert disproved() == OF_THE_STANDBY


def test_a_probe_that_meets_no_space_disproves_what_stands_before_it(disproved, standby) -> None:
    assert disproved(to=LocalCard(Slot.B, standby, quota=1000)) == OF_THE_STANDBY | OF_THE_SOURCE


def test_a_probe_that_meets_a_missing_flash_does_not_disprove_that_the_standby_is_not_ready(
    disproved, active, standby
) -> None:
    (active / "cf3/TiMOS-20.10.R3").rename(active / "cf2/TiMOS-20.10.R3")
    (active / "cf3/bof.cfg").write_text("primary-image cf2:\\TiMOS-20.10.R3\n")
    (standby / "cf2").rmdir()

    assert disproved() == (OF_THE_STANDBY | OF_THE_SOURCE) - {Cause.STANDBY_NOT_READY}


def test_a_probe_does_not_disprove_a_permission_that_is_denied(open_cards, as_nobody) -> None:
    (open_cards[1] / "cf3").chmod(0o555)
    source, to = LocalCard(Slot.A, open_cards[0]), LocalCard(Slot.B, open_cards[1])

    with as_nobody():
        report = probe(source, to, Scope.BOOT_ENV)

    assert Cause.READ_ONLY in report.disproved
    assert Cause.PERMISSION_DENIED not in report.disproved


@pytest.mark.mount
def test_a_probe_does_not_disprove_a_read_only_flash(cards, mounted) -> None:
    mounted("b/cf3", "8m", options=",ro")

    assert not set(probe(*cards, Scope.BOOT_ENV).disproved) & OF_WRITING


def test_whole_files_are_read_only_when_a_standing_cause_asks_for_it(disproved) -> None:
    assert Cause.SOURCE_UNREADABLE not in disproved(standing={Cause.STANDBY_ABSENT})
    assert Cause.NO_SPACE not in disproved(standing={Cause.STANDBY_ABSENT})


def test_a_card_in_service_is_seen_as_such(cards) -> None:
    assert check_card(cards[0]).health is Health.IN_SERVICE


def test_a_card_whose_folder_is_gone_is_absent(cards, active) -> None:
    shutil.rmtree(active)

    assert check_card(cards[0]).health is Health.ABSENT


def test_a_card_without_cf3_has_failed_and_it_is_told_why(cards, active) -> None:
    shutil.rmtree(active / "cf3")

    seen = check_card(cards[0])

    assert seen.health is Health.FAILED
    assert "cf3:" in seen.detail


def test_a_quota_is_what_flashes_are_full_of(standby) -> None:
    used = sum(path.stat().st_size for path in standby.rglob("*") if path.is_file())

    assert flash_usage(LocalCard(Slot.B, standby, quota=2 * used)) == {"cf3": 50}


@pytest.mark.mount
def test_the_usage_of_a_flash_is_that_of_its_file_system(mounted) -> None:
    flash = mounted("card/cf3", "1m")
    (flash / "core.dump").write_bytes(bytes(512 * 1024))

    assert flash_usage(LocalCard(Slot.A, flash.parent))["cf3"] == 50


def test_the_software_version_is_that_of_the_primary_image(cards, active) -> None:
    assert software_version(cards[0]) == "TiMOS-20.10.R3"
    (active / "cf3/bof.cfg").unlink()
    assert software_version(cards[0]) is None


def test_a_snapshot_shows_what_was_saved_replaced_and_deleted(cards, active) -> None:
    before = snapshot(cards[0], Scope.CONFIG)
    with (active / "cf3/pe1.cfg").open("ab") as file:
        file.write(b"more")
    copy = active / "cf3/copy"
    shutil.copy2(active / "cf3/pe1.ndx", copy)
    copy.replace(active / "cf3/pe1.ndx")
    (active / "cf3/pe1-fallback.cfg").unlink()

    after = snapshot(cards[0], Scope.CONFIG)

    assert {name for name in before if before[name] != after.get(name)} == set(before)


def test_a_snapshot_without_a_change_is_the_same(cards, active) -> None:
    before = snapshot(cards[0], Scope.BOOT_ENV)
    os.utime(active / "cf3", (1, 1))

    assert snapshot(cards[0], Scope.BOOT_ENV) == before


def test_a_snapshot_of_a_card_without_a_bof_is_a_failure(cards, active) -> None:
    (active / "cf3/bof.cfg").unlink()

    with pytest.raises(SyncError):
        snapshot(cards[0], Scope.CONFIG)


def test_after_an_attempt_nothing_is_out_of_step(cards, attempt) -> None:
    assert len(out_of_step(*cards)) == 8
    attempt()
    discard(cards[1], 7)

    assert out_of_step(*cards) == ()


def test_what_differs_or_is_too_much_on_the_standby_is_out_of_step(cards, attempt, standby) -> None:
    attempt()
    discard(cards[1], 7)
    (standby / "cf3/pe1.cfg").write_bytes(b"configure system name PE1\n")
    (standby / "cf3/TiMOS-20.10.R3/iom.tim").write_bytes(b"stale")

    assert out_of_step(*cards) == ("cf3:\\pe1.cfg", "cf3:\\TiMOS-20.10.R3\\iom.tim")


def test_everything_is_out_of_step_with_an_absent_standby(cards, standby) -> None:
    shutil.rmtree(standby)

    assert len(out_of_step(*cards)) == 8
