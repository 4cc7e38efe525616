"""The tree beside the record: the same hashes as those of the record, however it has come to them."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import tree as trees
from audit.merkle import Frontier, leaf_hashes, verify_consistency, verify_inclusion
from audit.tree import FILE, Tree, TreeError, open_tree
from audit.tree_comparing import compare
from audit.tree_rows import Batches, rows_of
from events.store.recorder import Row

ROWS = [(number, "pe1", number, "sync.started.v1", b"{%d}" % number) for number in range(1, 70_001)]
HASHES = leaf_hashes(ROWS)


def stored_rows(after: int, until: int) -> Iterator[list[Row]]:
    for begin in range(after, until, 1000):
        yield ROWS[begin : min(begin + 1000, until)]


def root_of(size: int) -> bytes:
    frontier = Frontier()
    frontier.extend(HASHES[:size])
    return frontier.root()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Iterator[Tree]:
    """A tree of three levels of tiles."""
    with closing(Tree(tmp_path_factory.mktemp("large") / FILE)) as tree:
        for until in (1, 255, 256, 257, 300, 66_000, len(ROWS)):
            tree.extend(stored_rows, until)
        yield tree


def test_a_record_in_any_store_has_the_tree_of_its_rows(stored, closed) -> None:
    head = stored.grow(40)
    tree = closed(open_tree(stored.home, stored.record))
    frontier = Frontier()
    for rows in rows_of(stored.record)(0, head):
        frontier.extend(leaf_hashes(rows))
    assert (tree.size, tree.root(head)) == (head, frontier.root())


@settings(deadline=None)
@given(st.integers(0, len(ROWS)))
def test_it_tells_the_root_of_any_earlier_size(large, size: int) -> None:
    assert large.root(size) == root_of(size)


@settings(deadline=None)
@given(st.data(), st.integers(1, len(ROWS)))
def test_it_proves_inclusion_and_consistency(large, data: st.DataObject, size: int) -> None:
    position, old = data.draw(st.integers(1, size)), data.draw(st.integers(0, size))
    assert large.leaf(position) == HASHES[position - 1]
    proof = large.inclusion_proof(position, size)
    assert verify_inclusion(HASHES[position - 1], position - 1, size, proof, large.root(size))
    assert verify_consistency(old, large.root(old), size, large.root(size), large.consistency_proof(old, size))


def test_it_goes_on_where_it_ended_in_another_process(path) -> None:
    for until in (100, 256, 300, 3000):
        with closing(Tree(path)) as tree:
            tree.extend(stored_rows, until)
            assert (tree.size, tree.root(until)) == (until, root_of(until))


def test_several_who_extend_it_at_once_end_with_the_same_tree(path, monkeypatch) -> None:
    monkeypatch.setattr(trees, "LEAVES_AT_ONCE", 1000)
    with closing(Tree(path)) as one, closing(Tree(path)) as other:
        threads = [
            threading.Thread(target=tree.extend, args=(stored_rows, until))
            for tree, until in ((one, 9500), (other, 9999))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (one.size, one.root(9999), other.root(9500)) == (9999, root_of(9999), root_of(9500))


def test_it_tells_its_progress(path, closed) -> None:
    told: list[tuple[int, int]] = []
    closed(Tree(path)).extend(stored_rows, 2500, lambda done, goal: told.append((done, goal)))
    assert told == [(1000, 2500), (2000, 2500), (2500, 2500)]


@pytest.mark.parametrize("damage", ["version", "other program", "no database"])
def test_one_of_another_version_or_program_is_made_anew(path, damage: str) -> None:
    with closing(Tree(path)) as tree:
        tree.extend(stored_rows, 300)
    if damage == "no database":
        path.write_bytes(b"not a database at all" * 100)
    else:
        pragma = "user_version = 99" if damage == "version" else "application_id = 7"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA {pragma}")
    with closing(Tree(path)) as tree:
        assert tree.size == 0
        tree.extend(stored_rows, 300)
        assert tree.root(300) == root_of(300)


def test_one_of_another_record_is_made_anew(proven, closed) -> None:
    head = proven.grow(10)
    with closing(Tree(proven.home / FILE)) as other:
        other.extend(stored_rows, 300)
    tree = closed(open_tree(proven.home, proven.record))
    assert (tree.size, tree.root(head) == root_of(head)) == (head, False)


def test_a_record_that_has_become_shorter_is_not_followed(proven) -> None:
    proven.grow(10)
    head = proven.grow(10)
    open_tree(proven.home, proven.record).close()
    proven.edit(f"DELETE FROM stored_events WHERE position > {head - 3}")
    with pytest.raises(TreeError, match=f"ends at position {head - 3}, but .* has seen {head} facts"):
        open_tree(proven.home, proven.record)


@pytest.mark.parametrize("missing", [1, 7, 12])
def test_a_record_with_a_gap_is_not_followed(proven, missing: int) -> None:
    proven.grow(30)
    proven.edit(f"DELETE FROM stored_events WHERE position = {missing}")
    with pytest.raises(TreeError, match=f"the record has no position {missing}:"):
        open_tree(proven.home, proven.record)


def test_a_tree_that_lost_a_tile_says_so(path, closed) -> None:
    tree = closed(Tree(path))
    tree.extend(stored_rows, 1000)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM tiles WHERE level = 0 AND number = 2")
    with pytest.raises(TreeError, match=r"lacks hashes \(tile 2 of level 0\): remove it"):
        tree.leaf(600)


def edited(position: int) -> Batches:
    def read(after: int, until: int) -> Iterator[list[Row]]:
        for rows in stored_rows(after, until):
            yield [(*row[:4], b"{}") if row[0] == position else row for row in rows]

    return read


def test_a_comparison_names_the_first_row_that_is_not_what_the_tree_has(large) -> None:
    signed = (66_000, root_of(66_000))
    assert compare(large, stored_rows, after=65_000, signed=signed).same
    assert compare(large, stored_rows, after=0, signed=None) == (0, True, True)
    assert compare(large, edited(65_001), after=65_000, signed=signed) == (65_001, False, False)
    assert compare(large, edited(69_000), after=65_000, signed=signed) == (69_000, False, True)
    assert compare(large, stored_rows, after=65_000, signed=(66_000, root_of(65_999))) == (0, True, False)
    assert compare(large, edited(300), after=65_000, signed=signed).same, "that far back, it does not look"


def test_a_comparison_sees_hashes_above_the_leaves_that_do_not_fit(path, closed) -> None:
    tree = closed(Tree(path))
    tree.extend(stored_rows, 3000)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE level = 1")
    assert compare(tree, stored_rows, after=0, signed=None) == (0, False, True)


@pytest.mark.parametrize("missing", [2500, 3000])
def test_a_comparison_does_not_pass_over_a_row_that_is_missing(path, closed, missing: int) -> None:
    tree = closed(Tree(path))
    tree.extend(stored_rows, 3000)

    def read(after: int, until: int) -> Iterator[list[Row]]:
        for rows in stored_rows(after, until):
            yield [row for row in rows if row[0] != missing]

    with pytest.raises(TreeError, match=f"the record has no position {missing}:"):
        compare(tree, read, after=0, signed=None)


def test_it_costs_little_more_than_its_hashes(large) -> None:
    with closing(sqlite3.connect(large.path)) as connection:
        levels = dict(connection.execute("SELECT level, SUM(LENGTH(hashes)) FROM tiles GROUP BY level"))
    assert levels == {0: 32 * len(ROWS), 1: 32 * (len(ROWS) // 256), 2: 32 * (len(ROWS) // 65536)}
    assert sha256(large.leaves(512, 768)).digest() == sha256(b"".join(HASHES[512:768])).digest()
