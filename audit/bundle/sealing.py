"""The seals that a home has for a range of its record: its key, its tree, and the checkpoints that vouch for it."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from audit.bundle.asked import EvidenceError, Seals, pick_sizes
from audit.notary import make_checkpoint
from audit.notary_key import open_key
from audit.notes import NoteError, VerifierKey
from audit.notes_checkpoint import SignedCheckpoint, parse_checkpoint
from audit.tree import open_tree
from audit.witnesses import BESIDE, DIGITS, ENDING
from events.store import Record

Progress = Callable[[int, int], object]


@contextmanager
def seals_of(
    home: Path,
    record: Record,
    *,
    first: int,
    last: int,
    also: Sequence[int] = (),
    progress: Progress | None = None,
) -> Generator[Seals]:
    """The seals of positions ``first`` to ``last``; where no checkpoint covers them all, one is made now.

    ``also`` are the sizes of further checkpoints, which somebody holds who will check the bundle.

    Raises:
        EvidenceError: a checkpoint of the home cannot be used.
        UnderstudyError: the notary does not sign, or the tree does not follow the record; it says why.
    """
    if not any(size >= last for size in _sizes(home)):
        make_checkpoint(home, record, progress=progress)
    key = open_key(home, None)
    sizes = pick_sizes(_sizes(home), first=first, last=last, also=also)
    checkpoints = tuple(_read(home / BESIDE / _name(size), key.verifier, size) for size in sizes)
    with _place_of_tree(home) as place, closing(open_tree(place, record, progress=progress)) as tree:
        if tree.size < sizes[-1]:
            raise EvidenceError(
                f"the record ends at position {tree.size}, but a checkpoint of {sizes[-1]} facts was signed; "
                "see: understudy audit verify"
            )
        yield Seals(key=key, checkpoints=checkpoints, subtree=tree.subtree)


@contextmanager
def _place_of_tree(home: Path) -> Generator[Path]:
    """The home; where that cannot be written, a folder in which the tree is made again, and which goes afterwards."""
    if os.access(home, os.W_OK):
        yield home
        return
    with TemporaryDirectory(prefix="understudy-tree-") as made:
        yield Path(made)


def _sizes(home: Path) -> list[int]:
    """Of the checkpoints in a home, by the names of their files: there may be very many."""
    return [int(path.stem) for path in (home / BESIDE).glob("[0-9]" * DIGITS + ENDING)]


def _name(size: int) -> str:
    return f"{size:0{DIGITS}d}{ENDING}"


def _read(path: Path, key: VerifierKey, size: int) -> SignedCheckpoint:
    try:
        signed = parse_checkpoint(path.read_text(encoding="utf-8"))
        key.check(signed.note)
    except (NoteError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{path}: {error}; see: understudy audit verify") from error
    if (signed.checkpoint.origin, signed.checkpoint.size) != (key.name, size):
        raise EvidenceError(f"{path} is the checkpoint of another record or size; see: understudy audit verify")
    return signed
