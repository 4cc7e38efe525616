"""Bad input: one clear line, the documented exit code, and nothing changed."""

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The error; a usage error has the usage before it."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_an_unknown_chassis_is_named_with_those_that_are_known(installed) -> None:
    said = one_line(installed.run("show", "card", "--chassis", "pe9", expect=2))
    assert "'pe9'" in said
    assert "pe1" in said


def test_without_a_record_the_remedy_is_named(bare) -> None:
    assert "provision" in one_line(bare.run("show", "card", expect=2))
    assert not bare.home.exists()


def test_several_chassis_want_a_choice(installed, tmp_path) -> None:
    for name in ("c", "d"):
        (tmp_path / name / "cf3").mkdir(parents=True)
    installed.run("provision", "pe2", "--card", f"A={tmp_path}/c", "--card", f"B={tmp_path}/d")
    assert "pe1, pe2" in one_line(installed.run("show", "card", expect=2))
    installed.run("show", "card", "--chassis", "pe2")


@pytest.mark.parametrize(
    ("cards", "said"),
    [
        (("A={a}",), "both"),
        (("A={a}", "B={a}"), "both cards are at"),
        (("A={a}", "B={a}/../a"), "both cards are at"),
        (("A={a}", "B={a}/cf3/bof.cfg"), "is a file"),
        (("A={a}", "B={a}/cf3"), "lies in the other"),
        (("A={a}", "B=ssh://op:secret@host/x"), "password"),
        (("A={a}", "B=ftp://host/x"), "ftp"),
        (("A={a}", "C={b}"), "write a=... or b=..."),
        (("A={a}", "A={b}"), "twice"),
        (("A={b}/nothing-here", "B={a}"), "no card"),
    ],
    ids=[
        "one-card",
        "same",
        "same-in-disguise",
        "file",
        "nested",
        "password",
        "scheme",
        "slot",
        "twice",
        "active-absent",
    ],
)
def test_bad_cards_are_refused_and_nothing_is_provisioned(bare, cards, said) -> None:
    words = [word for card in cards for word in ("--card", card.format(a=bare.a, b=bare.b))]
    done = bare.run("provision", "pe1", *words, expect=None)
    assert done.returncode in {2, 3}
    assert said in one_line(done).lower()
    assert "secret" not in done.stderr
    assert bare.run("show", "card", expect=None).returncode != 0


def test_a_card_belongs_to_one_chassis(installed, tmp_path) -> None:
    (tmp_path / "c").mkdir()
    done = installed.run("provision", "pe2", "--card", f"A={tmp_path}/c", "--card", f"B={installed.b}", expect=2)
    assert "chassis pe1" in one_line(done)


def test_a_chassis_is_provisioned_once(installed, tmp_path) -> None:
    for name in ("c", "d"):
        (tmp_path / name).mkdir()
    done = installed.run("provision", "pe1", "--card", f"A={tmp_path}/c", "--card", f"B={tmp_path}/d", expect=3)
    assert "already" in one_line(done)


def test_a_malformed_bof_fails_the_attempt_and_leaves_the_standby_as_it_was(installed, tree) -> None:
    (installed.a / "cf3" / "bof.cfg").write_text("primary-config\n")
    before = tree(installed.b)
    failed = installed.run("admin", "redundancy", "synchronize", "boot-env", expect=1)
    assert "invalid-bof" in failed.stderr
    assert tree(installed.b) == before


def test_a_damaged_record_is_said_to_be_damaged(installed) -> None:
    path = installed.home / "record.sqlite"
    for rest in installed.home.glob("record.sqlite-*"):
        rest.unlink()
    path.write_bytes(b"not a record at all, but long enough to be looked at" * 100)
    before = path.read_bytes()
    assert "record" in one_line(installed.run("show", "card", expect=1))
    assert path.read_bytes() == before


def test_a_fact_that_cannot_be_read_is_named(installed) -> None:
    with sqlite3.connect(installed.home / "record.sqlite") as database:
        database.execute("DROP TRIGGER facts_are_never_updated")
        database.execute("UPDATE stored_events SET state = '{}' WHERE position = 2")
    database.close()
    assert "card.inserted.v1" in one_line(installed.run("show", "card", expect=1))


def test_a_record_of_a_newer_version_is_not_touched(installed) -> None:
    with sqlite3.connect(installed.home / "record.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    assert "newer" in one_line(installed.run("show", "card", expect=1))


@pytest.mark.skipif(os.geteuid() != 0 and "CI" not in os.environ, reason="changes its user, so it needs to be root")
def test_a_home_without_permission_is_named(installed, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    installed.home.chmod(0o700)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", *installed.command("show", "card")],
        capture_output=True,
        text=True,
        check=False,
        env=installed.environment,
        cwd="/",
    )
    assert done.returncode == 1, done.stderr
    assert str(installed.home) in one_line(done)


@pytest.mark.parametrize(
    ("at", "said"), [("99999", "ends at"), ("yesterday", "position"), ("2001-01-01", "no event")], ids=str
)
def test_a_moment_that_is_none_is_explained(installed, at, said) -> None:
    assert said in one_line(installed.run("replay", "--at", at, expect=2))
