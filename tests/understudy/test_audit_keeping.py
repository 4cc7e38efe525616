"""``understudy fsck``, ``backup`` and ``audit archive``: the record is checked, copied and moved by its users."""

import fcntl
import os
import pty
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def grown(installed) -> Any:
    """A record of some synchronisations."""
    for _ in range(3):
        installed.run("admin", "redundancy", "synchronize", "boot-env")
    return installed


def test_a_sound_record_has_nothing_wrong(grown) -> None:
    printed = grown.run("fsck").stdout
    assert "Nothing is wrong." in printed
    assert "Projections  ok" in printed
    answer = grown.json("fsck", "--quick")
    assert (answer["findings"], answer["sqlite"], answer["projections"]) == ([], "ok", "not compared")


def test_a_damaged_record_is_named_with_its_position_and_what_helps(grown) -> None:
    grown.edit("UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 5")
    printed = grown.run("fsck", expect=1).stdout
    assert "UNDECODABLE: position 5" in printed
    assert "-> somebody or something has edited the file: have it back from a backup" in printed
    assert "1 thing is wrong." in printed


def test_a_damaged_record_is_mended_with_a_backup(grown, tmp_path: Path) -> None:
    copy, mended = tmp_path / "copy.sqlite", tmp_path / "mended.sqlite"
    log = grown.run("show", "log").stdout
    grown.run("backup", str(copy))
    grown.edit("UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 5")
    printed = grown.run("fsck", "--mend-with", str(copy), "-o", str(mended)).stdout
    assert "1 of them from the backup" in printed
    assert grown.run("show", "log", "--store", str(mended)).stdout == log
    assert "go together" in grown.run("fsck", "--mend-with", str(copy), expect=2).stderr


def test_a_file_that_is_no_record_is_said_to_be_unreadable_and_a_missing_one_to_be_missing(bare) -> None:
    assert "There is no record" in bare.run("fsck", expect=2).stderr
    bare.home.mkdir()
    (bare.home / "record.sqlite").write_bytes(b"nonsense" * 1000)
    assert "nothing in" in bare.run("fsck", expect=1).stdout


def test_a_backup_is_used_in_place_of_the_record(grown, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    printed = grown.run("backup", str(copy)).stdout
    assert "read back and compared" in printed
    log = grown.run("show", "log").stdout
    assert grown.run("show", "log", "--store", str(copy)).stdout == log
    assert "say --force" in grown.run("backup", str(copy), expect=3).stderr
    copy.unlink()
    made = grown.json("backup", str(copy))
    assert made["facts"] == len(log.splitlines()) // 2
    assert "there is no folder" in grown.run("backup", str(tmp_path / "nowhere" / "copy"), expect=3).stderr


READINGS = (
    ("show", "log"),
    ("audit", "as-of", "5"),
    ("audit", "explain", "5"),
    ("audit", "timeline"),
    ("audit", "diff", "2", "5"),
    ("audit", "report", "--from", "1", "--to", "5", "-o", "{out}/report.html"),
    ("audit", "verify"),
    ("audit", "trail"),
    ("audit", "export", "--from", "1", "--to", "5", "-o", "{out}/evidence.zip"),
    ("fsck",),
    ("backup", "{out}/copy.sqlite"),
)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_auditor_with_a_read_only_home_reads_everything_and_leaves_nothing(grown, tmp_path: Path) -> None:
    grown.run("audit", "checkpoint")
    out = tmp_path / "out"
    out.mkdir()
    for path in (*grown.home.rglob("*"), grown.home):
        path.chmod(path.stat().st_mode & ~0o222)
    before = contents(grown.home)
    # Without the superuser's way around what files allow.
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    for words in READINGS:
        command = [*drop, *grown.command(*(word.format(out=out) for word in words))]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=grown.environment)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        noted = words[0] == "audit" and words[1] != "trail"
        assert ("not noted in the record" in done.stderr) == noted, words
        assert "read-only" in done.stderr or not noted
    assert contents(grown.home) == before
    for path in (grown.home, *grown.home.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)


def test_a_backup_is_looked_into_without_a_trace_and_can_mend_afterwards(grown, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    grown.run("backup", str(copy))
    before = copy.read_bytes()
    looked = grown.run("audit", "as-of", "5", "--store", str(copy))
    assert "not noted in the record" in looked.stderr
    assert "read-only: a backup is made so" in looked.stderr
    refused = grown.run("audit", "hold", "place", "x", "--reason", "y", "--store", str(copy), expect=1)
    assert "read-only: a backup is made so" in refused.stderr
    assert copy.read_bytes() == before
    assert not list(tmp_path.glob("copy.sqlite-*"))
    grown.run("audit", "as-of", "5")
    grown.edit("UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 5")
    mended = ("fsck", "--mend-with", str(copy), "-o")
    assert "1 of them from the backup" in grown.run(*mended, str(tmp_path / "mended.sqlite")).stdout
    # As a copy was that an older version has made.
    copy.chmod(0o644)
    grown.run("audit", "as-of", "4", "--store", str(copy))
    printed = grown.run(*mended, str(tmp_path / "again.sqlite")).stdout
    assert "Readings at the end of the backup that may be its own did not count: 1." in printed
    assert "there is no folder" in grown.run(*mended, str(tmp_path / "nowhere" / "copy"), expect=3).stderr


def test_an_event_that_cannot_be_read_is_named_by_its_position(grown) -> None:
    grown.edit("UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 5")
    for words in (("show", "log"), ("audit", "as-of", "8"), ("audit", "timeline"), ("audit", "explain", "8")):
        error = grown.run(*words, expect=1).stderr
        assert " at position 5 (pe1 version 5): " in error
        assert "understudy fsck" in error
        assert error.count("\n") == 1


@pytest.mark.parametrize("moment", ["0", "9999", "2100-01-01"])
def test_nothing_is_archived_up_to_a_moment_that_is_not_there(grown, moment: str) -> None:
    error = grown.run("audit", "archive", "--until", moment, expect=2).stderr
    assert "the record ends at" in error or "it is only" in error
    assert not (grown.home / "archive").exists()


@pytest.mark.parametrize(("answer", "code"), [("n", 3), ("y", 0)])
def test_on_a_terminal_archiving_is_asked_about(grown, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        command = grown.command("audit", "archive", "--until", "5")
        done = subprocess.run(command, stdin=theirs, stdout=theirs, stderr=theirs, check=False, env=grown.environment)
        assert b"Move events 1 to 5 to files? They do not move back." in os.read(ours, 10_000)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == code
    assert (grown.home / "archive").exists() == (answer == "y")


def test_yes_is_not_asked(grown) -> None:
    ours, theirs = pty.openpty()
    try:
        command = grown.command("audit", "archive", "--until", "5", "--yes")
        subprocess.run(command, stdin=theirs, stdout=theirs, stderr=theirs, check=True, env=grown.environment)
        assert b"Move events" not in os.read(ours, 10_000)
    finally:
        os.close(ours)
        os.close(theirs)


def test_what_is_archived_is_shown_as_before(grown) -> None:
    log, screen = grown.run("show", "log").stdout, grown.run("show", "redundancy", "history").stdout
    [segment] = grown.json("audit", "archive", "--until", "10")["segments"]
    assert (segment["first"], segment["last"]) == (1, 10)
    assert (grown.home / segment["file"]).exists()
    assert grown.run("show", "log").stdout == log
    assert grown.run("show", "redundancy", "history").stdout == screen
    assert "Archived     positions 1 to 10" in grown.run("fsck").stdout
    assert "events up to 10 are archived already" in grown.run("audit", "archive", "--until", "10").stdout
    grown.run("admin", "redundancy", "synchronize", "boot-env")
    assert grown.run("show", "log").stdout.startswith(log)


def test_a_time_archives_what_was_recorded_by_then(grown) -> None:
    entries = [line.split() for line in grown.run("show", "log").stdout.splitlines()[::2]]
    assert grown.json("audit", "archive", "--until", "2000-01-01")["segments"] == []
    assert "nothing was recorded by then" in grown.run("audit", "archive", "--until", "2000-01-01").stdout
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    [segment] = grown.json("audit", "archive", "--until", now)["segments"]
    assert segment["last"] == len(entries) - 1


def test_no_terminal_obeys_the_name_of_a_hold(grown) -> None:
    grown.run("audit", "hold", "place", "case\x1b[2J", "--reason", "asked for")
    told = grown.run("audit", "archive", "--until", "4", expect=3).stderr
    assert r"case\x1b[2J (asked for)" in told
    assert told.isascii()
    assert told.rstrip("\n").isprintable()


def test_a_hold_stops_the_archive(grown) -> None:
    grown.run("audit", "hold", "place", "case-7", "--reason", "examined")
    assert "case-7 (examined)" in grown.run("audit", "archive", "--until", "10", expect=3).stderr
    assert not (grown.home / "archive").exists()
    grown.run("audit", "hold", "release", "case-7", "--reason", "done")
    grown.run("audit", "archive", "--until", "10")


def test_a_missing_segment_is_one_clear_line(grown) -> None:
    [segment] = grown.json("audit", "archive", "--until", "10")["segments"]
    (grown.home / segment["file"]).unlink()
    error = grown.run("show", "log", expect=1).stderr
    assert error.count("\n") == 1
    assert segment["file"] in error
    assert segment["file"] in grown.run("fsck", expect=1).stdout


def test_a_second_process_that_archives_is_refused(grown: Any) -> None:
    with (grown.home / ".record.sqlite.archive.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = grown.run("audit", "archive", "--until", "5", expect=3).stderr
    assert "another process archives this record" in refused
    assert not (grown.home / "archive").exists()
    grown.run("audit", "archive", "--until", "5")


def test_replaying_a_moment_leaves_a_trace_and_the_present_leaves_none(grown: Any) -> None:
    head = grown.json("audit", "trail")
    grown.run("replay")
    assert grown.json("audit", "trail") == head
    grown.run("replay", "--at", "5")
    [last] = [one for one in grown.json("audit", "trail") if one not in head]
    assert (last["kind"], last["fact"]["what"], last["fact"]["query"]) == ("audit.read.v1", "as-of", "pe1 5 by replay")


def test_fsck_compares_the_snapshots_that_lie_beside_the_record_it_is_told_of(grown: Any, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "record.sqlite"
    copy.parent.mkdir()
    grown.run("backup", str(copy))
    copy.chmod(0o600)
    grown.run("rebuild", "snapshots", "--store", str(copy))
    assert "Nothing is wrong" in grown.run("fsck", "--store", str(copy)).stdout
    with closing(sqlite3.connect(copy.with_name("snapshots.sqlite"))) as connection, connection:
        assert connection.execute("UPDATE snapshots SET alarms = history").rowcount
    assert "PROJECTION" in grown.run("fsck", "--store", str(copy), expect=1).stdout
