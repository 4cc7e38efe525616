"""A record that nobody may write, or this process may not, is read, and nothing is left in it or beside it."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.audit_commands import NoteRead
from events.errors import RecordReadOnlyError, RecordUnreadableError
from events.facts import Question
from events.store import Record
from events.store.reading_only import reading_only

NOTE = NoteRead(what=Question.AS_OF, query="3", operator="noc")
READ = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from events.store import Record
with Record(Path(sys.argv[1]), lambda: datetime.now(UTC), create=False) as record:
    print(record.head(), len(list(record.read())))
"""


def open_record(path: Path) -> Record:
    return Record(path, lambda: datetime.now(UTC))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A record of three facts that nobody has open, in a folder of its own."""
    path = tmp_path / "kept" / "record.sqlite"
    path.parent.mkdir()
    with closing(open_record(path)) as record:
        for _ in range(3):
            record.note(NOTE)
    return path


@pytest.fixture
def locked() -> Iterator[Callable[[Path], None]]:
    """Takes the right to write to a folder and all in it from everybody, until the test is over."""
    folders: list[Path] = []

    def lock(folder: Path) -> None:
        folders.append(folder)
        for path in (*folder.iterdir(), folder):
            path.chmod(path.stat().st_mode & ~0o222)

    yield lock
    for folder in folders:
        folder.chmod(0o755)


def as_anybody(path: Path) -> subprocess.CompletedProcess[str]:
    """Reads a record with no more rights than a file gives, also where the tests have all of them."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*drop, sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False, timeout=60
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_that_nobody_may_write_is_read_and_not_written(kept: Path) -> None:
    kept.chmod(0o444)
    before = kept.read_bytes()
    with closing(open_record(kept)) as record:
        assert (record.head(), len(list(record.read()))) == (3, 3)
        with pytest.raises(RecordReadOnlyError, match=r"record\.sqlite is read-only: .*chmod u\+w"):
            record.note(NOTE)
        assert record.head() == 3
        assert names(kept.parent) == [kept.name]
    assert (kept.read_bytes(), names(kept.parent)) == (before, [kept.name])


def test_a_file_that_may_be_written_again_is_gone_on_with(kept: Path) -> None:
    kept.chmod(0o444)
    kept.chmod(0o644)
    assert reading_only(kept) is None
    with closing(open_record(kept)) as record:
        assert record.note(NOTE).position == 4


def test_a_record_in_a_read_only_folder_is_read(kept: Path, locked: Callable[[Path], None]) -> None:
    locked(kept.parent)
    done = as_anybody(kept)
    assert done.stdout.split() == ["3", "3"], done.stderr
    assert names(kept.parent) == [kept.name]


def test_a_record_that_somebody_else_has_open_is_read_with_its_newest_events(
    kept: Path, locked: Callable[[Path], None]
) -> None:
    with closing(open_record(kept)) as writer:
        writer.note(NOTE)
        locked(kept.parent)
        done = as_anybody(kept)
    assert done.stdout.split() == ["4", "4"], done.stderr


def test_events_that_are_in_a_log_only_are_not_passed_over_in_silence(
    kept: Path, tmp_path: Path, locked: Callable[[Path], None]
) -> None:
    copied = tmp_path / "copied" / kept.name
    copied.parent.mkdir()
    with closing(open_record(kept)) as writer:
        writer.note(NOTE)
        for ending in ("", "-wal"):
            copied.with_name(copied.name + ending).write_bytes(kept.with_name(kept.name + ending).read_bytes())
    locked(copied.parent)
    done = as_anybody(copied)
    assert done.returncode != 0
    assert "its newest events are in the log beside it" in done.stderr


def test_a_file_that_is_written_while_it_is_read_is_not_believed(kept: Path) -> None:
    kept.chmod(0o444)
    with closing(open_record(kept)) as record:
        assert record.head() == 3
        kept.chmod(0o644)
        with closing(open_record(kept)) as writer:
            writer.note(NOTE)
        with pytest.raises(RecordUnreadableError, match="written by somebody while it was read"):
            record.head()


def test_a_follower_of_a_record_that_is_read_only_gets_what_there_is(kept: Path) -> None:
    kept.chmod(0o444)
    with closing(open_record(kept)) as record, record.follow() as facts:
        found: list[Any] = [next(facts) for _ in range(3)]
    assert [one.position for one in found] == [1, 2, 3]
    assert names(kept.parent) == [kept.name]


def test_a_damaged_record_says_what_makes_a_whole_one(kept: Path) -> None:
    with closing(sqlite3.connect(kept)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'stored_events'").fetchone()[0]
    with kept.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    with (
        closing(open_record(kept)) as record,
        pytest.raises(RecordUnreadableError, match="restore it with understudy fsck --mend-with BACKUP"),
    ):
        record.head()
