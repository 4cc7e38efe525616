"""The notary: signs, from time to time, how many facts the record has and which root they have, and hands that out."""

from collections.abc import Iterable
from pathlib import Path

from audit.merkle import leaf_hashes
from audit.notary_key import KEY, open_key
from audit.notes import NoteError, SigningKey
from audit.notes_checkpoint import Checkpoint, SignedCheckpoint, parse_checkpoint, sign
from audit.tree import Progress, Tree, open_tree
from audit.tree_rows import rows_of
from audit.witnesses import Witness, WitnessError, beside
from events.errors import UnderstudyError
from events.store import Record
from events.store.recorder import Row

ORIGIN = "understudy/"
"""What the names of logs begin with that nobody has named."""
ORIGIN_DIGITS = 16


class NotaryError(UnderstudyError):
    """The notary does not sign: there is nothing to sign, or it has signed something else before."""


def origin_of(first: Row) -> str:
    """The name of a log, from the row of its first fact: no other record has the same."""
    return f"{ORIGIN}{leaf_hashes([first])[0].hex()[:ORIGIN_DIGITS]}"


def make_checkpoint(
    home: Path, record: Record, *, origin: str | None = None, progress: Progress | None = None
) -> SignedCheckpoint:
    """Signs a checkpoint of all that is recorded, and keeps it beside the record, in ``home``.

    ``origin`` names the log where it is first signed; otherwise, it is named by its first fact. Where nothing was
    recorded since the newest checkpoint, that is the answer.

    Raises:
        NotaryError: nothing was recorded yet, or the record is not what was signed before.
        NoteError: the key cannot be used.
        TreeError: the record has lost facts or has a gap.
        WitnessError: the checkpoint cannot be kept.
    """
    home.mkdir(parents=True, exist_ok=True)  # with a record in a database, nothing else may have made it yet
    key = _key(home, record, origin)
    tree = open_tree(home, record, progress=progress)
    try:
        size = tree.size
        newest = _newest(home, key, tree)
        if newest is not None and newest.checkpoint.size == size:
            return newest
        signed = sign(Checkpoint(key.name, size, tree.root(size)), key)
    finally:
        tree.close()
    beside(home).hold(signed)
    return signed


def hand_out(signed: SignedCheckpoint, witnesses: Iterable[Witness]) -> None:
    """Gives a checkpoint to every witness, also where others do not take it.

    Raises:
        WitnessError: some did not; the message says which, and why.
    """
    wrong: list[str] = []
    for witness in witnesses:
        try:
            witness.hold(signed)
        except WitnessError as error:
            wrong.append(str(error))
    if wrong:
        raise WitnessError("; ".join(wrong))


def checkpoint(
    home: Path,
    record: Record,
    *,
    witnesses: Iterable[Witness] = (),
    origin: str | None = None,
    progress: Progress | None = None,
) -> SignedCheckpoint:
    """``make_checkpoint`` and ``hand_out``."""
    signed = make_checkpoint(home, record, origin=origin, progress=progress)
    hand_out(signed, witnesses)
    return signed


def _key(home: Path, record: Record, origin: str | None) -> SigningKey:
    first = next(rows_of(record)(0, 1), None)
    if first is None:
        raise NotaryError("nothing is recorded yet, so there is nothing to sign")
    named = origin_of(first[0])
    if origin is None and (home / KEY).exists():
        # A name that somebody has chosen says nothing of the first fact.
        known = open_key(home, None).name
        origin = named if known.startswith(ORIGIN) else known
    return open_key(home, origin or named)


def _newest(home: Path, key: SigningKey, tree: Tree) -> SignedCheckpoint | None:
    """The newest checkpoint in the home, which the record has to continue."""
    held = beside(home).newest()
    if held is None:
        return None
    try:
        signed = parse_checkpoint(held.note)
        key.verifier.check(signed.note)
    except NoteError as error:
        raise NotaryError(f"{held.place}: {error}; see understudy audit verify") from error
    known = signed.checkpoint
    if known.size > tree.size or tree.root(known.size) != known.root:
        raise NotaryError(
            f"the record is not the one that {held.place} was signed for ({known.size} facts): "
            "nothing is signed on top of it; see understudy audit verify"
        )
    return signed
