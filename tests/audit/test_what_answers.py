"""Ways to have other events read than those that were verified, and to have honest ones accused, are seen through."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from audit.archive import archive
from audit.fsck import check_file
from audit.merkle import HASH_BYTES
from audit.notary import checkpoint
from audit.tree import FILE
from audit.verification import Rebuilt, Verification, verify
from audit.verification_answer import Answer, Kind
from events.errors import RecordUnreadableError
from events.store import Record

INSERT = "INSERT INTO stored_events VALUES (?, ?, ?, ?, ?)"
COLUMNS = "(originator_id, originator_version, topic, state)"
FAR = 1 << 40


@pytest.fixture
def signed(proven) -> int:
    """A record of 120 events or a few more, all of them signed; the head."""
    proven.grow(120)
    return checkpoint(proven.home, proven.record).checkpoint.size


@pytest.fixture
def open_other(closed) -> Callable[[Path], Record]:
    """Another process' own way to the record."""
    return lambda place: closed(Record(place, lambda: datetime.now(UTC)))


def judged(proven, **options: object) -> Verification:
    return verify(proven.home, proven.record, rebuild=Rebuilt, **options)  # type: ignore[arg-type]


def details(proven) -> list[str]:
    facts = [one.fact for name in proven.record.chassis() for one in proven.record.read_chassis(name)]
    return [detail for fact in facts if (detail := getattr(fact, "detail", ""))]


def plant(file: Path, name: str) -> None:
    """Puts an index into a file that has all columns, some of them edited: SQLite would rather read that one."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        columns = "position INTEGER PRIMARY KEY, originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB"
        connection.execute(f"CREATE TABLE x ({columns})")
        connection.execute("INSERT INTO x SELECT * FROM stored_events")
        edit = "UPDATE x SET state = CAST(replace(CAST(state AS TEXT), 'it is full', 'it is fine') AS BLOB)"
        assert connection.execute(edit).rowcount
        connection.execute(f"CREATE INDEX xi ON x {COLUMNS}")
        connection.execute("PRAGMA writable_schema = ON")
        sql = f"CREATE INDEX {name} ON stored_events {COLUMNS}"
        edit = "UPDATE sqlite_schema SET name = ?, tbl_name = 'stored_events', sql = ? WHERE name = 'xi'"
        connection.execute(edit, [name, sql])
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'x'")


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("name", ["by_name", "sqlite_stat1"])
def test_an_index_with_other_events_answers_nobody_and_is_found(proven, name: str) -> None:
    before = details(proven)
    proven.close()
    plant(proven.place, name)
    assert details(proven) == before
    assert judged(proven).integrity.findings[0].kind is Kind.SCHEMA
    assert any(name in one.what for one in check_file(proven.place).findings)


@pytest.mark.usefixtures("signed")
def test_an_index_with_other_events_in_an_archived_part_answers_nobody_and_is_found(proven) -> None:
    before = details(proven)
    file = proven.home / archive(proven.record, 80, "noc").segments[0].file
    proven.close()
    file.chmod(0o600)
    plant(file, "sqlite_stat1")
    assert details(proven) == before
    assert judged(proven).integrity.findings[0].kind is Kind.SCHEMA
    assert any("sqlite_stat1" in one.what and str(file) in one.what for one in check_file(proven.place).findings)


@pytest.mark.usefixtures("signed")
def test_a_trigger_that_has_a_name_of_sqlites_own_is_found(proven) -> None:
    proven.close()
    with closing(sqlite3.connect(proven.place, isolation_level=None)) as connection:
        connection.execute("CREATE TRIGGER x BEFORE INSERT ON stored_events BEGIN SELECT RAISE(IGNORE); END")
        connection.execute("PRAGMA writable_schema = ON")
        edit = "UPDATE sqlite_schema SET name = 'sqlite_stat4', sql = replace(sql, 'TRIGGER x', 'TRIGGER sqlite_stat4')"
        connection.execute(f"{edit} WHERE name = 'x'")
    assert judged(proven).integrity.findings[0].kind is Kind.SCHEMA
    assert any("sqlite_stat4" in one.what for one in check_file(proven.place).findings)


@pytest.mark.usefixtures("signed")
def test_an_entry_of_the_index_that_stands_twice_hides_no_event(proven) -> None:
    rows = [row[:3] for row in proven.record.recorder.select_stream("pe1", limit=20)]
    seen, hidden = next(pair for pair in pairwise(rows) if pair[0][0] > 3)
    proven.close()
    with closing(sqlite3.connect(proven.place)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    content = bytearray(proven.place.read_bytes())
    entries = [b"pe1" + bytes((version, position)) for position, _, version in (seen, hidden)]
    at = content.index(entries[1])
    content[at : at + 5] = entries[0]
    proven.place.write_bytes(content)
    list(proven.record.read_chassis("pe1"))
    assert proven.record.missing == {"pe1": hidden[2]}
    found = judged(proven)
    assert (found.integrity.answer, found.rebuild.answer) == (Answer.HOLDS, Answer.FAILS)
    assert [one.first for one in found.rebuild.findings] == [hidden[0]]


def test_archiving_meanwhile_is_no_edit(proven, signed: int, open_other) -> None:
    done: list[int] = []

    def archive_once(_done: int, _goal: int) -> None:
        if not done:
            done.append(archive(open_other(proven.place), signed // 2, "noc").until)

    assert judged(proven, progress=archive_once).rebuild.answer is Answer.HOLDS
    assert done == [signed // 2]


# Honest records


def test_a_tile_that_is_short_makes_no_event_an_edited_one(proven) -> None:
    proven.grow(600)
    checkpoint(proven.home, proven.record)
    with closing(sqlite3.connect(proven.home / FILE)) as connection, connection:
        connection.execute(f"UPDATE tiles SET hashes = substr(hashes, {HASH_BYTES + 1}) WHERE level = 0 AND number = 0")
    assert judged(proven).integrity.answer is Answer.HOLDS


@pytest.mark.parametrize("value", ["'abc'", "5", "x'00'"])
def test_a_tile_that_is_none_makes_no_event_an_edited_one(proven, signed: int, value: str) -> None:
    with closing(sqlite3.connect(proven.home / FILE)) as connection, connection:
        connection.execute(f"UPDATE tiles SET hashes = {value}")
    found = judged(proven)
    assert (found.integrity.answer, found.size) == (Answer.HOLDS, signed)


def test_a_damaged_page_of_the_tree_makes_no_event_an_edited_one(proven) -> None:
    proven.grow(600)
    checkpoint(proven.home, proven.record)
    tree = proven.home / FILE
    with closing(sqlite3.connect(tree)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        [page] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'tiles'").fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(tree.read_bytes())
    content[(page - 1) * size : page * size] = b"\xa5" * size
    tree.write_bytes(content)
    assert judged(proven).integrity.answer is Answer.HOLDS


# What takes for ever


def test_a_position_that_is_far_away_ends_no_verification(proven, signed: int) -> None:
    row = proven.record.recorder.select_stream("pe1", desc=True, limit=1)[0]
    proven.close()
    with closing(sqlite3.connect(proven.place)) as connection, connection:
        connection.execute(INSERT, (FAR, "pe1", row[2] + 1, *row[3:]))
    gap = judged(proven).completeness.findings[0]
    assert (gap.first, gap.last) == (signed + 1, FAR - 1)
    missing = check_file(proven.place, quick=True).findings[0]
    assert (missing.first, missing.last) == (signed + 1, FAR - 1)


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize(
    "edit",
    ["archived_segments SET last = 'x'", "archived_segments SET file = x'00ff'"],
)
def test_what_is_said_of_the_archive_and_cannot_be_is_one_clear_error(proven, edit: str) -> None:
    archive(proven.record, 80, "noc")
    proven.close()
    with closing(sqlite3.connect(proven.place)) as connection, connection:
        connection.execute(f"UPDATE {edit}")
    with pytest.raises(RecordUnreadableError, match="edited the file: restore it from a backup"):
        judged(proven)
    with pytest.raises(RecordUnreadableError, match="edited the file"):
        check_file(proven.place)
