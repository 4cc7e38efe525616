"""``understudy fsck``, ``backup`` and ``audit archive``: the record is checked, copied and moved by its users."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest


def edit(record: Path, statement: str) -> None:
    """Edits the record past the program."""
    with closing(sqlite3.connect(record, isolation_level=None)) as connection:
        for trigger in ("facts_are_never_updated", "facts_are_never_deleted"):
            connection.execute(f"DROP TRIGGER {trigger}")
        assert connection.execute(statement).rowcount == 1


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
    edit(grown.home / "record.sqlite", "UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 5")
    printed = grown.run("fsck", expect=1).stdout
    assert "UNDECODABLE: position 5" in printed
    assert "-> somebody or something has edited the file: have it back from a backup" in printed
    assert "1 thing is wrong." in printed


def test_a_damaged_record_is_mended_with_a_backup(grown, tmp_path: Path) -> None:
    copy, mended = tmp_path / "copy.sqlite", tmp_path / "mended.sqlite"
    log = grown.run("show", "log").stdout
    grown.run("backup", str(copy))
    edit(grown.home / "record.sqlite", "UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 5")
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
    assert "cannot be written" in grown.run("backup", str(tmp_path / "nowhere" / "copy"), expect=1).stderr


def test_what_is_archived_is_shown_as_before(grown) -> None:
    log, screen = grown.run("show", "log").stdout, grown.run("show", "redundancy", "history").stdout
    [segment] = grown.json("audit", "archive", "--until", "10")["segments"]
    assert (segment["first"], segment["last"]) == (1, 10)
    assert (grown.home / segment["file"]).exists()
    assert grown.run("show", "log").stdout == log
    assert grown.run("show", "redundancy", "history").stdout == screen
    assert "Archived     positions 1 to 10" in grown.run("fsck").stdout
    assert "nothing to archive" in grown.run("audit", "archive", "--until", "10").stdout
    grown.run("admin", "redundancy", "synchronize", "boot-env")
    assert grown.run("show", "log").stdout.startswith(log)


def test_a_time_archives_what_was_recorded_by_then(grown) -> None:
    entries = [line.split() for line in grown.run("show", "log").stdout.splitlines()[::2]]
    assert grown.json("audit", "archive", "--until", "2000-01-01")["segments"] == []
    [segment] = grown.json("audit", "archive", "--until", "2100-01-01")["segments"]
    assert segment["last"] == len(entries) - 1


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
