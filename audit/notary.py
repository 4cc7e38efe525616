"""The notary: signs, from time to time, how many facts the record has and which root they have, and hands that out."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from audit.merkle import leaf_hashes
from audit.notary_key import KEY, open_key
from audit.notes import NoteError, SigningKey
from audit.notes_checkpoint import Checkpoint, SignedCheckpoint, parse_checkpoint, sign
from audit.tree import AFTER_RESTORE, Progress, Tree, open_tree
from audit.tree_comparing import COMPARED_BEFORE, compare
from audit.tree_rows import Batches, rows_of
from audit.witnesses import Witness, WitnessError, beside
from events.errors import UnderstudyError
from events.store import Record
from events.store.recorder import Row

ORIGIN = "understudy/"
"""What the names of logs begin with that nobody has named."""
ORIGIN_DIGITS = 16
_RESTORED = re.compile(r"/restored-[0-9]+$")


class NotaryError(UnderstudyError):
    """The notary does not sign: there is nothing to sign, or it has signed something else before."""


def origin_of(first: Row) -> str:
    """The name of a log, from the row of its first fact: no other record has the same."""
    return f"{ORIGIN}{leaf_hashes([first])[0].hex()[:ORIGIN_DIGITS]}"


def original(origin: str) -> str:
    """The name of the log that ``origin`` goes on from after a restore; ``origin`` itself if it is none of these."""
    return _RESTORED.sub("", origin)


def make_checkpoint(
    home: Path, record: Record, *, origin: str | None = None, progress: Progress | None = None
) -> SignedCheckpoint:
    """Signs a checkpoint of all that is recorded, and keeps it beside the record, in ``home``.

    ``origin`` names the log where it is first signed; otherwise, it is named by its first fact. Where nothing was
    recorded since the newest checkpoint, that is the answer.

    What is recorded since the newest checkpoint, and ``COMPARED_BEFORE`` facts before it, is hashed anew and has to be
    what the tree has; what is older is signed as it was signed then, whatever the record says now.

    Raises:
        NotaryError: nothing was recorded yet, or the record is not what was signed before.
        NoteError: the key cannot be used.
        TreeError: the record has lost facts or has a gap.
        WitnessError: the checkpoint cannot be kept.
    """
    home.mkdir(parents=True, exist_ok=True)  # with a record in a database, nothing else may have made it yet
    key = _key(home, record, origin)
    newest = _newest(home, key)
    tree = open_tree(home, record, check=partial(_check, newest, progress), progress=progress)
    try:
        size = tree.size
        if newest is not None:
            _refuse_other(newest, tree)
            if newest.checkpoint.size == size:
                return newest.signed
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
        origin = named if known.startswith(ORIGIN) and original(known) != named else known
    return open_key(home, origin or named)


class _Newest(NamedTuple):
    """A checkpoint, and where it is held."""

    place: str
    signed: SignedCheckpoint

    @property
    def checkpoint(self) -> Checkpoint:
        return self.signed.checkpoint


def _newest(home: Path, key: SigningKey) -> _Newest | None:
    """The newest checkpoint in the home, which the record has to continue."""
    held = beside(home).newest()
    if held is None:
        return None
    try:
        signed = parse_checkpoint(held.note)
        key.verifier.check(signed.note)
    except NoteError as error:
        raise NotaryError(f"{held.place}: {error}; see understudy audit verify") from error
    return _Newest(held.place, signed)


def _check(newest: _Newest | None, progress: Progress | None, tree: Tree, batches: Batches) -> None:
    """Refuses to go on from a tree that is not that of the record, before anything is added to it."""
    known = newest.checkpoint if newest else None
    after = max(0, min(known.size, tree.size) - COMPARED_BEFORE) if known else 0
    signed = (known.size, known.root) if known and known.size <= tree.size else None
    found = compare(tree, batches, after=after, signed=signed, progress=progress)
    if found.same:
        return
    if newest is not None and found.is_signed and signed and found.differs <= signed[0]:
        where = f" (position {found.differs})" if found.differs else ""
        raise NotaryError(
            f"{tree.path} is not the tree of the record any more{where}, but the record is what was signed: "
            "understudy rebuild tree makes it again"
        )
    if newest is not None and not found.differs:
        raise _other(newest)
    raise NotaryError(
        f"position {found.differs or tree.size} of the record is not what was there when {tree.path} noted it: "
        f"nothing is signed; understudy audit verify says what is wrong; {AFTER_RESTORE}"
    )


def _refuse_other(newest: _Newest, tree: Tree) -> None:
    known = newest.checkpoint
    if known.size > tree.size or tree.root(known.size) != known.root:
        raise _other(newest)


def _other(newest: _Newest) -> NotaryError:
    return NotaryError(
        f"the record is not the one that {newest.place} was signed for ({newest.checkpoint.size} facts): "
        f"nothing is signed on top of it; understudy audit verify says what is wrong; {AFTER_RESTORE}"
    )
