"""The notary and its witnesses: what is signed, where it is held, and what it does not sign on top of."""

import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from audit.merkle import Frontier, leaf_hashes, verify_consistency
from audit.notary import NotaryError, checkpoint, hand_out, make_checkpoint, origin_of
from audit.notary_apart import Apart
from audit.notary_key import pinned_key
from audit.notary_regular import RegularNotary
from audit.notes import NoteError
from audit.notes_checkpoint import SignedCheckpoint, parse_checkpoint
from audit.tree import FILE, Tree, TreeError, discard, open_tree
from audit.tree_rows import rows_of
from audit.verification import verify
from audit.witnesses import BESIDE, Command, Fetched, Folder, Sent, WitnessError, reading

PATIENCE_SECONDS = 60.0


@pytest.fixture
def outside(tmp_path: Path) -> Folder:
    folder = tmp_path / "outside"
    folder.mkdir()
    return Folder(folder)


def test_a_checkpoint_is_the_signed_root_of_all_that_is_recorded(stored) -> None:
    head = stored.grow(20)
    signed = checkpoint(stored.home, stored.record)
    frontier = Frontier()
    for rows in rows_of(stored.record)(0, head):
        frontier.extend(leaf_hashes(rows))
    assert (signed.checkpoint.size, signed.checkpoint.root) == (head, frontier.root())
    key = pinned_key(stored.home)
    assert key
    key.check(signed.note)
    [note] = (stored.home / BESIDE).iterdir()
    assert (note.name, note.read_text()) == (f"{head:020d}.note", signed.note.whole)


def test_a_log_is_named_by_its_first_fact_or_as_somebody_says(proven, tmp_path: Path) -> None:
    proven.grow(5)
    first = proven.record.recorder.select_rows(after=0, limit=1)[0]
    assert checkpoint(proven.home, proven.record).checkpoint.origin == origin_of(first)
    named = tmp_path / "named"
    named.mkdir()
    for _ in range(2):
        signed = checkpoint(named, proven.record, origin="noc.example/core")
        assert signed.checkpoint.origin == "noc.example/core"
    proven.grow(5)
    assert checkpoint(named, proven.record).checkpoint.origin == "noc.example/core", "a name stays"
    with pytest.raises(NoteError, match=r"the key of noc\.example/core, but the record is other"):
        checkpoint(named, proven.record, origin="other")


def test_where_nothing_was_recorded_since_the_newest_checkpoint_is_the_answer(proven, outside) -> None:
    proven.grow(5)
    first = checkpoint(proven.home, proven.record)
    assert checkpoint(proven.home, proven.record, witnesses=[outside]) == first
    assert [held.note for held in outside.held()] == [first.note.whole]


def test_a_home_that_is_not_there_yet_is_made(proven, tmp_path: Path) -> None:
    proven.grow(5)
    checkpoint(tmp_path / "new" / "home", proven.record)
    assert (tmp_path / "new" / "home" / "notary.pub").exists()


def test_an_empty_record_is_not_signed(proven) -> None:
    with pytest.raises(NotaryError, match="nothing is recorded yet"):
        checkpoint(proven.home, proven.record)
    assert not list(proven.home.glob("notary.*"))


def test_each_checkpoint_continues_the_one_before(proven, closed) -> None:
    roots = []
    for _ in range(4):
        proven.grow(7)
        made = checkpoint(proven.home, proven.record).checkpoint
        roots.append((made.size, made.root))
    tree = closed(open_tree(proven.home, proven.record))
    for (old, old_root), (new, new_root) in pairwise(roots):
        assert verify_consistency(old, old_root, new, new_root, tree.consistency_proof(old, new))


def test_nothing_is_signed_on_top_of_an_edited_or_shortened_record(proven) -> None:
    proven.grow(20)
    head = checkpoint(proven.home, proven.record).checkpoint.size
    proven.edit("UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = 9")
    (proven.home / FILE).unlink()
    proven.grow(4)
    with pytest.raises(NotaryError, match=f"is not the one that .*{head:020d}.note was signed for"):
        checkpoint(proven.home, proven.record)
    proven.edit("DELETE FROM stored_events WHERE position > 15")
    with pytest.raises((NotaryError, TreeError), match="see understudy audit verify"):
        checkpoint(proven.home, proven.record)


EDIT = "UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = {}"


@pytest.mark.parametrize("since", [0, 5])
def test_a_record_that_was_edited_is_not_signed_although_the_tree_has_what_was_there(proven, since: int) -> None:
    proven.grow(20)
    checkpoint(proven.home, proven.record)
    proven.grow(5)
    head = checkpoint(proven.home, proven.record).checkpoint.size
    proven.edit(EDIT.format(9))
    if since:
        proven.grow(since)
    with pytest.raises(
        NotaryError, match=r"^position 9 of the record is not what was there.*nothing is signed.*verify"
    ):
        checkpoint(proven.home, proven.record)
    assert len(list((proven.home / BESIDE).iterdir())) == 2
    with closing(Tree(proven.home / FILE)) as tree:
        assert tree.size == head, "and nothing is added to the tree"


def test_an_edit_of_what_only_the_tree_has_seen_is_not_signed(proven) -> None:
    first = proven.grow(20)
    checkpoint(proven.home, proven.record)
    proven.grow(20)
    open_tree(proven.home, proven.record).close()
    proven.edit(EDIT.format(first + 3))
    with pytest.raises(NotaryError, match=f"^position {first + 3} of the record is not what was there"):
        checkpoint(proven.home, proven.record)


def test_a_gap_in_what_the_tree_has_is_not_signed(proven) -> None:
    proven.grow(20)
    checkpoint(proven.home, proven.record)
    proven.edit("DELETE FROM stored_events WHERE position = 9")
    proven.grow(4)
    with pytest.raises(TreeError, match="the record has no position 9: see understudy audit verify"):
        checkpoint(proven.home, proven.record)


def test_a_tree_that_was_damaged_alone_is_to_be_made_again(proven) -> None:
    proven.grow(20)
    checkpoint(proven.home, proven.record)
    with closing(sqlite3.connect(proven.home / FILE)) as connection, connection:
        connection.execute(
            "UPDATE tiles SET hashes = CAST(substr(hashes, 1, 128) || zeroblob(32) || substr(hashes, 161) AS BLOB)"
        )
    proven.grow(4)
    with pytest.raises(
        NotaryError, match=r"\(position 5\), but the record is what was signed: understudy rebuild tree"
    ):
        checkpoint(proven.home, proven.record)
    discard(proven.home / FILE)
    checkpoint(proven.home, proven.record)
    assert verify(proven.home, proven.record).holds


def test_what_is_older_than_what_is_compared_is_signed_as_it_was_signed_before(proven, monkeypatch) -> None:
    monkeypatch.setattr("audit.notary.COMPARED_BEFORE", 256)
    proven.grow(600)
    checkpoint(proven.home, proven.record)
    proven.edit(EDIT.format(9))
    head = proven.grow(4)
    checkpoint(proven.home, proven.record)
    found = verify(proven.home, proven.record)
    assert (found.first_wrong, found.sealed, found.integrity.found) == (9, head, 1)


def test_a_record_whose_first_fact_was_edited_is_not_signed_in_its_name(proven) -> None:
    proven.grow(20)
    checkpoint(proven.home, proven.record)
    shutil.rmtree(proven.home / BESIDE)
    proven.edit("UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = 1")
    with pytest.raises(NoteError, match="but the record is understudy/"):
        checkpoint(proven.home, proven.record)


def test_a_folder_outside_holds_the_same_notes(proven, outside) -> None:
    sizes = []
    for _ in range(3):
        proven.grow(4)
        sizes.append(checkpoint(proven.home, proven.record, witnesses=[outside]).checkpoint.size)
    assert [parse_checkpoint(held.note).checkpoint.size for held in outside.held()] == sizes
    beside = sorted(path.read_text() for path in (proven.home / BESIDE).iterdir())
    assert sorted(path.read_text() for path in outside.path.iterdir()) == beside
    newest = outside.newest()
    assert newest
    assert newest.place == str(outside.path / f"{sizes[-1]:020d}.note")
    assert list(reading(Path(newest.place)).held()) == [newest]


def test_a_folder_that_is_not_there_is_not_made_but_named(proven, tmp_path: Path, outside) -> None:
    proven.grow(4)
    away = Folder(tmp_path / "away")
    with pytest.raises(WitnessError, match=r"away.*No such file or directory"):
        checkpoint(proven.home, proven.record, witnesses=[away, outside])
    assert not away.path.exists()
    assert outside.newest(), "the others have it all the same"
    with pytest.raises(WitnessError, match="there is no folder"):
        list(away.held())


def test_a_folder_does_not_give_up_what_it_holds(proven, outside) -> None:
    head = proven.grow(4)
    (outside.path / f"{head:020d}.note").write_text("something else\n")
    with pytest.raises(WitnessError, match="is another checkpoint of as many facts"):
        checkpoint(proven.home, proven.record, witnesses=[outside])
    assert [held.note for held in outside.held()] == ["something else\n"]


def test_a_command_gets_the_note_on_its_standard_input_and_its_name(proven, outside) -> None:
    head = proven.grow(4)
    command = Command(f'cat > "{outside.path}/$UNDERSTUDY_CHECKPOINT"')
    signed = checkpoint(proven.home, proven.record, witnesses=[command])
    assert [(Path(held.place).name, held.note) for held in outside.held()] == [(f"{head:020d}.note", signed.note.whole)]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("echo no room >&2; exit 7", "exited with 7: no room"),
        ("exit 1", "exited with 1$"),
        ("no-such-command-anywhere", "exited with 127: .*not found"),
        ("sleep 600 | cat", "took more than 0.2 s and was ended"),
    ],
)
def test_a_command_that_fails_or_hangs_is_told(proven, command: str, why: str) -> None:
    proven.grow(4)
    with pytest.raises(WitnessError, match=why):
        checkpoint(proven.home, proven.record, witnesses=[Command(command, seconds=0.2 if "sleep" in command else 60)])


def test_whoever_has_functions_of_its_own_can_be_a_witness(proven) -> None:
    proven.grow(4)
    taken: dict[str, str] = {}
    signed = checkpoint(proven.home, proven.record, witnesses=[Sent("a dictionary", taken.__setitem__)])
    assert taken == {signed.checkpoint.origin: signed.note.whole}
    fetched = Fetched("a dictionary", taken.values)
    assert verify(proven.home, proven.record, witnesses=[fetched]).checkpoints == 2

    def fail(*_: str) -> list[str]:
        raise KeyError("nothing")

    with pytest.raises(WitnessError, match="a dictionary: 'nothing'"):
        checkpoint(proven.home, proven.record, witnesses=[Sent("a dictionary", fail, KeyError)])
    with pytest.raises(WitnessError, match="a dictionary: 'nothing'"):
        verify(proven.home, proven.record, witnesses=[Fetched("a dictionary", fail, KeyError)])


def test_every_witness_that_did_not_take_it_is_named(proven) -> None:
    proven.grow(4)
    signed = make_checkpoint(proven.home, proven.record)
    with pytest.raises(WitnessError) as caught:
        hand_out(signed, [Command("exit 3"), Command("exit 4")])
    assert "'exit 3' exited with 3; 'exit 4' exited with 4" in str(caught.value)


def test_a_process_of_its_own_makes_the_same_checkpoint(stored) -> None:
    head = stored.grow(9)
    signed = Apart(stored.home, stored.place).wait()
    assert signed.checkpoint.size == head
    assert checkpoint(stored.home, stored.record) == signed


def test_a_process_of_its_own_says_in_a_line_why_it_does_not(proven, tmp_path: Path) -> None:
    with pytest.raises(NotaryError, match=r"^there is no record at"):
        Apart(proven.home, tmp_path / "none.sqlite").wait()


class Told(logging.Handler):
    """What the notary says, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.said = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.said.set()


@pytest.fixture
def told() -> Iterator[Told]:
    logger, handler = logging.getLogger("audit.notary_regular"), Told()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)


def until(reached: Callable[[], object]) -> None:
    breath, rounds = threading.Event(), int(PATIENCE_SECONDS / 0.02)
    assert any(reached() or breath.wait(0.02) for _ in range(rounds))


def test_it_signs_what_is_recorded_every_so_often_and_at_the_end(proven, outside, told) -> None:
    head = proven.grow(4)
    notary = RegularNotary(proven.home, proven.record, proven.place, seconds=0.05, witnesses=[outside])
    with notary:
        until(lambda: sizes(outside) == [head])
        assert notary.newest
        second = proven.grow(4)
        until(lambda: second in sizes(outside))
    slow = RegularNotary(proven.home, proven.record, proven.place, seconds=3600, witnesses=[outside])
    with slow:
        last = proven.grow(4)
    assert sizes(outside)[-1] == last
    assert told.lines == []


def test_it_tries_again_what_went_wrong_and_says_so_once(proven, tmp_path, told) -> None:
    late = Folder(tmp_path / "late")
    head = proven.grow(4)
    with RegularNotary(proven.home, proven.record, proven.place, seconds=0.05, witnesses=[late]):
        assert told.said.wait(PATIENCE_SECONDS)
        told.said.clear()
        late.path.mkdir()
        assert told.said.wait(PATIENCE_SECONDS)
        assert sizes(late) == [head]
    assert told.lines[0].startswith("no checkpoint, or not everywhere: ")
    assert told.lines[1:] == ["checkpoints are made again"]


def test_it_ends_at_once_although_there_is_nothing_to_sign(proven, told) -> None:
    with RegularNotary(proven.home, proven.record, proven.place, seconds=3600) as notary:
        assert notary.newest is None
    assert told.lines == []


def test_its_process_does_not_outlast_it(proven, monkeypatch, told) -> None:
    monkeypatch.setattr("audit.notary_regular.GRACE_SECONDS", 0.0)
    proven.grow(4)
    notary = RegularNotary(proven.home, proven.record, proven.place, seconds=0.01)
    with notary:
        until(lambda: notary._apart)
    assert not notary._thread.is_alive()
    assert notary._apart is None
    assert all("no checkpoint" in line for line in told.lines)


def sizes(folder: Folder) -> list[int]:
    found: list[SignedCheckpoint] = [parse_checkpoint(held.note) for held in folder.held()]
    return [signed.checkpoint.size for signed in found]


def test_a_key_is_used_by_several_processes_that_make_it_at_once(proven) -> None:
    proven.grow(4)
    with ThreadPoolExecutor(3) as threads:
        made = list(threads.map(lambda _: Apart(proven.home, proven.place).wait(), range(3)))
    assert len({one.note for one in made}) == 1
    assert [path.name for path in (proven.home / BESIDE).iterdir()] == [f"{proven.record.head():020d}.note"]
    with closing(open_tree(proven.home, proven.record)) as tree:
        assert tree.size == proven.record.head()
