"""Whoever makes a chassis answer otherwise than the record is walked is found: every test tampers for real."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from audit.archive import archive
from audit.notary import checkpoint
from audit.verification import Rebuilt, verify
from audit.verification_answer import Answer, Kind, Verdict

INSERT = "INSERT INTO stored_events VALUES (?, ?, ?, ?, ?)"
WITHOUT_FAILURES = "SELECT * FROM stored_events WHERE topic != 'sync.failed.v1'"
AND_ANOTHER = """SELECT * FROM stored_events
    UNION ALL SELECT MAX(position) + 1, 'pe9', 1, topic, state FROM stored_events"""


@pytest.fixture
def judged(proven) -> Callable[[], Verdict]:
    return lambda: verify(proven.home, proven.record).integrity


@pytest.fixture
def archived(proven) -> int:
    """Positions 1 to 80 are archived, and all is signed; the head."""
    proven.grow(120, "pe1")
    archive(proven.record, 80, "noc")
    checkpoint(proven.home, proven.record)
    return proven.record.head()


def tamper(proven, *statements: tuple[str, tuple[object, ...]]) -> None:
    proven.close()
    with closing(sqlite3.connect(proven.place)) as connection, connection:
        for statement in statements:
            assert connection.execute(*statement).rowcount


def kinds(verdict: Verdict) -> set[tuple[Kind, int]]:
    return {(one.kind, one.first) for one in verdict.findings}


def test_an_event_beside_the_positions_is_found(proven, judged) -> None:
    head = proven.grow(20, "pe1")
    checkpoint(proven.home, proven.record)
    row = proven.record.recorder.select_rows(after=head - 1, limit=1)[0]
    tamper(proven, (INSERT, (-10, "pe1", row[2] + 1, *row[3:])))
    found = judged()
    assert (found.answer, found.findings[0].first) == (Answer.FAILS, -10)
    assert "position -10 is none" in found.text
    tamper(proven, (INSERT, (-9, "pe7", 1, *row[3:])))
    assert (Kind.ANSWERS_OTHERWISE, -9) in kinds(judged())


def test_an_archived_record_that_nobody_touched_holds(archived, judged) -> None:
    assert archived > 80
    assert judged().answer is Answer.HOLDS


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize("position", [1, 50, 80])
def test_an_event_at_an_archived_position_is_found(proven, judged, position: int) -> None:
    row = [one for one in proven.record.recorder.select_rows(after=0, limit=None) if one[1] == "pe1"][-1]
    tamper(proven, (INSERT, (position, "pe1", row[2] + 1, *row[3:])))
    assert (Kind.ANSWERS_OTHERWISE, position) in kinds(judged())


def test_a_guard_that_was_changed_is_found(proven, judged) -> None:
    proven.grow(20, "pe1")
    checkpoint(proven.home, proven.record)
    assert judged().answer is Answer.HOLDS
    proven.close()
    with closing(sqlite3.connect(proven.place)) as connection, connection:
        connection.execute("DROP TRIGGER facts_are_never_updated")
        connection.execute(
            "CREATE TRIGGER keep_quiet BEFORE INSERT ON stored_events WHEN NEW.topic LIKE 'alarm.raised%' "
            "BEGIN SELECT RAISE(IGNORE); END"
        )
    found = judged()
    assert found.answer is Answer.FAILS
    texts = [one.text for one in found.findings if one.kind is Kind.SCHEMA]
    assert [("facts_are_never_updated" in one, "keep_quiet" in one) for one in texts] == [(True, False), (False, True)]


@pytest.mark.usefixtures("archived")
def test_an_archived_event_that_came_back_hides_none_of_the_others(proven, judged) -> None:
    row = proven.record.recorder.select_rows(after=0, limit=1)[0]
    proven.close()
    with closing(sqlite3.connect(proven.place)) as connection, connection:
        connection.execute("DROP TRIGGER versions_are_never_used_twice")
        connection.execute(INSERT, row)
    assert (Kind.ANSWERS_OTHERWISE, 1) in kinds(judged())


@pytest.mark.usefixtures("archived")
def test_what_an_archiving_that_died_has_left_is_no_finding(proven, judged) -> None:
    rows = proven.record.recorder.select_rows(after=70, limit=None, stop=80)
    proven.close()
    with closing(sqlite3.connect(proven.place)) as connection, connection:
        [guard] = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'versions_are_never_used_twice'")
        connection.execute("DROP TRIGGER versions_are_never_used_twice")
        connection.executemany(INSERT, rows)
        connection.execute(*guard)
    assert judged().answer is Answer.HOLDS


@pytest.mark.usefixtures("archived")
def test_a_stream_that_is_said_to_be_archived_less_far_is_found(proven, judged) -> None:
    tamper(proven, ("UPDATE archived_streams SET originator_version = 40", ()))
    found = judged()
    assert found.answer is Answer.FAILS
    assert "the record says 40" in " ".join(one.text for one in found.findings)


def test_an_index_that_was_exchanged_is_found(proven, judged) -> None:
    proven.grow(60, "pe1")
    checkpoint(proven.home, proven.record)
    proven.close()
    exchange_index(proven.place)
    assert len(list(proven.record.read_chassis("pe1"))) < proven.record.head()
    assert judged().answer is Answer.HOLDS
    found = verify(proven.home, proven.record, rebuild=Rebuilt).rebuild
    assert (found.answer, found.findings[0].kind) == (Answer.FAILS, Kind.ANSWERS_OTHERWISE)
    assert "its index was edited" in found.text


def test_an_index_of_an_archived_part_that_was_exchanged_is_found(proven, archived) -> None:
    assert verify(proven.home, proven.record, rebuild=Rebuilt).rebuild.answer is Answer.HOLDS
    segment = proven.record.recorder.segments()[0]
    file = proven.home / segment.file
    file.chmod(0o600)
    proven.close()
    exchange_index(file)
    found = verify(proven.home, proven.record, rebuild=Rebuilt).rebuild
    assert (found.answer, found.findings[0].kind) == (Answer.FAILS, Kind.ANSWERS_OTHERWISE)
    assert f"events in {file}" in found.text
    assert archived > segment.last


def test_an_index_that_leads_a_chassis_to_the_next_event_of_another_is_found(proven, judged) -> None:
    proven.grow(60, "pe1")
    proven.close()
    exchange_index(proven.place, AND_ANOTHER)
    proven.grow(10, "pe1")
    checkpoint(proven.home, proven.record)
    assert [one.position for one in proven.record.read_chassis("pe9")]
    assert judged().answer is Answer.HOLDS
    found = verify(proven.home, proven.record, rebuild=Rebuilt).rebuild
    assert (found.answer, found.findings[0].kind) == (Answer.FAILS, Kind.ANSWERS_OTHERWISE)
    assert "entries in its index" in found.text


def exchange_index(place: object, rows: str = WITHOUT_FAILURES) -> None:
    """Gives the table the index that it would have with other ``rows``."""
    with closing(sqlite3.connect(str(place), isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        [made] = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'stored_events'").fetchone()
        connection.execute(made.replace("stored_events", "x"))
        connection.execute(f"INSERT INTO x {rows}")
        connection.execute("PRAGMA writable_schema = ON")
        pages = {}
        for table in ("stored_events", "x"):
            name = f"sqlite_autoindex_{table}_1"
            pages[name] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [name]).fetchone()[0]
        for name, page in zip(pages, reversed(pages.values()), strict=True):
            connection.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = ?", [page, name])
    with closing(sqlite3.connect(str(place), isolation_level=None)) as connection:
        connection.execute("DROP TABLE x")
