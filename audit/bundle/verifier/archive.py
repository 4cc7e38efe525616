"""A bundle in its zip file, every byte of which is accounted for."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from audit.bundle.verifier.container import HEADER_BYTES, Entry, directory, field_at, local_header
from audit.bundle.verifier.members import (
    LARGEST_READ_WHOLE,
    MANIFEST,
    PIECE,
    SIGNATURE,
    Member,
    Progress,
    differences,
    pieces,
)
from audit.bundle.verifier.signing import Wrong


class Archive:
    """The members as they lie in the zip file, which is read without trusting any of its own offsets."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = path.stat().st_size
        self._places: dict[str, tuple[int, int]] = {}
        with path.open("rb") as file:
            offset = 0
            for name in (MANIFEST, SIGNATURE):
                offset = self._find_early(file, name, offset)

    def _find_early(self, file: BinaryIO, name: str, offset: int) -> int:
        """Finds a member that stands before its size is told by the manifest; returns where the next one begins."""
        file.seek(offset)
        header = file.read(HEADER_BYTES)
        size, repeated = int.from_bytes(header[18:22], "little"), int.from_bytes(header[22:26], "little")
        entry = Entry(name, size, 0, offset)
        found = header + file.read(len(local_header(entry)) - HEADER_BYTES)
        expected = local_header(entry._replace(crc=int.from_bytes(header[14:18], "little")))
        if len(header) < HEADER_BYTES or found != expected or size != repeated:
            raise Wrong(f"{name}: {_first_difference(expected, found, offset)}")
        if size > min(LARGEST_READ_WHOLE, self._size - entry.data):
            raise Wrong(f"{name}: its header says that it has {size} bytes, at byte {offset + 18}")
        self._places[name] = entry.data, size
        return entry.end

    def open(self, name: str) -> BinaryIO:
        """A member, for reading.

        Raises:
            Wrong: there is none of that name.
        """
        if name not in self._places:
            raise Wrong(f"{name}: it is missing")
        return io.BufferedReader(_Part(self.path, *self._places[name]), PIECE)

    def check(self, members: list[Member], progress: Progress) -> Iterator[str]:
        """Builds every byte that is not content anew, and says where the file differs; contents by their digests."""
        entries: list[Entry] = []
        offset = 0
        with self.path.open("rb") as file:
            for member in members:
                entry = Entry(member.name, member.size, 0, offset)
                self._places[member.name] = entry.data, entry.size
                file.seek(entry.data)
                digest, crc, size = hashlib.sha256(), 0, 0
                for piece in pieces(file, member.size):
                    digest.update(piece)
                    crc = zlib.crc32(piece, crc)
                    size += len(piece)
                    progress("reading", entry.data + size, self._size)
                entries.append(entry._replace(crc=crc))
                yield from differences(member, size, digest.hexdigest())
                offset = entry.end
            yield from self._check_structure(file, entries)

    def _check_structure(self, file: BinaryIO, entries: list[Entry]) -> Iterator[str]:
        for entry in entries:
            expected = local_header(entry)
            file.seek(entry.offset)
            found = file.read(len(expected))
            if found != expected:
                yield f"{entry.name}: {_first_difference(expected, found, entry.offset)}"
        start, expected = entries[-1].end, directory(entries)
        file.seek(start)
        found = file.read(len(expected) + 1)
        if found != expected:
            at = next((n for n, pair in enumerate(zip(expected, found)) if pair[0] != pair[1]), len(found))  # noqa: B905 - 3.8
            what = "there is more behind the end" if len(found) > len(expected) <= at else "the zip's directory differs"
            yield f"{what}, at byte {start + min(at, len(expected))}"

    def layout(self) -> str:
        """What was checked, in words."""
        return "every byte of the file is as the manifest says"


class _Part(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(start)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: self._left]
        count = self._file.readinto(view) or 0
        self._left -= count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _first_difference(expected: bytes, found: bytes, offset: int) -> str:
    at = next((n for n, pair in enumerate(zip(expected, found)) if pair[0] != pair[1]), None)  # noqa: B905 - 3.8
    if at is None:
        at = 18 if len(found) == len(expected) else len(found)
    return f"its header in the zip differs ({field_at(at)}), at byte {offset + at}"
