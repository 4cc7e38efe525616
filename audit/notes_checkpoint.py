"""Checkpoints (C2SP tlog-checkpoint): which log, how many facts, which root; signed as a note."""

import re
from base64 import b64encode

import msgspec

from audit.merkle import HASH_BYTES
from audit.notes import Note, NoteError, SigningKey, decode_base64, parse_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_LINES = 3


class Checkpoint(msgspec.Struct, frozen=True):
    """The Merkle root over the first ``size`` facts of the log ``origin``; ``extensions`` are others' lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


class SignedCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint and the note that it was read from, or that was made of it."""

    checkpoint: Checkpoint
    note: Note


def sign(checkpoint: Checkpoint, key: SigningKey) -> SignedCheckpoint:
    """The checkpoint, signed by ``key`` alone."""
    return SignedCheckpoint(checkpoint, key.sign(checkpoint.text))


def parse_checkpoint(note: str) -> SignedCheckpoint:
    """A checkpoint from the note as it is written; whose signatures it has is not looked at.

    Raises:
        NoteError: it is not of the form of a note, or its text not of that of a checkpoint.
    """
    parsed = parse_note(note)
    origin, size, root, *extensions = _lines(parsed.text)
    if not origin:
        raise NoteError("its first line, the origin, is empty")
    if not _SIZE.fullmatch(size):
        raise NoteError(f"its second line, the size, is not a number but {size[:30]!r}")
    digest = decode_base64(root, "its third line, the root,")
    if len(digest) != HASH_BYTES:
        raise NoteError(f"its third line, the root, has {len(digest)} bytes, not {HASH_BYTES}")
    if "" in extensions:
        raise NoteError("it has an empty line in its text")
    return SignedCheckpoint(Checkpoint(origin, int(size), digest, tuple(extensions)), parsed)


def _lines(text: str) -> list[str]:
    lines = text[:-1].split("\n")
    if len(lines) < _LINES:
        raise NoteError(f"its text has {len(lines)} lines, not origin, size and root")
    return lines
