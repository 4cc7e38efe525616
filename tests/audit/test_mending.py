"""What a damaged record has lost is had back from a backup, and nothing is guessed."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import audit.archive
from audit.archive import archive
from audit.backup import back_up
from audit.fsck import check_file
from audit.mending import NotMendedError, mend
from events.errors import CommandRefusedError
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
