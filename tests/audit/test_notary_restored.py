"""Going on after a backup was put in the place of the record, as docs/keeping.md says."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.backup import back_up
from audit.bundle.sealing import seals_of
from audit.notary import NotaryError, checkpoint, original
from audit.notary_key import KEY, VERIFIER, open_key, pinned_key
from audit.notary_list import list_checkpoints
from audit.notary_restored import NOTE, begin_anew, refuse_unless_restored, restores
from audit.tree import TreeError
from audit.verification import verify
from audit.verification_answer import Answer, Kind, Restored
from audit.witnesses import BESIDE, File, Folder
from events.errors import CommandRefusedError

AT = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def vault(tmp_path: Path) -> Folder:
    (tmp_path / "vault").mkdir()
    return Folder(tmp_path / "vault")


@pytest.fixture
def restore(proven, tmp_path: Path, vault) -> Callable[[], int]:
    """A record that was signed and backed up, went on and was signed again: the backup takes its place; its head."""

    def restore() -> int:
        proven.grow(20)
        checkpoint(proven.home, proven.record, witnesses=[vault])
        copy = tmp_path / "copy.sqlite"
        back_up(proven.record, copy, home=proven.home, force=True)
        proven.grow(10)
        checkpoint(proven.home, proven.record, witnesses=[vault])
        proven.close()
        for path in proven.home.glob("record.sqlite*"):
            path.unlink()
        shutil.copy(copy, proven.place)
        Path(proven.place).chmod(0o644)
        proven._attempts.clear()
        return proven.record.head()

    return restore


def begin(proven, reason: str = "the disk died") -> Restored:
    found = verify(proven.home, proven.record)
    refuse_unless_restored(found)
    return begin_anew(proven.home, found, reason=reason, operator="noc", at=AT)


@pytest.mark.parametrize("more", [0, 3, 30])
def test_nothing_is_signed_on_top_of_a_restored_record_until_somebody_says_so(proven, restore, more: int) -> None:
    restore()
    if more:
        proven.grow(more, "pe3")
    with pytest.raises((NotaryError, TreeError), match=r"a backup was put in its place.*--after-restore"):
        checkpoint(proven.home, proven.record)
    assert not verify(proven.home, proven.record).holds
    begin(proven)
    head = proven.record.head()
    assert checkpoint(proven.home, proven.record).checkpoint.size == head
    found = verify(proven.home, proven.record)
    assert (found.holds, found.sealed, found.first_wrong) == (True, head, 0)


def test_the_new_log_has_a_name_and_a_key_of_its_own_and_the_old_one_is_kept(proven, restore) -> None:
    size = restore()
    old, notes = pinned_key(proven.home), sorted(path.name for path in (proven.home / BESIDE).iterdir())
    proven.grow(3)
    assert old
    restored = begin(proven)
    assert restores(proven.home) == [restored]
    assert (restored.origin, restored.log) == (old.name, f"{old.name}/restored-1")
    assert (restored.agreed, restored.size, restored.reason) == (size, proven.record.head(), "the disk died")
    folder = proven.home / restored.folder
    assert sorted(path.name for path in folder.iterdir()) == sorted([*notes, KEY, VERIFIER, NOTE])
    assert open_key(folder, None).verifier == old
    made = checkpoint(proven.home, proven.record)
    assert made.checkpoint.origin == restored.log == original(old.name) + "/restored-1"
    found = verify(proven.home, proven.record)
    assert (found.origin, found.restored) == (restored.log, restored)
    assert list_checkpoints(proven.home, []).restores == (restored,)


def test_evidence_is_exported_again_also_of_what_was_signed_before(proven, restore) -> None:
    restore()
    proven.grow(3)
    begin(proven)
    with seals_of(proven.home, proven.record, first=1, last=5) as seals:
        assert [one.checkpoint.size for one in seals.checkpoints] == [proven.record.head()]


def test_it_can_be_restored_more_than_once(proven, restore, vault) -> None:
    restore()
    first = begin(proven)
    shutil.rmtree(vault.path)
    vault.path.mkdir()
    restore()
    second = begin(proven, "and again")
    checkpoint(proven.home, proven.record)
    assert second.log == first.origin + "/restored-2"
    assert (second.origin, restores(proven.home)) == (first.log, [first, second])
    assert verify(proven.home, proven.record).holds


def test_a_log_that_somebody_has_named_keeps_that_name(proven, restore) -> None:
    proven.grow(4)
    checkpoint(proven.home, proven.record, origin="noc.example/core")
    restore()
    assert begin(proven).log == "noc.example/core/restored-1"
    assert checkpoint(proven.home, proven.record).checkpoint.origin == "noc.example/core/restored-1"


def test_the_old_key_and_what_is_held_outside_still_say_what_was_signed(proven, restore, vault) -> None:
    size = restore()
    proven.grow(3)
    old = pinned_key(proven.home)
    begin(proven)
    checkpoint(proven.home, proven.record)
    found = verify(proven.home, proven.record, key=old, witnesses=[File(vault.path / f"{size:020d}.note")])
    assert (found.integrity.answer, found.sealed) == (Answer.HOLDS, size)
    found = verify(proven.home, proven.record, key=old, witnesses=[vault])
    assert Answer.FAILS in {found.integrity.answer, found.completeness.answer}
    assert found.first_wrong == size + 1
    found = verify(proven.home, proven.record, witnesses=[vault])
    assert [one.kind for one in found.integrity.findings] == [Kind.NOT_THIS_LOG], "a vault of the old log is none"


def test_a_record_that_goes_on_from_what_was_signed_needs_no_new_log(proven) -> None:
    proven.grow(4)
    with pytest.raises(CommandRefusedError, match="nothing was ever signed here"):
        refuse_unless_restored(verify(proven.home, proven.record))
    checkpoint(proven.home, proven.record)
    proven.grow(4)
    with pytest.raises(CommandRefusedError, match="no new log is needed"):
        refuse_unless_restored(verify(proven.home, proven.record))


def test_one_that_was_interrupted_is_done_again(proven, restore, monkeypatch) -> None:
    restore()
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError("the power went")))
    with pytest.raises(OSError, match="the power went"):
        begin(proven)
    monkeypatch.undo()
    with pytest.raises((NotaryError, TreeError)):
        checkpoint(proven.home, proven.record)
    begin(proven)
    checkpoint(proven.home, proven.record)
    assert verify(proven.home, proven.record).holds
