"""What supervision makes of somebody who is at the standby's files."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from events.facts import Blocker, FilesChanged, Slot, StandbyLost, SwitchoverRefused, SyncSucceeded
from events.state import ChassisState


def calm(state: ChassisState) -> bool:
    in_step = state.ready and state.running is None and not any(one.changed for one in state.scopes.values())
    return in_step and not state.standing()


def files(card: Path) -> dict[str, bytes]:
    every = (path for path in card.rglob("*") if path.is_file() and ".understudy" not in path.parts)
    return {str(path.relative_to(card)): path.read_bytes() for path in every}


def remove(path: Path) -> None:
    path.unlink()


def overwrite(path: Path) -> None:
    path.write_text("somebody was here\n")


@pytest.mark.parametrize("damage", [remove, overwrite])
@pytest.mark.parametrize("name", ["cf3/bof.cfg", "cf3/pe1.cfg", "cf3/TiMOS-20.10.R3/both.tim"])
def test_a_standby_whose_files_somebody_changed_is_not_ready_until_it_is_synchronised_again(
    installed, watched, name: str, damage: Callable[[Path], None]
) -> None:
    watched.until_state(calm)
    head = watched.record.head()

    damage(installed.b / name)

    changed = watched.until_fact(FilesChanged, after=head).fact
    assert changed.slot is Slot.B
    watched.until_fact(StandbyLost, after=head)
    watched.until_fact(SyncSucceeded, after=head)
    watched.until_state(calm)
    assert files(installed.a) == files(installed.b)


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
    installed.a.rename(installed.a.with_name("pulled"))

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
