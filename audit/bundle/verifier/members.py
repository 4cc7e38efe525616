"""A bundle's members: what the manifest says of them, and how they are read wherever they lie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Callable, NamedTuple, Protocol, cast  # noqa: UP035 - Callable[...] of Python 3.8

from audit.bundle.verifier.signing import Wrong

MANIFEST, SIGNATURE = "manifest.json", "manifest.note"
"""The first two members; the manifest names all others, and the note signs the manifest."""
LARGEST_READ_WHOLE = 1 << 24
"""No member that is read whole is larger; facts, hashes and proofs are read in pieces."""

PIECE = 1 << 20
"""So many bytes are held at a time."""
_NAME = re.compile(r"[A-Za-z0-9_]+(?:[./-][A-Za-z0-9_]+)*")
_DIGEST = re.compile("[0-9a-f]{64}")

Progress = Callable[[str, int, int], object]
"""Is told what is being done, and how much of how much of it is done."""


class Member(NamedTuple):
    """What the manifest says of one."""

    name: str
    size: int
    sha256: str


class Bundle(Protocol):
    """Where the members lie."""

    path: Path

    def open(self, name: str) -> BinaryIO:
        """A member, for reading.

        Raises:
            Wrong: there is none of that name.
        """
        ...

    def check(self, members: list[Member], progress: Progress) -> Iterator[str]:
        """Says what is wrong with the contents, and with what holds them."""
        ...

    def layout(self) -> str:
        """What ``check`` has checked, in words."""
        ...


def read_whole(bundle: Bundle, name: str) -> bytes:
    """A small member.

    Raises:
        Wrong: it is missing, or larger than any of its kind.
    """
    with bundle.open(name) as file:
        content = file.read(LARGEST_READ_WHOLE + 1)
    if len(content) > LARGEST_READ_WHOLE:
        raise Wrong(f"{name}: it is larger than {LARGEST_READ_WHOLE} bytes")
    return content


def parse_manifest(content: bytes) -> dict[str, Any]:
    """The manifest.

    Raises:
        Wrong: it is not JSON, or does not say what it is a manifest of.
    """
    try:
        document: Any = json.loads(content.decode())
    except ValueError as error:
        raise Wrong(f"{MANIFEST}: it is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Wrong(f"{MANIFEST}: it is not a JSON object")
    manifest = cast("dict[str, Any]", document)
    for name in ("range", "facts"):
        if not isinstance(manifest.get(name), dict):
            raise Wrong(f"{MANIFEST}: it does not say {name!r}")
    return manifest


def listed_members(manifest: dict[str, Any]) -> list[Member]:
    """What the manifest says of each member that it names.

    Raises:
        Wrong: it does not say so.
    """
    found: list[Member] = []
    for one in manifest.get("members", []):
        name, size, digest = one.get("name"), one.get("size"), one.get("sha256")
        if not _is_member(name, size, digest) or name in {MANIFEST, SIGNATURE, *(other.name for other in found)}:
            raise Wrong(f"{MANIFEST}: its member {len(found) + 1} is not described as members are")
        found.append(Member(name, size, digest))
    if not found:
        raise Wrong(f"{MANIFEST}: it names no members")
    return found


_MOST_BYTES = 1 << 63
"""More than any file has."""


def _is_member(name: object, size: object, digest: object) -> bool:
    named = isinstance(name, str) and _NAME.fullmatch(name)
    measured = isinstance(size, int) and 0 <= size < _MOST_BYTES
    return bool(named and measured and isinstance(digest, str) and _DIGEST.fullmatch(digest))


def differences(member: Member, size: int, digest: str) -> Iterator[str]:
    """Says in what a member is not as the manifest has it."""
    if size != member.size:
        yield f"{member.name}: it has {size} bytes, the manifest says {member.size}"
    elif digest != member.sha256:
        yield f"{member.name}: its SHA-256 is {digest}, the manifest says {member.sha256}"


def pieces(file: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """What follows in a file, or so many bytes of it, a little at a time."""
    left = size
    while left is None or left > 0:
        piece = file.read(PIECE if left is None else min(PIECE, left))
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece
