"""The verifier reads notes, checkpoints and keys in their one proper form, and says what is wrong with others."""

import pytest

from audit.bundle.verifier.signing import Wrong, open_note, parse_checkpoint, parse_key
from audit.notes import SigningKey
from audit.notes_checkpoint import Checkpoint, sign

KEY = SigningKey.make("understudy/0123456789abcdef")
NOTE = sign(Checkpoint(KEY.name, 42, bytes(range(32))), KEY).note.whole
VERIFIER = parse_key(KEY.verifier.text)
# The vector of golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
THINKING = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_another_program_opens() -> None:
    assert open_note(THINKING.encode(), parse_key(PETER)).startswith("If you think")


def test_a_checkpoint_says_what_was_signed() -> None:
    assert parse_checkpoint(open_note(NOTE.encode(), VERIFIER)) == (KEY.name, 42, bytes(range(32)))


def test_a_note_that_somebody_else_has_signed_too_opens() -> None:
    other = SigningKey.make("witness.example/w").sign(NOTE.partition("\n\n")[0] + "\n").signatures[0].line
    assert open_note((NOTE + other).encode(), VERIFIER)


def test_a_flipped_bit_at_the_end_of_a_signature_is_no_second_form_of_it() -> None:
    note = NOTE.encode()
    for byte in range(len(note) - 6, len(note)):
        for bit in range(8):
            flipped = bytearray(note)
            flipped[byte] ^= 1 << bit
            with pytest.raises(Wrong):
                open_note(bytes(flipped), VERIFIER)


def test_a_flipped_bit_of_a_key_is_found_by_its_id() -> None:
    text = KEY.verifier.text.encode()
    for byte in range(len(text)):
        flipped = bytearray(text)
        flipped[byte] ^= 1 << byte % 7
        with pytest.raises(Wrong):
            parse_key(flipped.decode())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a checkpoint"),
        ("o\n5\n", "not a checkpoint"),
        ("o\n05\nAAAA\n", "the size of the checkpoint is '05'"),
        ("o\n-5\nAAAA\n", "the size of the checkpoint is '-5'"),
        ("o\n5\nAAAA\n", "the root of the checkpoint has 3 bytes"),
        ("o\n5\n!\n", "the root is not base64"),
        ("o\n5\nAAAA", "not a checkpoint"),
    ],
)
def test_what_is_not_a_checkpoint_is_said(text, said) -> None:
    with pytest.raises(Wrong, match=said):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "note",
    [b"", b"\xff", b"text\n", b"text\n\n", NOTE.encode()[:-1], NOTE.encode() + b"more\n"],
    ids=["empty", "not text", "one line", "no signature", "cut", "more"],  # the note is signed anew in each process
)
def test_what_is_not_a_note_is_said(note) -> None:
    with pytest.raises(Wrong, match=r"not a signed note|not text"):
        open_note(note, VERIFIER)
