"""What a damaged record has lost is had back from a backup, and nothing is guessed."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import audit.archive
import audit.mending
from audit.archive import archive
from audit.backup import back_up
from audit.fsck import check_file
from audit.mending import Mended, NotMendedError, mend
from events.audit_commands import NoteRead
from events.errors import CommandRefusedError
from events.facts import Question
from events.store import Record

PAGE = 4096


@pytest.fixture
def backup(proven) -> Iterator[Record]:
    """A backup of the first 300 facts or so; the record has 100 more."""
    proven.grow(300)
    back_up(proven.record, proven.home / "copy.sqlite", home=proven.home)
    proven.grow(100)
    with closing(Record(proven.home / "copy.sqlite", proven.record._clock)) as copy:
        yield copy


@pytest.fixture
def whole(proven, backup) -> list[Any]:
    assert backup.head() < proven.record.head()
    return list(proven.record.read())


@pytest.fixture
def mended(proven, backup) -> Callable[[], Path]:
    def made() -> Path:
        proven.close()
        mend(proven.place, backup, proven.home / "mended.sqlite")
        return proven.home / "mended.sqlite"

    return made


def facts(path: Path, proven) -> list[Any]:
    with closing(Record(path, proven.record._clock)) as record:
        return list(record.read())


def break_page(path: Path, number: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        query = "SELECT pageno FROM dbstat WHERE name = 'stored_events' AND pagetype = 'leaf' ORDER BY path"
        page = connection.execute(query).fetchall()[number][0]
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * PAGE)


def test_a_broken_page_is_had_back(proven, mended, whole) -> None:
    proven.close()
    break_page(proven.place, 3)
    assert not check_file(proven.place).sound
    path = mended()
    assert check_file(path).sound
    assert facts(path, proven) == whole


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM stored_events WHERE position BETWEEN 100 AND 120",
        "DELETE FROM stored_events WHERE position = 1",
        "UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 77",
        "UPDATE stored_events SET state = 'text' WHERE position = 77",
        "UPDATE stored_events SET originator_version = 900 WHERE position = 77",
        """UPDATE stored_events SET state = CAST(replace(CAST(state AS TEXT), 'sation":', 'sation":9') AS BLOB)
            WHERE position = 77""",
    ],
)
def test_facts_that_were_deleted_or_made_unreadable_are_had_back(proven, mended, whole, statement: str) -> None:
    proven.edit(statement)
    assert facts(mended(), proven) == whole


def test_a_tail_that_was_cut_off_is_had_back_as_far_as_the_backup_has_it(proven, mended, whole, backup) -> None:
    proven.edit("DELETE FROM stored_events WHERE position > 200")
    assert facts(mended(), proven) == whole[: backup.head()]


def test_a_lost_segment_of_the_archive_is_had_back(proven, mended, whole, monkeypatch) -> None:
    monkeypatch.setattr(audit.archive, "POSITIONS_OF_A_SEGMENT", 100)
    done = archive(proven.record, 250, "noc")
    (proven.home / done.segments[1].file).unlink()
    assert facts(mended(), proven)[: len(whole)] == whole


def look_into(copy: Path, proven, times: int) -> None:
    """Reads a backup as programs did that left that in it."""
    copy.chmod(0o644)
    with closing(Record(copy, proven.record._clock)) as written:
        for _ in range(times):
            written.note(NoteRead(what=Question.AS_OF, query="3", operator="noc"))


def mend_with(copy: Path, proven) -> Mended:
    proven.close()
    with closing(Record(copy, lambda: datetime.now(UTC))) as backup:
        return mend(proven.place, backup, proven.home / "mended.sqlite")


def test_a_backup_that_was_looked_into_mends_as_before(proven, whole) -> None:
    copy = proven.home / "copy.sqlite"
    look_into(copy, proven, 2)
    proven.edit("UPDATE stored_events SET state = 'text' WHERE position = 77")
    made = mend_with(copy, proven)
    assert (made.facts, made.from_backup, made.left_out) == (len(whole), 1, 2)
    assert facts(proven.home / "mended.sqlite", proven) == whole


def test_readings_of_the_backup_itself_do_not_become_facts_of_the_record(proven, whole, backup) -> None:
    copy, end = proven.home / "copy.sqlite", backup.head()
    look_into(copy, proven, 3)
    proven.edit("DELETE FROM stored_events WHERE position > 200")
    made = mend_with(copy, proven)
    assert (made.facts, made.from_backup, made.left_out) == (end, end - 200, 3)
    assert facts(proven.home / "mended.sqlite", proven) == whole[:end]


@pytest.mark.usefixtures("whole")
def test_a_reading_that_may_be_of_the_backup_fills_no_gap_and_is_named(proven, backup) -> None:
    copy, end = proven.home / "copy.sqlite", backup.head()
    look_into(copy, proven, 3)
    proven.edit(f"DELETE FROM stored_events WHERE position = {end + 1}")
    with pytest.raises(NotMendedError, match=f"position {end + 1} is whole in neither .* a reading there.*chmod a-w"):
        mend_with(copy, proven)


def test_readings_at_the_end_of_a_backup_that_nobody_could_write_are_facts(proven) -> None:
    proven.grow(20)
    proven.record.note(NoteRead(what=Question.AS_OF, query="3", operator="noc"))
    head = proven.record.head()
    back_up(proven.record, proven.home / "copy.sqlite", home=proven.home)
    proven.edit(f"DELETE FROM stored_events WHERE position = {head}")
    made = mend_with(proven.home / "copy.sqlite", proven)
    assert (made.facts, made.left_out) == (head, 0)


def test_a_record_that_was_cut_off_is_had_back(proven) -> None:
    proven.grow(300)
    back_up(proven.record, proven.home / "copy.sqlite", home=proven.home)
    whole = list(proven.record.read())
    proven.close()
    os.truncate(proven.place, 40_000)
    assert mend_with(proven.home / "copy.sqlite", proven).left_out == 0
    with closing(Record(proven.home / "mended.sqlite", lambda: datetime.now(UTC))) as record:
        assert list(record.read()) == whole


def test_a_folder_that_is_not_there_is_said(proven, backup) -> None:
    with pytest.raises(CommandRefusedError, match=r"there is no folder .*/nowhere to write mended"):
        mend(proven.place, backup, proven.home / "nowhere" / "mended.sqlite")


def test_what_neither_has_is_named_and_nothing_is_written(proven, mended, whole) -> None:
    proven.edit(f"DELETE FROM stored_events WHERE position = {len(whole) - 10}")
    with pytest.raises(NotMendedError, match=f"position {len(whole) - 10} is whole in neither"):
        mended()
    assert not list(proven.home.glob("*mended*"))


@pytest.mark.usefixtures("whole")
def test_a_fact_that_differs_is_not_decided_on(proven, mended) -> None:
    proven.edit(
        "UPDATE stored_events SET state = CAST(replace(CAST(state AS TEXT), 'noc', 'eve') AS BLOB) WHERE position = 1"
    )
    with pytest.raises(NotMendedError, match="position 1 is whole in both and not the same"):
        mended()


def test_a_file_that_is_there_is_not_replaced(proven, backup) -> None:
    with pytest.raises(CommandRefusedError, match="is there already"):
        mend(proven.place, backup, proven.home / "copy.sqlite")


def test_two_that_mend_to_one_file_at_once_make_one_whole_record(proven, whole, backup, monkeypatch) -> None:
    target = proven.home / "mended.sqlite"

    def mend_meanwhile(*arguments: Any) -> None:
        write(*arguments)
        monkeypatch.setattr(audit.mending, "write_rows", write)
        mend(proven.place, backup, target)

    write = audit.mending.write_rows
    monkeypatch.setattr(audit.mending, "write_rows", mend_meanwhile)
    with pytest.raises(CommandRefusedError, match="is there already"):
        mend(proven.place, backup, target)
    assert facts(target, proven) == whole
    assert not list(proven.home.glob(".*partial"))


def test_a_link_that_somebody_has_put_where_the_mended_record_goes_is_not_followed(proven, whole, backup) -> None:
    victim = proven.home / "victim"
    victim.write_text("precious")
    (proven.home / ".mended.sqlite.partial").symlink_to(victim)
    mend(proven.place, backup, proven.home / "mended.sqlite")
    assert victim.read_text() == "precious"
    assert facts(proven.home / "mended.sqlite", proven) == whole
