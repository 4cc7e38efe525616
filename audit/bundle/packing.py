"""Packs members into the one zip file that follows from them."""

import errno
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from audit.bundle.verifier.container import Entry, directory, local_header
from audit.bundle.verifier.members import Member

_PIECE = 1 << 20
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def measure(folder: Path, name: str) -> Member:
    """Size and digest of a member that lies in a folder."""
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(folder / name):
        digest.update(piece)
        size += len(piece)
    return Member(name, size, digest.hexdigest())


def pack(folder: Path, members: Sequence[str], target: Path) -> str:
    """Writes the zip file of these members of a folder, in this order; it survives power loss. Returns its SHA-256."""
    digest = hashlib.sha256()
    with target.open("xb") as file:

        def write(content: bytes) -> None:
            file.write(content)
            digest.update(content)

        entries: list[Entry] = []
        offset = 0
        for name in members:
            path, crc = folder / name, 0
            for piece in _pieces(path):
                crc = zlib.crc32(piece, crc)
            entry = Entry(name, path.stat().st_size, crc, offset)
            write(local_header(entry))
            for piece in _pieces(path):
                write(piece)
            entries.append(entry)
            offset = entry.end
        write(directory(entries))
        sync(file)
    return digest.hexdigest()


def sync(file: BinaryIO) -> None:
    """What was written survives power loss."""
    file.flush()
    os.fsync(file.fileno())


def move_into_place(made: Path, target: Path, *, replace: bool) -> None:
    """Gives a file its name, at once and for good.

    Raises:
        FileExistsError: another file has it, and is not to be replaced.
    """
    if not replace:
        _take_name(made, target)
    if replace or not target.samefile(made):
        made.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _take_name(made: Path, target: Path) -> None:
    """A link is never made over a file; where there are no links, as on a USB stick, an empty file keeps the name."""
    try:
        target.hardlink_to(made)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        target.open("xb").close()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
