"""Ed25519 signatures as RFC 8032 (section 5.1.7) verifies them: strictly, without the cofactor, slowly."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

KEY_BYTES = 32
SIGNATURE_BYTES = 64

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)


class _Point(NamedTuple):
    """A point in extended coordinates: x = X/Z, y = Y/Z, x * y = T/Z."""

    x: int
    y: int
    z: int
    t: int


_NEUTRAL = _Point(0, 1, 1, 0)


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (64 bytes) of ``message`` was made with the private half of ``public_key`` (32 bytes).

    Only canonical encodings count, and no key of small order: nobody can make a second signature out of a first.
    """
    if len(public_key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    key, scalar = _decode(public_key), int.from_bytes(signature[KEY_BYTES:], "little")
    if key is None or scalar >= _ORDER or _same(_multiply(8, key), _NEUTRAL):
        return False
    hashed = hashlib.sha512(signature[:KEY_BYTES] + public_key + message).digest()
    challenge = int.from_bytes(hashed, "little") % _ORDER
    minus_key = _Point(_P - key.x, key.y, key.z, _P - key.t)
    return _encode(_add(_multiply(scalar, _BASE), _multiply(challenge, minus_key))) == signature[:KEY_BYTES]


def _add(one: _Point, other: _Point) -> _Point:
    a = (one.y - one.x) * (other.y - other.x) % _P
    b = (one.y + one.x) * (other.y + other.x) % _P
    c = 2 * one.t * other.t * _D % _P
    d = 2 * one.z * other.z % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return _Point(e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _multiply(scalar: int, point: _Point) -> _Point:
    product = _NEUTRAL
    while scalar:
        if scalar & 1:
            product = _add(product, point)
        point = _add(point, point)
        scalar >>= 1
    return product


def _same(one: _Point, other: _Point) -> bool:
    return (one.x * other.z - other.x * one.z) % _P == 0 and (one.y * other.z - other.y * one.z) % _P == 0


def _encode(point: _Point) -> bytes:
    inverse = pow(point.z, -1, _P)
    x, y = point.x * inverse % _P, point.y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(KEY_BYTES, "little")


def _decode(encoded: bytes) -> _Point | None:
    """The point, or ``None`` where these bytes are not the one encoding of one (RFC 8032, section 5.1.3)."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return _Point(x, y, 1, x * y % _P)


def _base() -> _Point:
    y = 4 * pow(5, -1, _P) % _P
    point = _decode(y.to_bytes(KEY_BYTES, "little"))
    assert point is not None
    return point


_BASE = _base()
