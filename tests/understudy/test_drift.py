"""What supervision makes of somebody who is at the standby's files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from events.facts import (
    AlarmRaised,
    Blocker,
    FilesChanged,
    Slot,
    StandbyLost,
    SwitchoverCompleted,
    SwitchoverRefused,
    SyncSucceeded,
)


def remove(path: Path) -> None:
    path.unlink()


def overwrite(path: Path) -> None:
    path.write_text("somebody was here\n")


@pytest.mark.parametrize("damage", [remove, overwrite])
@pytest.mark.parametrize("name", ["cf3/bof.cfg", "cf3/pe1.cfg", "cf3/TiMOS-20.10.R3/both.tim"])
def test_a_standby_whose_files_somebody_changed_is_not_ready_until_it_is_synchronised_again(
    installed, watched, name: str, damage: Callable[[Path], None]
) -> None:
    watched.until_calm()
    head = watched.record.head()

    damage(installed.b / name)

    changed = watched.until_fact(FilesChanged, after=head).fact
    assert changed.slot is Slot.B
    watched.until_fact(StandbyLost, after=head)
    watched.until_fact(SyncSucceeded, after=head)
    watched.until_calm()
    assert installed.files(installed.a) == installed.files(installed.b)


def test_nobody_takes_over_with_files_that_were_taken_away(installed, quick, off, start) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    start(installed, *quick)
    for number in (1, 2):  # when the second change is seen, everything was looked at after the first one
        head = off.record.head()
        (installed.a / "cf3/pe1.cfg").write_text("saved again\n" * number)
        off.until_fact(FilesChanged, after=head)

    shutil.rmtree(installed.b / "cf3")
    (installed.b / "cf3").mkdir()
    off.until_fact(StandbyLost, after=head)
    installed.pull(installed.a)

    refused = off.until_fact(SwitchoverRefused, after=head).fact
    assert Blocker.NEVER_SYNCHRONIZED in refused.blockers


def test_what_was_taken_from_the_standby_while_nobody_watched_is_noticed_at_the_start(
    installed, quick, off, start
) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    (installed.b / "cf3/bof.cfg").unlink()
    head = off.record.head()

    start(installed, *quick)

    off.until_fact(StandbyLost, after=head)
    assert not off.state().ready


def test_the_standby_keeps_its_files_when_a_whole_flash_of_the_active_card_is_gone(installed, watched) -> None:
    bof = installed.a / "cf3/bof.cfg"
    (installed.a / "cf1/pe1b.cfg").write_text("the only fallback\n")
    bof.write_text(bof.read_text() + "secondary-config cf1:\\pe1b.cfg\n")
    watched.until_fact(SyncSucceeded, after=watched.until_fact(FilesChanged).position)
    watched.until_calm()
    assert (installed.b / "cf1/pe1b.cfg").exists()
    head = watched.record.head()

    (installed.a / "cf1").rename(installed.a.with_name("flash-pulled"))

    raised = watched.until_fact(AlarmRaised, after=head)
    assert raised.fact.alarm.qualifier == "source-unreadable"
    assert (installed.b / "cf1/pe1b.cfg").read_text() == "the only fallback\n"


def test_a_name_that_is_not_utf_8_is_an_alarm_and_not_the_end_of_supervision(installed, watched) -> None:
    watched.until_calm()
    head = watched.record.head()

    (installed.a / "cf3/TiMOS-20.10.R3" / os.fsdecode(b"caf\xe9.tim")).write_bytes(b"image")

    raised = watched.until_fact(AlarmRaised, after=head).fact
    assert raised.alarm.qualifier == "source-unreadable"
    assert "UTF-8" in raised.text
    installed.a.rename(installed.a.with_name("pulled"))
    assert watched.until_fact(SwitchoverCompleted, after=head).fact.active is Slot.B
