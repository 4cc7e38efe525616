"""The tree against the recursive definitions of RFC 9162, word for word, and against published hashes."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import merkle

ROW = (7, "pé1", 3, "sync.failed.v1", b'{"fact":{}}')
LEAVES = [sha256(b"leaf %d" % number).digest() for number in range(130)]

# The tree over these eight entries and its roots are those of the tests of Certificate Transparency.
ENTRIES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def mth(leaves: list[bytes]) -> bytes:
    """MTH of 2.1.1, over hashes of leaves."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    split = split_of(leaves)
    return sha256(b"\x01" + mth(leaves[:split]) + mth(leaves[split:])).digest()


def split_of(leaves: list[bytes]) -> int:
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return split


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = split_of(leaves)
    if index < split:
        return [*path(index, leaves[:split]), mth(leaves[split:])]
    return [*path(index - split, leaves[split:]), mth(leaves[:split])]


def subproof(old: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF of 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [mth(leaves)]
    split = split_of(leaves)
    if old <= split:
        return [*subproof(old, leaves[:split], whole=whole), mth(leaves[split:])]
    return [*subproof(old - split, leaves[split:], whole=False), mth(leaves[:split])]


def subtree(level: int, number: int) -> bytes:
    assert (number + 1) << level <= len(LEAVES)
    return mth(LEAVES[number << level : (number + 1) << level])


sizes = st.integers(0, len(LEAVES))


def test_roots_are_those_published_for_certificate_transparency() -> None:
    frontier = merkle.Frontier()
    for entry, root in zip(ENTRIES, ROOTS, strict=True):
        frontier.append(sha256(merkle.LEAF + bytes.fromhex(entry)).digest())
        assert frontier.root().hex() == root


def test_a_leaf_hashes_all_that_the_store_holds_of_a_fact() -> None:
    preimage = '7\npé1\n3\nsync.failed.v1\n{"fact":{}}'.encode()
    assert merkle.leaf_preimage(ROW) == preimage
    assert merkle.leaf_hash(ROW) == sha256(b"\x00" + preimage).digest()
    assert merkle.leaf_hashes([ROW, ROW]) == [merkle.leaf_hash(ROW)] * 2


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.Frontier().root() == merkle.EMPTY_ROOT == sha256(b"").digest()


@given(st.lists(st.integers(0, 40), max_size=12))
def test_a_tree_grown_in_any_batches_has_the_root_of_its_leaves(batches: list[int]) -> None:
    frontier = merkle.Frontier()
    for batch in batches:
        frontier.extend(LEAVES[frontier.size : frontier.size + batch])
        assert frontier.root() == mth(LEAVES[: frontier.size])
        assert len(frontier.nodes) == frontier.size.bit_count()


@given(sizes, sizes)
def test_a_tree_goes_on_from_what_was_kept_of_it(kept: int, more: int) -> None:
    first = merkle.Frontier()
    first.extend(LEAVES[:kept])
    again = merkle.Frontier(first.size, first.nodes)
    again.extend(LEAVES[kept : kept + more])
    assert again.root() == mth(LEAVES[: kept + more])


def test_a_tree_does_not_go_on_from_what_fits_no_such_tree() -> None:
    with pytest.raises(ValueError, match="a tree of 5 leaves has 2 complete subtrees, not 1"):
        merkle.Frontier(5, LEAVES[:1])


@given(sizes)
def test_the_root_of_any_size_comes_from_complete_subtrees(size: int) -> None:
    assert merkle.subtree_root(0, size, subtree) == mth(LEAVES[:size])


@given(st.data(), st.integers(1, len(LEAVES)))
def test_an_inclusion_proof_is_the_path_and_verifies_for_its_leaf_only(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root = merkle.inclusion_proof(index, size, subtree), mth(LEAVES[:size])
    assert proof == path(index, LEAVES[:size])
    assert merkle.verify_inclusion(LEAVES[index], index, size, proof, root)
    other = data.draw(st.integers(-1, size + 1).filter(lambda other: other != index))
    assert not merkle.verify_inclusion(LEAVES[index], other, size, proof, root)
    assert not merkle.verify_inclusion(b"\x00" * 32, index, size, proof, root)
    assert not merkle.verify_inclusion(LEAVES[index], index, size, [*proof, root], root)


@given(st.data(), sizes)
def test_a_consistency_proof_is_that_of_the_rfc_and_verifies_for_its_roots_only(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(0, new))
    proof, roots = merkle.consistency_proof(old, new, subtree), (mth(LEAVES[:old]), mth(LEAVES[:new]))
    assert proof == (subproof(old, LEAVES[:new], whole=True) if old else [])
    assert merkle.verify_consistency(old, roots[0], new, roots[1], proof)
    assert not merkle.verify_consistency(old, b"\x00" * 32, new, roots[1], proof)
    assert not merkle.verify_consistency(old, roots[0], new, roots[1], [*proof, roots[1]])
    if old:
        assert not merkle.verify_consistency(old, roots[0], new, b"\x00" * 32, proof)
    if proof:
        assert not merkle.verify_consistency(old, roots[0], new, roots[1], proof[:-1])


@given(st.data(), st.integers(2, len(LEAVES)))
def test_a_proof_with_any_one_hash_changed_does_not_verify(data: st.DataObject, size: int) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size - 1))
    root = mth(LEAVES[:size])
    for proof, verify in (
        (merkle.inclusion_proof(index, size, subtree), merkle.verify_inclusion),
        (merkle.consistency_proof(old, size, subtree), merkle.verify_consistency),
    ):
        for number in range(len(proof)):
            changed = [*proof[:number], b"\x00" * 32, *proof[number + 1 :]]
            if verify is merkle.verify_inclusion:
                assert not merkle.verify_inclusion(LEAVES[index], index, size, changed, root)
            else:
                assert not merkle.verify_consistency(old, mth(LEAVES[:old]), size, root, changed)


def test_what_a_tree_does_not_have_cannot_be_proved() -> None:
    with pytest.raises(ValueError, match="a tree of 3 leaves has no leaf with index 3"):
        merkle.inclusion_proof(3, 3, subtree)
    with pytest.raises(ValueError, match="a tree of 3 leaves does not begin with one of 4"):
        merkle.consistency_proof(4, 3, subtree)
