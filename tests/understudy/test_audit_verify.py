"""``understudy audit checkpoint`` and ``audit verify``, as their users meet them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audit.notes import parse_verifier_key
from audit.notes_checkpoint import parse_checkpoint


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    folder.mkdir()
    return folder


@pytest.fixture
def signed(installed, vault) -> str:
    """A checkpoint in the home and in the vault; the verifier key."""
    installed.run("audit", "checkpoint", "--witness", str(vault))
    return (installed.home / "notary.pub").read_text().strip()


def edit(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "record.sqlite")) as connection, connection:
        for guard in ("facts_are_never_updated", "facts_are_never_deleted"):
            connection.execute(f"DROP TRIGGER IF EXISTS {guard}")
        connection.execute(statement)


def test_a_checkpoint_is_printed_and_held(installed, vault, signed) -> None:
    [note] = vault.iterdir()
    printed = installed.run("audit", "checkpoint").stdout
    assert printed == note.read_text()
    parse_verifier_key(signed).check(parse_checkpoint(printed).note)
    told = installed.json("audit", "checkpoint")
    assert (told["note"], told["size"], told["origin"]) == (printed, 3, parse_verifier_key(signed).name)


def test_a_witness_that_fails_is_a_failure_of_the_command(installed) -> None:
    failed = installed.run("audit", "checkpoint", "--witness-command", "echo full >&2; exit 9", expect=1)
    assert "'echo full >&2; exit 9' exited with 9: full" in failed.stderr


def test_a_record_that_is_whole_is_verified_and_that_is_recorded(installed, vault, signed) -> None:
    printed = installed.run("audit", "verify", "--witness", str(vault), "--key", signed).stdout
    assert [line.split()[:2] for line in printed.splitlines()[:3]] == [
        ["Integrity", "HOLDS"],
        ["Completeness", "HOLDS"],
        ["Rebuild", "HOLDS"],
    ]
    [noted] = installed.json("audit", "trail")
    assert noted["kind"] == "audit.verified.v1"
    assert (noted["fact"]["passed"], noted["fact"]["size"], noted["operator"]) == (True, 3, "noc")
    found = installed.json("audit", "verify", "--no-rebuild")
    assert found["integrity"]["text"].endswith("; nothing is signed yet of the 1 after it")
    assert found["rebuild"]["answer"] == "not asked"


@pytest.mark.usefixtures("signed")
def test_an_edit_is_named_and_ends_with_1(installed) -> None:
    edit(installed.home, "UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = 2")
    printed = installed.run("audit", "verify", "--no-rebuild", expect=1).stdout
    assert "position 2 is not what was recorded and signed" in printed
    assert "First wrong   position 2:" in printed
    [noted] = installed.json("audit", "trail")
    assert noted["fact"]["passed"] is False


@pytest.mark.usefixtures("signed")
def test_a_fact_that_cannot_be_read_any_more_fails_the_rebuild_with_its_name(installed) -> None:
    edit(installed.home, "UPDATE stored_events SET state = x'7b7d' WHERE position = 2")
    found = installed.run("audit", "verify", "--json", expect=1).stdout
    assert "at pe1 version 2: Object missing required field" in found


def test_an_old_copy_is_known_by_the_witness(installed, vault, signed) -> None:
    newest = next(vault.iterdir())
    installed.run("config", "redundancy", "synchronize", "config")
    installed.run("audit", "checkpoint", "--witness", str(vault))
    edit(installed.home, "DELETE FROM stored_events WHERE position > 3")
    for name in ("tree.sqlite", "tree.sqlite-wal", "tree.sqlite-shm"):
        (installed.home / name).unlink(missing_ok=True)
    for note in (installed.home / "checkpoints").iterdir():
        if note.name != newest.name:
            note.unlink()
    for _ in range(2):  # looking does not take the place of what is missing
        done = installed.run("audit", "verify", "--witness", str(vault), "--key", signed, expect=1)
        assert "Completeness  FAILS           the record ends at position 3, " in done.stdout
        assert ": this is an old copy of the record" in done.stdout
        assert "is not recorded" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--key", "nonsense"), "not a verifier key: it is not of the form NAME+ID+KEY."),
        (("--witness", "no-such-folder"), "does not exist"),
    ],
)
def test_wrong_usage_says_what_is_wrong(installed, words: tuple[str, ...], said: str) -> None:
    assert said in installed.run("audit", "verify", *words, expect=2).stderr
