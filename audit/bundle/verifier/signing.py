"""Signed notes, checkpoints and keys, as C2SP writes them (signed-note, tlog-checkpoint), read strictly."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

from audit.bundle.verifier.curve import KEY_BYTES, verify_signature
from audit.bundle.verifier.hashing import HASH_BYTES

ED25519 = b"\1"
ID_BYTES = 4
MANIFEST_HEADING = "understudy-evidence/1"
"""The first line of the note that signs a manifest; no checkpoint begins so, since its second line is a number."""

_SIGNATURE = re.compile("\u2014 ([^ +]+) ([A-Za-z0-9+/=]+)\n")
_NUMBER = re.compile("0|[1-9][0-9]*")


class Wrong(Exception):  # noqa: N818 - a finding of the verifier, not a failure of it
    """What is wrong with a bundle, and where."""


class Key(NamedTuple):
    """A public key, and the name of the log that it signs for."""

    name: str
    id: bytes
    public: bytes


class Checkpoint(NamedTuple):
    """What a log's owner has signed: so many facts, and the root of their tree."""

    origin: str
    size: int
    root: bytes


def parse_key(text: str) -> Key:
    """A key from its text, ``NAME+ID+BASE64``.

    Raises:
        Wrong: the text is not one.
    """
    name, _, rest = text.partition("+")
    shown_id, _, encoded = rest.partition("+")
    if not name or re.search(r"\s", name):
        raise Wrong(f"{text!r} is not a key: write NAME+ID+BASE64")
    raw = _unbase64(encoded, "the key")
    if len(raw) != 1 + KEY_BYTES or raw[:1] != ED25519:
        raise Wrong("the key is not one of Ed25519")
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:ID_BYTES]
    if key_id.hex() != shown_id:
        raise Wrong(f"the key says that its id is {shown_id}, but it is {key_id.hex()}")
    return Key(name, key_id, raw[1:])


def open_note(note: bytes, key: Key) -> str:
    """The text of a note that ``key`` has signed.

    Raises:
        Wrong: it has not, or this is not a note.
    """
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise Wrong(f"byte {error.start} is not text") from error
    text, blank, signatures = whole.rpartition("\n\n")
    if not blank or not re.fullmatch(f"(?:{_SIGNATURE.pattern})+", signatures):
        raise Wrong("this is not a signed note")
    text += "\n"
    for found in _SIGNATURE.finditer(signatures):
        raw = _unbase64(found[2], "a signature")
        if (found[1], raw[:ID_BYTES]) == (key.name, key.id):
            if verify_signature(key.public, text.encode(), raw[ID_BYTES:]):
                return text
            raise Wrong(f"the signature of {key.name} is not one of this text")
    signers = ", ".join(found[1] + "+" + _id_of(found[2]) for found in _SIGNATURE.finditer(signatures))
    raise Wrong(f"it is signed by {signers}, not by {key.name}+{key.id.hex()}")


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text is.

    Raises:
        Wrong: it is none.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):  # noqa: PLR2004 - origin, size, root, and the last line's end
        raise Wrong("this is not a checkpoint")
    if not _NUMBER.fullmatch(lines[1]):
        raise Wrong(f"the size of the checkpoint is {lines[1]!r}")
    root = _unbase64(lines[2], "the root")
    if len(root) != HASH_BYTES:
        raise Wrong(f"the root of the checkpoint has {len(root)} bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def _id_of(signature: str) -> str:
    return _unbase64(signature, "a signature")[:ID_BYTES].hex()


def _unbase64(text: str, what: str) -> bytes:
    """Bytes from the one base64 text that stands for them: others, with loose bits at the end, would be edits."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Wrong(f"{what} is not base64: {error}") from error
    if base64.b64encode(raw).decode() != text:
        raise Wrong(f"{what} is not base64: there are loose bits at its end")
    return raw
