"""What verification says where there is little to go by, and of what it is told: checkpoints, rebuilds, rows, trees."""

import sqlite3
from contextlib import closing

import pytest

from audit.notary import checkpoint
from audit.notary_key import VERIFIER, open_key
from audit.notes_checkpoint import Checkpoint, sign
from audit.tree import FILE, Tree
from audit.verification import Rebuilt, verify
from audit.verification_answer import Answer, Kind, Verdict
from audit.witnesses import BESIDE, beside


def kinds(verdict: Verdict) -> list[tuple[Kind, int]]:
    return [(finding.kind, finding.first) for finding in verdict.findings]


def test_a_damaged_checkpoint_is_named(sealed, proven, verified) -> None:
    note = proven.home / BESIDE / f"{sealed[0]:020d}.note"
    whole = note.read_text()
    note.write_text(whole.replace(f"\n{sealed[0]}\n", f"\n{sealed[0] + 1}\n"))
    assert [kind for kind, _ in kinds(verified().integrity)] == [Kind.OTHER_KEY]
    note.write_text("nothing")
    found = verified().integrity
    assert [kind for kind, _ in kinds(found)] == [Kind.UNREADABLE_CHECKPOINT]
    assert str(note) in found.text


def test_where_nothing_was_ever_signed_nothing_is_proved(proven, verified) -> None:
    proven.grow(10)
    found = verified()
    assert (found.integrity.answer, found.completeness.answer) == (Answer.UNKNOWN, Answer.UNKNOWN)
    assert not found.holds
    assert found.integrity.text.startswith("nothing was ever signed here")


@pytest.mark.usefixtures("sealed")
def test_checkpoints_of_which_nobody_knows_the_key_prove_nothing(proven, verified) -> None:
    (proven.home / VERIFIER).unlink()
    found = verified()
    assert found.integrity.answer is Answer.UNKNOWN
    assert found.integrity.text.startswith("no key says whose checkpoints count")


@pytest.mark.usefixtures("sealed")
def test_a_rebuild_that_gives_something_else_is_a_verdict_of_its_own(verified) -> None:
    found = verified(rebuild=lambda: Rebuilt(["the alarm list of pe1 differs"], 1))
    assert (found.rebuild.answer, found.rebuild.text) == (Answer.FAILS, "the alarm list of pe1 differs")
    assert (found.integrity.answer, found.holds) == (Answer.HOLDS, False)
    assert verified(rebuild=lambda: Rebuilt(compared=1)).rebuild.text.endswith("equal the live ones")
    found = verified(rebuild=Rebuilt).rebuild
    assert (found.answer, found.text.split("; ")[1]) == (
        Answer.HOLDS,
        "no snapshot is kept that could differ",
    )


@pytest.mark.usefixtures("sealed")
def test_a_rebuild_that_breaks_off_is_a_finding(verified) -> None:
    def fail() -> Rebuilt:
        raise TypeError("a chassis of bytes")

    found = verified(rebuild=fail).rebuild
    assert (found.answer, found.text) == (
        Answer.FAILS,
        "projections cannot be made again: TypeError: a chassis of bytes",
    )


def test_a_record_in_any_store_is_verified(stored) -> None:
    head = stored.grow(30)
    checkpoint(stored.home, stored.record)
    found = verify(stored.home, stored.record)
    assert (found.holds, found.sealed) == (True, head)


def test_it_says_how_far_it_is(sealed, verified) -> None:
    told: list[tuple[int, int]] = []
    verified(progress=lambda done, goal: told.append((done, goal)))
    assert told == [(sealed[2], sealed[2])]


@pytest.mark.parametrize(
    "column",
    [
        "topic = CAST(x'ff66' AS TEXT)",
        "originator_id = CAST(x'ff66' AS TEXT)",
        "originator_id = CAST(originator_id AS BLOB)",
        "originator_version = 'x'",
    ],
)
@pytest.mark.parametrize("position", [1, 7])
@pytest.mark.usefixtures("sealed")
def test_a_value_that_no_program_of_ours_writes_is_named(proven, verified, column: str, position: int) -> None:
    proven.edit(f"UPDATE stored_events SET {column} WHERE position = {position}")
    found = verified()
    assert (found.integrity.answer, found.first_wrong) == (Answer.FAILS, position)
    assert (Kind.EDITED, position) in kinds(found.integrity)


def test_a_damaged_tree_is_given_up_soon_whatever_the_number_of_checkpoints(proven, verified, monkeypatch) -> None:
    proven.grow(300)
    checkpoint(proven.home, proven.record)
    key = open_key(proven.home, None)
    with closing(Tree(proven.home / FILE)) as tree:
        for size in range(100, 300):
            beside(proven.home).hold(sign(Checkpoint(key.name, size, tree.root(size)), key))
    with closing(sqlite3.connect(proven.home / FILE)) as connection, connection:
        connection.execute("UPDATE tiles SET hashes = randomblob(length(hashes))")
    asked: list[int] = []
    root, proof = Tree.root, Tree.inclusion_proof
    monkeypatch.setattr(Tree, "root", lambda tree, size: asked.append(size) or root(tree, size))
    monkeypatch.setattr(Tree, "inclusion_proof", lambda *each: asked.append(each[1]) or proof(*each))
    assert verified().holds
    assert len(asked) < 100


@pytest.mark.usefixtures("sealed")
def test_half_a_version_follows_nothing(proven, verified) -> None:
    proven.edit("UPDATE stored_events SET originator_version = originator_version + 0.5 WHERE position = 7")
    found = verified()
    assert (found.completeness.answer, found.first_wrong) == (Answer.FAILS, 7)
