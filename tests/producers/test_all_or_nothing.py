"""Whenever an attempt dies or fails, the standby ends as it was before, or, once it is recorded, as the active card is.

The stops are exhaustive: before each single operation that changes anything on the standby, and then before each
operation of the recovery itself.
"""

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from errno import EIO, EPERM
from pathlib import Path

import pytest

from events.causes import Cause, Scope
from events.commands import Copied, Failed
from events.facts import Slot
from producers.cards.card import FileStat, NotSupportedError, Writer
from producers.cards.local import LocalCard
from producers.failure import SyncError
from producers.observer import Silent
from producers.staging import discard, recover
from producers.synchronizer import synchronize


class Died(BaseException):
    """Stands for SIGKILL: no handler of the program sees it."""


class MortalCard(LocalCard):
    """A real card that lets ``operations`` changes through and then fails each with ``error``."""

    def __init__(self, folder: Path, operations: int, error: BaseException, *, links: bool = True) -> None:
        super().__init__(Slot.B, folder)
        self.left = operations
        self._error = error
        self._links = links

    def _change(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise self._error

    def create(self, path: str, like: FileStat) -> AbstractContextManager[Writer]:
        self._change()
        return super().create(path, like)

    def link(self, existing: str, new: str) -> None:
        if not self._links:
            raise NotSupportedError(EPERM, "no hard links here")
        self._change()
        super().link(existing, new)

    def replace(self, old: str, new: str) -> None:
        self._change()
        super().replace(old, new)

    def remove(self, path: str) -> None:
        self._change()
        super().remove(path)

    def make_folder(self, path: str) -> None:
        self._change()
        super().make_folder(path)

    def remove_folder(self, path: str) -> None:
        self._change()
        super().remove_folder(path)


class MomentaryCard(MortalCard):
    """A real card on which one single change fails."""

    def _change(self) -> None:
        self.left -= 1
        if self.left == -1:
            raise self._error


@pytest.fixture(autouse=True)
def _link_on_the_standby(standby: Path) -> None:
    (standby / "cf3/pe1-fallback.cfg").symlink_to("log/log0101.txt")


def fresh(standby: Path) -> LocalCard:
    return LocalCard(Slot.B, standby)


def run(source: LocalCard, standby: LocalCard, number: int = 7) -> Copied | Failed:
    return synchronize(source, standby, Scope.BOOT_ENV, number, observer=Silent(), stop=threading.Event())


def stops(act: Callable[[int], object]) -> int:
    """Act with a budget of 0, 1, 2 ... operations until it is enough; returns how many that are."""
    for operations in range(500):
        try:
            act(operations)
        except Died:
            continue
        return operations
    raise AssertionError("500 operations are not enough")


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_dying_before_any_operation_and_recovering_leaves_the_standby_as_it_was(cards, standby, tree, links) -> None:
    before = tree(standby)

    def die(operations: int) -> None:
        try:
            run(cards[0], MortalCard(standby, operations, Died(), links=links))
        finally:
            recover(fresh(standby), lambda _attempt: False)
            assert tree(standby) == before

    assert stops(die) > 20


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_dying_in_the_recovery_as_well_and_recovering_again_leaves_the_standby_as_it_was(
    cards, standby, tree, links
) -> None:
    before = tree(standby)
    needed = stops(lambda operations: _die_and_recover(cards[0], standby, operations, links=links))

    for operations in range(needed - 20, needed):
        with pytest.raises(Died):
            run(cards[0], MortalCard(standby, operations, Died(), links=links))
        stops(lambda allowed: recover(MortalCard(standby, allowed, Died()), lambda _attempt: False))
        assert tree(standby) == before


def _die_and_recover(source: LocalCard, standby: Path, operations: int, *, links: bool) -> None:
    try:
        run(source, MortalCard(standby, operations, Died(), links=links))
    finally:
        recover(fresh(standby), lambda _attempt: False)


def test_dying_while_a_recorded_success_is_discarded_keeps_the_new_files(cards, standby, tree) -> None:
    def copied_tree() -> dict[str, object]:
        return {name: what for name, what in tree(standby).items() if ".understudy" not in name}

    assert isinstance(run(cards[0], cards[1]), Copied)
    after = copied_tree()

    stops(lambda allowed: discard(MortalCard(standby, allowed, Died()), 7))

    assert tree(standby) == copied_tree() == after


def test_recovery_after_a_recorded_success_keeps_the_new_files_and_undoes_nothing(cards, standby) -> None:
    assert isinstance(run(cards[0], cards[1]), Copied)

    assert recover(fresh(standby), lambda attempt: attempt == 7) == []

    assert (standby / "cf3/pe1.cfg").read_bytes() == b"configure system name pe1\n"
    assert not (standby / "cf3/.understudy").exists()


def test_recovery_of_a_success_that_was_never_recorded_undoes_it(cards, standby, tree) -> None:
    before = tree(standby)
    assert isinstance(run(cards[0], cards[1]), Copied)

    assert recover(fresh(standby), lambda _attempt: False) == [7]

    assert tree(standby) == before


def test_an_error_at_any_single_operation_leaves_the_standby_as_it_was(cards, standby, tree) -> None:
    before = tree(standby)
    for operations in range(500):
        outcome = run(cards[0], MomentaryCard(standby, operations, OSError(EIO, "Input/output error")))
        if isinstance(outcome, Copied):
            break
        assert outcome.cause in {Cause.IO_ERROR, Cause.REPLACE_FAILED}
        assert tree(standby) == before
    assert operations > 20


def test_a_standby_that_fails_for_good_in_the_activation_is_put_back_by_the_next_recovery(cards, standby, tree) -> None:
    before = tree(standby)
    outcome = run(cards[0], MortalCard(standby, 18, OSError(EIO, "Input/output error")))
    assert isinstance(outcome, Failed)
    assert "could not be taken back yet" in outcome.detail

    assert recover(fresh(standby), lambda _attempt: False) == [7]

    assert tree(standby) == before


def test_a_recovery_that_cannot_write_says_so(cards, standby) -> None:
    run(cards[0], cards[1])

    with pytest.raises(SyncError, match="io-error"):
        recover(MortalCard(standby, 0, OSError(EIO, "Input/output error")), lambda _attempt: False)


def test_a_journal_that_is_no_journal_means_that_nothing_was_activated(cards, standby, tree) -> None:
    before = tree(standby)
    folder = standby / "cf3/.understudy/5"
    (folder / "new").mkdir(parents=True)
    (folder / "new/0").write_bytes(b"half a fi")
    (folder / "journal.json").write_bytes(b'{"attempt": 5, "fla')

    recover(cards[1], lambda _attempt: False)

    assert tree(standby) == before


def test_a_journal_that_leads_off_its_flash_is_not_followed(cards, standby, tmp_path) -> None:
    outside = tmp_path / "outside.cfg"
    outside.write_bytes(b"not on the card")
    folder = standby / "cf3/.understudy/5"
    (folder / "new").mkdir(parents=True)
    (folder / "old").mkdir()
    (folder / "journal.json").write_text(
        '{"attempt":5,"flash":"cf3","folders":[],"steps":[{"action":"add","path":"cf3/../../outside.cfg","number":0}]}'
    )

    recover(cards[1], lambda _attempt: False)

    assert outside.read_bytes() == b"not on the card"
    assert not folder.exists()


def test_recovery_leaves_a_file_that_somebody_else_made_since_alone(cards, standby) -> None:
    journal_written = next(count for count in range(100) if _has_journal_after(cards[0], standby, count))
    with pytest.raises(Died):
        run(cards[0], MortalCard(standby, journal_written, Died()))
    (standby / "cf3/pe1.ndx").write_bytes(b"somebody else's")

    recover(fresh(standby), lambda _attempt: False)

    assert (standby / "cf3/pe1.ndx").read_bytes() == b"somebody else's"


def _has_journal_after(source: LocalCard, standby: Path, operations: int) -> bool:
    with pytest.raises(Died):
        run(source, MortalCard(standby, operations, Died()))
    written = (standby / "cf3/.understudy/7/journal.json").exists()
    recover(fresh(standby), lambda _attempt: False)
    return written


def test_nothing_is_recovered_on_a_standby_that_is_not_there(tmp_path) -> None:
    assert recover(fresh(tmp_path / "nowhere"), lambda _attempt: False) == []


def test_recovery_leaves_a_folder_of_somebody_else_alone(cards, standby) -> None:
    (standby / "cf3/.understudy/notes").mkdir(parents=True)

    recover(cards[1], lambda _attempt: False)

    assert (standby / "cf3/.understudy/notes").is_dir()


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from events.causes import Scope
from events.facts import Slot
from producers.cards.local import LocalCard
from producers.observer import Silent
from producers.synchronizer import synchronize

class Killing(LocalCard):
    left = int(sys.argv[3])
    def replace(self, old, new):
        if Killing.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Killing.left -= 1
        super().replace(old, new)

active, standby = (Path(name) for name in sys.argv[1:3])
synchronize(LocalCard(Slot.A, active), Killing(Slot.B, standby), Scope.BOOT_ENV, 7, observer=Silent(),
            stop=threading.Event())
"""


@pytest.mark.parametrize("renames", [0, 1, 4, 8])
def test_a_process_killed_in_the_middle_of_the_activation_is_recovered_from(active, standby, tree, renames) -> None:
    before = tree(standby)
    told = [sys.executable, "-c", textwrap.dedent(KILLED), str(active), str(standby), str(renames)]
    assert subprocess.run(told, check=False).returncode == -9
    assert tree(standby) != before

    recover(fresh(standby), lambda _attempt: False)

    assert tree(standby) == before
