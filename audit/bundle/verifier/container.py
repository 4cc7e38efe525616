"""The one way in which a bundle is a zip file: stored, without times, in order; all bytes follow from the members."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

FULL = 0xFFFFFFFF
"""What a field of a plain zip file holds where the number is in the fields of Zip64."""
LIMIT = FULL
"""Sizes and offsets from here on are written there."""
HEADER_BYTES = 30

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_PLAIN, _ZIP64 = 20, 45
_UNIX = 3 << 8
_JANUARY_1980 = 0x21
_FILE_MODE = 0o100644 << 16

LOCAL_FIELDS = (
    ("mark", 4), ("version", 2), ("flags", 2), ("method", 2), ("time", 2), ("date", 2), ("CRC", 4),
    ("size", 4), ("size", 4), ("length of the name", 2), ("length of the extra field", 2),
)  # fmt: skip
"""What the bytes of a local header are, in order; name and extra field follow."""


class Entry(NamedTuple):
    """One member: where its header begins, and what it holds."""

    name: str
    size: int
    crc: int
    offset: int

    @property
    def data(self) -> int:
        """Where its content begins."""
        return self.offset + len(local_header(self))

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.data + self.size


def local_header(entry: Entry) -> bytes:
    """What stands before a member's content."""
    name, size, needed = entry.name.encode("ascii"), _field(entry.size), _PLAIN
    extra = b""
    if size == FULL:
        needed, extra = _ZIP64, struct.pack("<2H2Q", 1, 16, entry.size, entry.size)
    header = _LOCAL.pack(b"PK\3\4", needed, 0, 0, 0, _JANUARY_1980, entry.crc, size, size, len(name), len(extra))
    return header + name + extra


def directory(entries: Sequence[Entry]) -> bytes:
    """What stands behind the last member: the central directory, and the end of the file."""
    start = entries[-1].end
    central = b"".join(map(_central_header, entries))
    count, size = len(entries), len(central)
    tail = b""
    if start >= LIMIT:
        tail = _END64.pack(b"PK\6\6", _END64.size - 12, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, size, start)
        tail += _LOCATOR.pack(b"PK\6\7", 0, start + size, 1)
    return central + tail + _END.pack(b"PK\5\6", 0, 0, count, count, size, _field(start), 0)


def _central_header(entry: Entry) -> bytes:
    name, wide = entry.name.encode("ascii"), b""
    if entry.size >= LIMIT:
        wide += struct.pack("<2Q", entry.size, entry.size)
    if entry.offset >= LIMIT:
        wide += struct.pack("<Q", entry.offset)
    extra = struct.pack("<2H", 1, len(wide)) + wide if wide else b""
    needed, size = (_ZIP64 if wide else _PLAIN), _field(entry.size)
    made_by = _UNIX | needed
    header = _CENTRAL.pack(
        b"PK\1\2", made_by, needed, 0, 0, 0, _JANUARY_1980, entry.crc, size, size,
        len(name), len(extra), 0, 0, 0, _FILE_MODE, _field(entry.offset),
    )  # fmt: skip
    return header + name + extra


def _field(number: int) -> int:
    return FULL if number >= LIMIT else number


def field_at(offset: int) -> str:
    """What a byte of a local header is."""
    for name, width in LOCAL_FIELDS:
        if offset < width:
            return name
        offset -= width
    return "name"
