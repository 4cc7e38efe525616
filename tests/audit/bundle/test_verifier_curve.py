"""The verifier's own Ed25519 agrees with RFC 8032 and with OpenSSL, and takes no second form of anything."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.bundle.verifier.curve import _decode, verify_signature

ORDER = 2**252 + 27742317777372353535851937790883648493
VECTORS = [  # RFC 8032, section 7.1: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
]
NOT_CANONICAL = "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"  # y = p + 1


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_vectors_of_rfc_8032_verify(key, message, signature) -> None:
    assert verify_signature(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))
    assert not verify_signature(bytes.fromhex(key), bytes.fromhex(message) + b"x", bytes.fromhex(signature))


@settings(max_examples=25, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), bit=st.integers(0, 511))
def test_it_agrees_with_openssl_on_signatures_and_on_flipped_ones(seed, message, bit) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert verify_signature(public, message, signature)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes(flipped), message)
        taken = True
    except InvalidSignature:
        taken = False
    assert verify_signature(public, message, bytes(flipped)) is taken is False


def test_a_scalar_beyond_the_order_is_no_second_signature() -> None:
    key, message, signature = map(bytes.fromhex, VECTORS[1])
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not verify_signature(key, message, signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("key", [*SMALL_ORDER, NOT_CANONICAL, "ff" * 32, "02" + "00" * 31])
def test_a_key_of_small_order_or_of_another_encoding_verifies_nothing(key) -> None:
    neutral = "01" + "00" * 31
    assert not verify_signature(bytes.fromhex(key), b"anything", bytes.fromhex(neutral + "00" * 32))


@pytest.mark.parametrize(("key", "signature"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_other_lengths_verify_nothing(key, signature) -> None:
    assert not verify_signature(bytes(key), b"", bytes(signature))


def test_a_point_has_one_encoding_only() -> None:
    small = [y for y in range(19) if _decode(y.to_bytes(32, "little")) is not None]
    assert len(small) > 3
    assert not [y for y in small if _decode((y + 2**255 - 19).to_bytes(32, "little"))]
