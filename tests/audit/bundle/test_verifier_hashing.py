"""The verifier's own tree agrees with the one that the record is sealed with; neither uses the other's code."""

from hypothesis import given, settings
from hypothesis import strategies as st

from audit import merkle
from audit.bundle.proofs import Gaps
from audit.bundle.verifier.hashing import Frontier, is_consistent, leaf_hash, subtrees_between

LEAVES = [merkle.sha256(b"%d" % number).digest() for number in range(300)]


def subtree(level: int, number: int) -> bytes:
    return merkle.complete_root(LEAVES[number << level : (number + 1) << level])


def root(size: int) -> bytes:
    return merkle.subtree_root(0, size, subtree) if size else merkle.EMPTY_ROOT


def test_a_leaf_is_hashed_as_in_the_tree() -> None:
    row = (7, "pe1ü", 3, "sync.failed.v1", b'{"a":"\xc3\xbc"}')
    position, chassis, version, name, stored = row
    assert leaf_hash(position, chassis.encode(), version, name.encode(), stored) == merkle.leaf_hash(row)


@given(held=st.sets(st.integers(1, 300)), beyond=st.integers(0, 300))
def test_any_facts_and_the_hashes_between_them_give_the_root(held, beyond) -> None:
    size = max([beyond, *held])
    gaps, tree = Gaps(subtree), Frontier()
    for position in sorted(held):
        proof = iter(list(gaps.skip_to(position)))
        for level, _ in subtrees_between(tree.size, position - 1):
            tree.add(level, next(proof))
        tree.add(0, LEAVES[position - 1])
    proof = iter(list(gaps.finish(size)))
    for level, _ in subtrees_between(tree.size, size):
        tree.add(level, next(proof))
    assert tree.size == size
    assert tree.root() == root(size)


@given(st.integers(0, 300), st.integers(0, 300))
def test_subtrees_cover_what_is_between_and_nothing_else(start, end) -> None:
    covered = [leaf for level, number in subtrees_between(start, end) for leaf in _leaves(level, number)]
    assert covered == list(range(start, end))


def _leaves(level: int, number: int) -> range:
    return range(number << level, (number + 1) << level)


@settings(max_examples=300)
@given(older=st.integers(1, 300), newer=st.integers(1, 300), flip=st.integers(0, 10_000))
def test_consistency_holds_for_the_true_proof_only(older, newer, flip) -> None:
    older, newer = sorted((older, newer))
    proof = merkle.consistency_proof(older, newer, subtree)
    assert is_consistent((older, root(older)), (newer, root(newer)), proof)
    assert not is_consistent((older, root(newer + 1 if newer < 300 else 1)), (newer, root(newer)), proof) or older == 1
    assert not is_consistent((older, root(older)), (newer, root(newer)), [*proof, bytes(32)])
    if proof:
        at, bit = flip % len(proof), flip % 256
        changed = bytearray(proof[at])
        changed[bit // 8] ^= 1 << bit % 8
        assert not is_consistent(
            (older, root(older)), (newer, root(newer)), [*proof[:at], bytes(changed), *proof[at + 1 :]]
        )
        assert not is_consistent((older, root(older)), (newer, root(newer)), proof[:-1])


def test_a_tree_without_facts_begins_nothing() -> None:
    assert not is_consistent((0, merkle.EMPTY_ROOT), (5, root(5)), [])
    assert not is_consistent((5, root(5)), (3, root(3)), [])
