"""Signed notes (C2SP signed-note, golang.org/x/mod/sumdb/note) and their Ed25519 keys, in the forms given there."""

import binascii
import re
from base64 import b64decode, b64encode
from functools import cached_property
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from events.errors import UnderstudyError

ED25519 = b"\x01"
"""The number of the algorithm, before the key itself."""
PRIVATE = "PRIVATE+KEY+"
KEY_BYTES, KEY_ID_BYTES, SIGNATURE_BYTES = 32, 4, 64
SIGNATURES = 100
"""How many signatures a note may have: a limit of the form, against those who would keep a reader busy."""

_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]+")
_LINE = re.compile("\u2014 ([^ ]+) ([^ ]+)")
_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)")


class NoteError(UnderstudyError):
    """A note, checkpoint or key that is not of its form, or a signature that is not the key's; says what is wrong."""


class Signature(msgspec.Struct, frozen=True):
    """Who signed, under the first four bytes of the key's own hash, and the signature itself."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line of a note, with its end."""
        return f"\u2014 {self.name} {b64encode(self.key_id + self.signature).decode()}\n"


class Note(msgspec.Struct, frozen=True):
    """A text, which ends with a line's end, and who signed it."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def whole(self) -> str:
        """The note as it is written."""
        return f"{self.text}\n{''.join(one.line for one in self.signatures)}"


class VerifierKey(msgspec.Struct, frozen=True, dict=True):
    """What verifies the signatures of ``name``."""

    name: str
    public: bytes

    @cached_property
    def key_id(self) -> bytes:
        """Tells it from other keys of the same name."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The verifier key as it is written, on one line and without its end."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public).decode()}"

    def has_signed(self, text: str, signature: Signature) -> bool:
        """Whether the signature, whoever it says it is from, is this key's over ``text``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature.signature, text.encode())
        except InvalidSignature:
            return False
        return True

    def check(self, note: Note) -> None:
        """Accepts a note that this key has signed.

        Raises:
            NoteError: it has not; the message names who says to have.
        """
        mine = [one for one in note.signatures if (one.name, one.key_id) == (self.name, self.key_id)]
        if not mine:
            others = ", ".join(f"{one.name}+{one.key_id.hex()}" for one in note.signatures)
            raise NoteError(f"signed by {others}, not by {self.name}+{self.key_id.hex()}")
        if not all(self.has_signed(note.text, one) for one in mine):
            raise NoteError(f"the signature of {self.name}+{self.key_id.hex()} is not over this text")


class SigningKey(msgspec.Struct, frozen=True):
    """What signs as ``name``; its text is a secret."""

    name: str
    seed: bytes

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r})"  # not the secret: this may end up in a log

    @classmethod
    def make(cls, name: str) -> "SigningKey":
        """A new key.

        Raises:
            NoteError: nothing can be signed in that name.
        """
        return cls(_named(name), Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def verifier(self) -> VerifierKey:
        """What verifies its signatures."""
        return VerifierKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """The key as it is written, on one line and without its end."""
        return f"{PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{b64encode(ED25519 + self.seed).decode()}"

    def sign(self, text: str) -> Note:
        """The note of ``text``, signed by this key alone.

        Raises:
            NoteError: the text cannot be that of a note.
        """
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(_checked(text).encode())
        return Note(text, (Signature(self.name, self.verifier.key_id, signature),))


def parse_note(note: str) -> Note:
    """A note from what is written.

    Raises:
        NoteError: it is not of the form of one.
    """
    # Signature lines hold no empty line, so the last one parts them from the text.
    body, gap, below = note.rpartition("\n\n")
    if not gap:
        raise NoteError("it has no empty line between text and signatures")
    if not below.endswith("\n"):
        raise NoteError("its last line does not end" if below else "it has no signature")
    lines = below[:-1].split("\n")
    if len(lines) > SIGNATURES:
        raise NoteError(f"it has {len(lines)} signatures, more than {SIGNATURES}")
    return Note(_checked(f"{body}\n"), tuple(map(_signature, lines)))


def parse_verifier_key(text: str) -> VerifierKey:
    """A verifier key from what is written; space around it is taken off.

    Raises:
        NoteError: it is not of the form of one, or its key id is not that of name and key.
    """
    name, key_id, public = _key(text.strip(), "a verifier key", "NAME+ID+KEY")
    key = VerifierKey(name, public)
    if key.key_id.hex() != key_id:
        raise NoteError(f"not a verifier key: its id is {key_id}, that of its name and key is {key.key_id.hex()}")
    return key


def parse_signing_key(text: str) -> SigningKey:
    """A signing key from what is written. Messages do not repeat it.

    Raises:
        NoteError: it is not of the form of one, or its key id is not that of name and key.
    """
    stripped = text.strip()
    if not stripped.startswith(PRIVATE):
        raise NoteError(f"not a signing key: it does not begin with {PRIVATE}")
    name, key_id, seed = _key(stripped.removeprefix(PRIVATE), "a signing key", f"{PRIVATE}NAME+ID+KEY")
    key = SigningKey(name, seed)
    if key.verifier.key_id.hex() != key_id:
        raise NoteError(f"not a signing key: its id {key_id} is not that of its name and key")
    return key


def _key(text: str, what: str, form: str) -> tuple[str, str, bytes]:
    found = _KEY.fullmatch(text)
    if not found:
        raise NoteError(f"not {what}: it is not of the form {form}")
    name, key_id, encoded = found.groups()
    raw = decode_base64(encoded, f"the key of {name}")
    if raw[:1] != ED25519 or len(raw) != 1 + KEY_BYTES:
        raise NoteError(f"not {what}: its key is not one of Ed25519")
    return _named(name), key_id, raw[1:]


def _signature(line: str) -> Signature:
    found = _LINE.fullmatch(line)
    if not found:
        raise NoteError(f"{line[:60]!r} is not a line of the form '\u2014 NAME SIGNATURE'")
    name, encoded = found.groups()
    raw = decode_base64(encoded, f"the signature of {name}")
    if len(raw) <= KEY_ID_BYTES:
        raise NoteError(f"the signature of {name} is too short")
    return Signature(_named(name), raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise NoteError(f"{name!r} cannot be the name of a key: it has to be a word without '+'")
    return name


def _checked(text: str) -> str:
    if not text.endswith("\n"):
        raise NoteError("its text does not end with a line's end")
    strange = next((each for each in text if each < " " and each != "\n"), None)
    if strange is not None:
        raise NoteError(f"its text has the control character {strange!r}")
    return text


def decode_base64(text: str, what: str) -> bytes:
    """The bytes that strict standard base64 means.

    Raises:
        NoteError: ``what`` is not of that form.
    """
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"{what} is not base64") from None
    # The same bytes may be written in several ways; only one is taken, so that nothing can be changed unseen.
    if b64encode(raw).decode() != text:
        raise NoteError(f"{what} is not base64 in its one proper form")
    return raw
