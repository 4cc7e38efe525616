"""Notes, checkpoints and keys: the published ones, and all that is not quite one."""

import stat
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.notary_key import KEY, VERIFIER, open_key, pinned_key
from audit.notes import (
    Note,
    NoteError,
    Signature,
    SigningKey,
    parse_note,
    parse_signing_key,
    parse_verifier_key,
)
from audit.notes_checkpoint import Checkpoint, parse_checkpoint, sign

# The example of golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ORIGIN = "understudy/0123456789abcdef"
CHECKPOINT = Checkpoint(ORIGIN, 42, bytes(range(32)))


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.make(ORIGIN)


def test_the_published_note_is_verified_by_its_published_key() -> None:
    key, note = parse_verifier_key(PETER), parse_note(SAID)
    assert (key.text, note.whole) == (PETER, SAID)
    key.check(note)


def test_a_changed_text_is_not_what_was_signed() -> None:
    with pytest.raises(NoteError, match=r"the signature of PeterNeumann\+c74f20a3 is not over this text"):
        parse_verifier_key(PETER).check(parse_note(SAID.replace("problem is", "problem was")))


def test_a_key_reads_back_from_its_text_and_signs_what_its_verifier_verifies(key) -> None:
    again = parse_signing_key(key.text + "\n")
    assert again == key
    note = again.sign("text\n")
    parse_verifier_key(key.verifier.text).check(parse_note(note.whole))


def test_another_key_of_the_same_name_is_named(key) -> None:
    other = SigningKey.make(ORIGIN)
    with pytest.raises(NoteError) as caught:
        key.verifier.check(other.sign("text\n"))
    assert other.verifier.key_id.hex() in str(caught.value)


def test_other_signatures_beside_the_one_that_counts_do_not_matter(key) -> None:
    note = key.sign("text\n")
    both = Note(note.text, (SigningKey.make("witness").sign("else\n").signatures[0], *note.signatures))
    key.verifier.check(parse_note(both.whole))


def test_a_second_signature_of_the_same_key_has_to_be_right_too(key) -> None:
    note, other = key.sign("text\n"), key.sign("else\n")
    with pytest.raises(NoteError, match="is not over this text"):
        key.verifier.check(Note(note.text, note.signatures + other.signatures))


LINE = "— a " + b64encode(b"1234signature").decode()


@pytest.mark.parametrize(
    ("note", "wrong"),
    [
        ("text\n", "no empty line between text and signatures"),
        ("text\n\n", "it has no signature"),
        (f"text\n\n{LINE}", "its last line does not end"),
        (f"text\n\n{LINE.replace('—', '-')}\n", "is not a line of the form '— NAME SIGNATURE'"),
        (f"text\n\n{LINE} more\n", "is not a line of the form"),
        ("text\n\n— a !!!!\n", "the signature of a is not base64"),
        ("text\n\n— a MTIzNDU=\n".replace("U=", "V="), "not base64 in its one proper form"),
        ("text\n\n— a MTIzNA==\n", "the signature of a is too short"),
        ("text\n\n— a+b MTIzNDU=\n", "'a+b' cannot be the name of a key"),
        (f"te\rxt\n\n{LINE}\n", r"its text has the control character '\\r'"),
        ("text\n\n" + f"{LINE}\n" * 101, "it has 101 signatures, more than 100"),
    ],
)
def test_what_is_not_a_note_says_why(note: str, wrong: str) -> None:
    with pytest.raises(NoteError, match=wrong.replace("+", r"\+")):
        parse_note(note)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("PeterNeumann", "not a verifier key: it is not of the form NAME+ID+KEY"),
        (PETER.replace("c74f20a3", "c74f20a4"), "its id is c74f20a4, that of its name and key is c74f20a3"),
        (PETER.replace("PeterNeumann", "Petra"), "its id is c74f20a3"),
        ("a+00000000+AgAA", "its key is not one of Ed25519"),
        ("a+00000000+A", "the key of a is not base64"),
    ],
)
def test_what_is_not_a_verifier_key_says_why(text: str, wrong: str) -> None:
    with pytest.raises(NoteError) as caught:
        parse_verifier_key(text)
    assert wrong in str(caught.value)


def test_a_damaged_signing_key_says_so_without_its_secret(key) -> None:
    secret = b64encode(b"\x01" + key.seed).decode()
    for text in (key.text[len("PRIVATE+") :], key.text.replace(ORIGIN, "other"), key.text.replace("+KEY+", "+KEY+ ")):
        with pytest.raises(NoteError, match="not a signing key") as caught:
            parse_signing_key(text)
        assert secret not in str(caught.value)
    assert "seed" not in repr(key)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nend"])
def test_nothing_is_signed_in_a_name_that_would_not_read_back(name: str) -> None:
    with pytest.raises(NoteError, match="cannot be the name of a key"):
        SigningKey.make(name)


def test_a_checkpoint_is_written_as_c2sp_says(key) -> None:
    whole = sign(CHECKPOINT, key).note.whole
    text, _, signature = whole.partition("\n\n")
    assert text == f"{ORIGIN}\n42\n{b64encode(bytes(range(32))).decode()}"
    assert signature.startswith(f"— {ORIGIN} ")
    read = parse_checkpoint(whole)
    assert read.checkpoint == CHECKPOINT
    key.verifier.check(read.note)


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_reads_back(size: int, root: bytes) -> None:
    made = sign(Checkpoint(ORIGIN, size, root, ("extension 1",)), SigningKey(ORIGIN, bytes(32)))
    assert parse_checkpoint(made.note.whole) == made


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("o\n1\n", "its text has 2 lines, not origin, size and root"),
        ("\n1\nAAAA\n", "its first line, the origin, is empty"),
        ("o\n01\nAAAA\n", "its second line, the size, is not a number but '01'"),
        ("o\n-1\nAAAA\n", "its second line, the size, is not a number but '-1'"),
        ("o\n1\n????\n", "its third line, the root, is not base64"),
        ("o\n1\nAAAA\n", "its third line, the root, has 3 bytes, not 32"),
    ],
)
def test_what_is_not_a_checkpoint_says_why(text: str, wrong: str) -> None:
    with pytest.raises(NoteError) as caught:
        parse_checkpoint(Note(text, (Signature("a", b"1234", b"s"),)).whole)
    assert wrong in str(caught.value)


def test_the_key_of_a_home_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    made = open_key(tmp_path, ORIGIN)
    assert open_key(tmp_path, ORIGIN) == made
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    assert (tmp_path / KEY).read_text().startswith(f"PRIVATE+KEY+{ORIGIN}+")
    assert pinned_key(tmp_path) == made.verifier
    assert sorted(path.name for path in tmp_path.iterdir()) == [KEY, VERIFIER]


def test_a_key_that_everybody_may_read_signs_nothing(tmp_path: Path) -> None:
    open_key(tmp_path, ORIGIN)
    (tmp_path / KEY).chmod(0o644)
    with pytest.raises(NoteError, match=r"everybody may read or write .*notary\.key: chmod 600 it"):
        open_key(tmp_path, ORIGIN)


def test_a_key_of_another_log_signs_nothing_here(tmp_path: Path) -> None:
    open_key(tmp_path, ORIGIN)
    with pytest.raises(NoteError, match=f"is the key of {ORIGIN}, but the record is understudy/other"):
        open_key(tmp_path, "understudy/other")


def test_a_damaged_file_of_a_key_is_named(tmp_path: Path) -> None:
    open_key(tmp_path, ORIGIN)
    for name, read in ((KEY, lambda: open_key(tmp_path, ORIGIN)), (VERIFIER, lambda: pinned_key(tmp_path))):
        (tmp_path / name).write_bytes(b"\xff\xfe")
        with pytest.raises(NoteError, match=name):
            read()
    assert pinned_key(tmp_path / "elsewhere") is None
