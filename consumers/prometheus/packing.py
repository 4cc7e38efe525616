"""One gzip file out of parts that were compressed apart from each other, so that only parts that changed are anew.

Each part is a run of whole deflate blocks (RFC 1951) that refers to nothing before it, so parts may be put behind each
other. A file of many members would need no sum of all, but some clients, curl among them, read only the first member.
"""

import struct
import zlib
from collections.abc import Iterable
from functools import lru_cache, reduce
from typing import NamedTuple

_LEVEL = 1
"""The fastest: lines of metrics are so alike that the slower ones gain little."""
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
"""A gzip header (RFC 1952): deflate, no name, no time, the fastest level, an unknown system."""
_LAST_BLOCK = b"\x03\x00"
_POLYNOMIAL = 0xEDB88320
"""Of CRC-32, its highest power in the lowest bit, as all numbers here."""
_ONE = 1 << 31


class Part(NamedTuple):
    """Text that is compressed: its blocks, and the CRC-32 and length of the text."""

    blocks: bytes
    crc: int
    length: int


def pack(text: bytes) -> Part:
    """Compresses a part."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    blocks = compressor.compress(text) + compressor.flush(zlib.Z_FULL_FLUSH)
    return Part(blocks, zlib.crc32(text), len(text))


def join(parts: Iterable[Part]) -> Part:
    """The parts as one."""
    known = [*parts]
    blocks, length = b"".join(part.blocks for part in known), sum(part.length for part in known)
    return Part(blocks, reduce(_behind, known, 0), length)


def gzip_file(part: Part) -> tuple[bytes, bytes, bytes]:
    """The file of a part, in pieces."""
    return _HEAD, part.blocks, _LAST_BLOCK + struct.pack("<II", part.crc, part.length & 0xFFFFFFFF)


def _behind(crc: int, part: Part) -> int:
    """The CRC of a text and then a part: what stands before is shifted by the part's length, as polynomials are."""
    return _product(_power(part.length), crc) ^ part.crc


def _product(a: int, b: int) -> int:
    """The product of two polynomials over GF(2), modulo that of CRC-32 (zlib's ``multmodp``)."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


@lru_cache(maxsize=65536)
def _power(length: int) -> int:
    """X to the power of ``length`` bytes in bits, by repeated squaring."""
    power, square = _ONE, 1 << 23  # x to the power of 8
    while length:
        if length & 1:
            power = _product(square, power)
        square = _product(square, square)
        length >>= 1
    return power
