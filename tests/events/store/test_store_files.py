"""What is not a record is refused in one clear line, and left as it is."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.commands import Provision, StartSupervision
from events.errors import RecordNewerError, RecordUnreadableError
from events.store import Record
from events.store.sqlite import KNOWN, SqliteRecorder

Open = Callable[..., Record]


@pytest.fixture
def place(path: Path) -> Path:
    """These are about files: they run over SQLite alone."""
    return path


def use(path: Path) -> None:
    """What any command does: open, read all, look at a state."""
    with Record(path, lambda: datetime.now(UTC)) as record:
        assert record.head() == sum(1 for _ in record.read())
        record.state("pe1")


@pytest.fixture
def large(record: Record, path: Path) -> bytes:
    """The bytes of a record with some thousand facts."""
    record.execute_all([("pe1", StartSupervision(host="mgmt1", process=number)) for number in range(5000)])
    record.close()
    return path.read_bytes()


def test_no_record_where_one_is_expected_is_refused_and_none_is_made(open_record: Open, path: Path) -> None:
    with pytest.raises(RecordUnreadableError, match=rf"there is no record at {path}; provision a chassis first"):
        open_record(create=False)
    assert not path.exists()


def test_an_empty_file_becomes_a_record(open_record: Open, path: Path, provision: Provision) -> None:
    path.touch()
    assert len(open_record().execute("pe1", provision)) == 3


def test_a_text_file_is_refused(path: Path) -> None:
    path.write_text("nothing to see here\n" * 500)
    before = path.read_bytes()
    with pytest.raises(RecordUnreadableError, match=rf"cannot use {path} as a record: file is not a database; name an"):
        use(path)
    assert path.read_bytes() == before


def test_a_folder_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(RecordUnreadableError, match=rf"{path} is a folder, not a record; name a file"):
        use(path)


def test_a_file_in_a_folder_that_does_not_exist_is_refused(path: Path) -> None:
    with pytest.raises(RecordUnreadableError, match="unable to open database file; name a file in a folder that exi"):
        use(path / "deeper.db")


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_another_programs_database_is_refused_and_left_as_it_is(path: Path, mode: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE stored_events (position INTEGER PRIMARY KEY, originator_id TEXT)")
    before = path.read_bytes()
    with pytest.raises(RecordUnreadableError, match=rf"{path} is not a record but another program's database"):
        use(path)
    assert path.read_bytes() == before


def test_a_record_of_a_newer_program_is_refused_and_left_as_it_is(record: Record, path: Path) -> None:
    record.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {KNOWN + 1}")
    before = path.read_bytes()
    with pytest.raises(RecordNewerError, match=rf"has record format {KNOWN + 1}, this program knows {KNOWN}: use a"):
        use(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kept", [50, 100, 4096, 40960, 200000])
def test_a_record_that_was_cut_off_is_refused(large: bytes, path: Path, kept: int) -> None:
    assert kept < len(large)
    path.write_bytes(large[:kept])
    with pytest.raises(RecordUnreadableError, match=rf"cannot use {path} as a record: .*(restore|check)"):
        use(path)


def test_a_record_with_overwritten_pages_is_refused(large: bytes, path: Path) -> None:
    damage = b"\xa5" * (len(large) // 2)
    path.write_bytes(large[:8192] + damage + large[8192 + len(damage) :])
    with pytest.raises(RecordUnreadableError, match="database disk image is malformed; it is damaged: restore it"):
        use(path)


def test_damage_that_happens_while_the_record_is_open_is_told_by_the_append_that_meets_it(
    record: Record, path: Path
) -> None:
    record.execute_all([("pe1", StartSupervision(host="mgmt1", process=number)) for number in range(5000)])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    with pytest.raises(RecordUnreadableError, match=rf"cannot use {path} as a record: "):
        record.execute("pe1", StartSupervision(host="mgmt1", process=1))


def test_a_follower_meets_damage_as_an_error_and_leaves_no_thread(large: bytes, path: Path, open_record: Open) -> None:
    path.write_bytes(large[:8192] + b"\xa5" * (len(large) - 8192))
    record = open_record()
    with pytest.raises(RecordUnreadableError, match="restore it"), record.follow() as facts:
        next(facts)


def test_every_connection_writes_ahead_and_syncs_each_commit(record: Record) -> None:
    assert isinstance(record.recorder, SqliteRecorder)
    datastore = record.recorder.datastore
    with datastore.get_connection(commit=True) as writer, datastore.get_connection(commit=False) as reader:
        for connection in (writer, reader):
            cursor = connection.cursor()
            found: list[Any] = []
            for pragma in ("journal_mode", "synchronous"):
                cursor.execute(f"PRAGMA {pragma}")
                found.append(cursor.fetchone()[0])
            assert found == ["wal", 2]
