"""Damage is found and named, whatever is damaged; what is around it is still read; a sound record has none."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import audit.archive
import audit.fsck
from audit.archive import archive
from audit.backup import back_up
from audit.checking import Damage
from audit.fsck import Report, check_file, check_record
from events.audit_commands import NoteRead
from events.errors import RecordNewerError
from events.facts import Question

PAGE = 4096
Check = Callable[..., Report]


def damages(report: Report) -> list[tuple[Damage, int, int]]:
    return [(one.damage, one.first, one.last) for one in report.findings]


def overwrite(path: Path, page: int, content: bytes = b"\xff" * PAGE) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(content)


def pages_of(path: Path, name: str) -> list[int]:
    """The leaf pages of a table or an index, in order."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path", [name]
        )
        return [row[0] for row in rows]


@pytest.fixture
def settled(proven) -> Path:
    """A record of two chassis in one file, closed, with nothing in a log beside it."""
    proven.grow(600)
    proven.record.note(NoteRead(what=Question.AS_OF, query="3", operator="noc"))
    proven.grow(3)
    proven.close()
    with closing(sqlite3.connect(proven.place, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    return proven.place


def test_a_sound_record_is_said_to_be_sound(settled: Path, proven) -> None:
    told: list[tuple[int, int]] = []
    report = check_file(settled, projections=lambda: "", progress=lambda *now: told.append(now))
    assert report.sound
    head = proven.record.head()
    assert (report.head, report.whole, report.chassis) == (head, head, 2)
    assert (report.sqlite, report.projections, report.omitted) == ("ok", "ok", 0)
    assert told[-1] == (head, head)


def test_a_record_is_checked_while_it_is_in_use(proven) -> None:
    proven.grow(100)
    assert check_file(proven.place).sound
    assert check_file(proven.place).whole == proven.record.head()


def test_checking_writes_nothing(settled: Path) -> None:
    before = settled.read_bytes()
    check_file(settled)
    assert settled.read_bytes() == before
    assert [path.name for path in settled.parent.iterdir()] == [settled.name]


def test_a_broken_page_loses_its_own_facts_and_no_others(settled: Path) -> None:
    page = pages_of(settled, "stored_events")[5]
    overwrite(settled, page)
    report = check_file(settled)
    [lost] = [one for one in report.findings if one.damage is Damage.UNREADABLE]
    assert 0 < lost.last - lost.first < 50
    assert report.whole == report.head - (lost.last - lost.first + 1)
    assert f"positions {lost.first} to {lost.last} (pe1 version" in lost.what
    assert "backup" in lost.remedy
    assert {one.damage for one in report.findings} == {Damage.UNREADABLE, Damage.FILE}


def test_the_newest_page_is_missed_when_it_is_broken(settled: Path) -> None:
    overwrite(settled, pages_of(settled, "stored_events")[-1])
    report = check_file(settled)
    [lost] = [one for one in report.findings if one.damage is Damage.UNREADABLE]
    assert lost.last == report.head


def test_facts_are_whole_where_only_the_index_is_broken_and_a_backup_is_sound(settled: Path, proven) -> None:
    page = pages_of(settled, "sqlite_autoindex_stored_events_1")[-1]
    with settled.open("rb") as file:
        file.seek((page - 1) * PAGE)
        broken = bytearray(file.read(PAGE))
    broken[-40:-20] = bytes(20)
    overwrite(settled, page, bytes(broken))
    report = check_file(settled)
    assert damages(report) == [(Damage.FILE, 0, 0)]
    assert report.whole == report.head
    assert "understudy backup" in report.findings[0].remedy
    back_up(proven.record, proven.home / "copy.sqlite", home=proven.home)
    assert check_file(proven.home / "copy.sqlite").sound


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500])
def test_a_file_of_which_nothing_can_be_read_is_said_to_be_lost(settled: Path, content: bytes) -> None:
    settled.write_bytes(content)
    report = check_file(settled)
    assert damages(report) == [(Damage.FILE, 0, 0)]
    assert "nothing in" in report.findings[0].what
    assert "restore" in report.findings[0].remedy


def test_a_file_that_was_cut_off_has_the_facts_before_the_cut(settled: Path) -> None:
    whole, size = check_file(settled).whole, settled.stat().st_size
    with settled.open("r+b") as file:
        file.truncate(size * 2 // 3 // PAGE * PAGE)
    report = check_file(settled)
    assert not report.sound
    assert 50 < report.whole < whole


@pytest.mark.parametrize("within", [0, 100, 2000, 4000])
def test_of_a_file_that_was_cut_off_nothing_is_said_to_be_edited(settled: Path, within: int) -> None:
    whole, size = check_file(settled), settled.stat().st_size
    left = size // 2 // PAGE * PAGE + within
    with settled.open("r+b") as file:
        file.truncate(left)
    report = check_file(settled)
    cut = f"the file was cut off: {left} bytes are left of {size}"
    assert report.sqlite == cut
    *lost, file_itself = report.findings
    assert (file_itself.damage, file_itself.first) == (Damage.FILE, 0)
    assert file_itself.what.startswith(f"{cut}; what came after position {report.head} is lost, too")
    assert {one.damage for one in lost} <= {Damage.UNREADABLE}
    assert "edited" not in " ".join(one.remedy for one in report.findings)
    # Every position is in one finding, or whole.
    assert sum(one.last - one.first + 1 for one in lost) + report.whole == report.head
    assert 250 < report.head <= whole.head


def test_a_page_of_other_positions_is_not_taken_for_those_that_belong_there(settled: Path) -> None:
    third, fourth = pages_of(settled, "stored_events")[3:5]
    content = settled.read_bytes()[(fourth - 1) * PAGE : fourth * PAGE]
    overwrite(settled, third, content)
    report = check_file(settled)
    assert all(0 <= one.first <= one.last <= report.head for one in report.findings)
    assert report.whole < report.head


def test_what_sqlite_says_is_said_in_one_line(settled: Path) -> None:
    for page in pages_of(settled, "stored_events")[3:6]:
        overwrite(settled, page)
    report = check_file(settled)
    assert "\n" not in report.sqlite
    assert "***" not in report.sqlite
    assert report.sqlite in report.findings[-1].what


def test_a_position_that_cannot_be_decoded_is_said_once(settled: Path, proven) -> None:
    proven.edit("UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 77")
    [found] = check_file(settled).findings
    assert found.what.count("77") == 1


def test_a_log_that_cannot_be_used_where_nothing_can_be_written_is_said(proven, tmp_path: Path) -> None:
    proven.grow(10)
    copied = tmp_path / "copied" / "record.sqlite"
    copied.parent.mkdir()
    for ending in ("", "-wal"):
        copied.with_name(copied.name + ending).write_bytes(Path(f"{proven.place}{ending}").read_bytes())
    for path in (*copied.parent.iterdir(), copied.parent):
        path.chmod(path.stat().st_mode & ~0o222)
    check = "import sys, pathlib, audit.fsck as f; print(f.check_file(pathlib.Path(sys.argv[1])).findings[0].remedy)"
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-c", check, str(copied)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    copied.parent.chmod(0o755)
    assert "its log lies beside it and cannot be used there" in done.stdout, done.stderr


def test_a_root_page_that_is_gone_does_not_take_hours(settled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.salvage.TRIES", 100)
    overwrite(settled, 2)
    report = check_file(settled)
    assert {one.damage for one in report.findings} == {Damage.UNREADABLE, Damage.FILE}
    assert (report.findings[0].first, report.findings[0].last) == (1, report.head)


EDITS = {
    "DELETE FROM stored_events WHERE position IN (100, 101)": (Damage.MISSING, 100, 101),
    "DELETE FROM stored_events WHERE position = 1": (Damage.MISSING, 1, 1),
    "UPDATE stored_events SET state = '{}' WHERE position = 77": (Damage.UNDECODABLE, 77, 77),
    "UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 77": (Damage.UNDECODABLE, 77, 77),
    "UPDATE stored_events SET topic = 'card.levitated.v1' WHERE position = 77": (Damage.UNDECODABLE, 77, 77),
    "UPDATE stored_events SET originator_version = 9000 WHERE position = 77": (Damage.OUT_OF_PLACE, 77, 77),
    """UPDATE stored_events SET state = CAST(replace(CAST(state AS TEXT), '"causation":', '"causation":9') AS BLOB)
        WHERE position = 77""": (Damage.IMPOSSIBLE, 77, 77),
    "UPDATE stored_events SET originator_id = 'pe1', originator_version = 9000 WHERE originator_id = '@audit'": (
        Damage.IMPOSSIBLE,
        0,
        0,
    ),
}


@pytest.mark.parametrize("statement", EDITS)
def test_what_was_edited_past_the_program_is_found_at_its_position(settled: Path, proven, statement: str) -> None:
    proven.edit(statement)
    found = damages(check_file(settled))
    damage, first, last = EDITS[statement]
    if first:
        assert (damage, first, last) in found
    else:
        assert damage in {one for one, *_ in found}


def test_one_edit_is_not_said_of_all_that_follows(settled: Path, proven) -> None:
    proven.edit("UPDATE stored_events SET state = '{}' WHERE position = 77")
    assert damages(check_file(settled)) == [(Damage.UNDECODABLE, 77, 77)]


def test_very_many_findings_are_counted_and_not_all_listed(settled: Path, proven, monkeypatch) -> None:
    monkeypatch.setattr(audit.fsck, "MOST_FINDINGS", 10)
    proven.edit("UPDATE stored_events SET state = '{}' WHERE position <= 50")
    report = check_file(settled)
    assert (len(report.findings), report.omitted) == (10, 40)


def test_projections_are_compared_where_facts_are_whole_only(settled: Path, proven) -> None:
    assert damages(check_file(settled, projections=lambda: "the alarms of pe1 differ")) == [(Damage.PROJECTION, 0, 0)]
    proven.edit("DELETE FROM stored_events WHERE position = 100")
    report = check_file(settled, projections=lambda: pytest.fail("not to be asked"))
    assert report.projections == "not compared: facts are damaged"


def test_a_record_of_a_newer_program_is_not_judged(settled: Path) -> None:
    with closing(sqlite3.connect(settled, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RecordNewerError):
        check_file(settled)


@pytest.fixture
def archived(settled: Path, proven, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr(audit.archive, "POSITIONS_OF_A_SEGMENT", 200)
    done = archive(proven.record, 480, "noc")
    proven.close()
    files = [settled.parent / one.file for one in done.segments]
    for file in files:
        file.chmod(0o644)
    return files


def test_an_archived_record_is_sound(settled: Path, archived: list[Path]) -> None:
    report = check_file(settled)
    assert report.findings == ()
    assert (report.archived, len(archived)) == (480, 3)


def test_an_archived_file_that_is_missing_is_named(settled: Path, archived: list[Path]) -> None:
    archived[1].unlink()
    report = check_file(settled)
    assert (Damage.ARCHIVE, 201, 400) in damages(report)
    assert archived[1].name in " ".join(one.what for one in report.findings)
    assert report.whole == report.head - 200


def test_an_archived_file_that_was_edited_is_named(settled: Path, archived: list[Path]) -> None:
    content = archived[0].read_bytes()
    archived[0].write_bytes(content.replace(b'"detail":"it is full"', b'"detail":"it was fun"', 1))
    report = check_file(settled)
    assert damages(report) == [(Damage.ARCHIVE, 1, 200)]
    assert "its root is another one" in report.findings[0].what


def test_an_archived_file_that_is_damaged_loses_its_own_facts_only(settled: Path, archived: list[Path]) -> None:
    overwrite(archived[2], pages_of(archived[2], "stored_events")[2])
    report = check_file(settled)
    [lost] = [one for one in report.findings if one.damage is Damage.UNREADABLE]
    assert 400 < lost.first <= lost.last <= 480


def test_rows_that_a_dead_process_left_in_the_table_are_said(settled: Path, proven, monkeypatch) -> None:
    monkeypatch.setattr("events.store.sqlite.SqliteRecorder.remove_archived", lambda _recorder, _limit: 0)
    archive(proven.record, 300, "noc")
    proven.close()
    report = check_file(settled)
    assert damages(report) == [(Damage.ARCHIVE, 1, 300)]
    assert "audit archive again" in report.findings[0].remedy


def test_a_record_in_any_store_is_checked_through_it(stored) -> None:
    stored.grow(300)
    report = check_record(stored.record, projections=lambda: "")
    assert report.sound
    assert report.whole == stored.record.head()


SCHEMAS = {
    "DROP TRIGGER facts_are_never_updated": "the trigger facts_are_never_updated is missing",
    "DROP TRIGGER facts_are_never_deleted": "the trigger facts_are_never_deleted is missing",
    """CREATE TRIGGER mine AFTER INSERT ON stored_events
        BEGIN INSERT INTO stored_events SELECT NULL, 'pe1', 9, '', x'' WHERE 0; END""": "makes no trigger 'mine'",
    'CREATE TABLE "x\x1b[2J" (y)': r"makes no table 'x\\x1b\[2J'",
    "CREATE INDEX mine ON stored_events (topic)": "makes no index 'mine'",
    "CREATE VIEW mine AS SELECT 1": "makes no view 'mine'",
    """DROP TRIGGER facts_are_never_updated; CREATE TRIGGER facts_are_never_updated BEFORE UPDATE ON stored_events
        BEGIN SELECT 1; END""": "the trigger facts_are_never_updated is not what this program makes",
}


@pytest.mark.parametrize("statement", SCHEMAS)
def test_tables_and_guards_that_are_not_the_programs_are_named(settled: Path, statement: str) -> None:
    with closing(sqlite3.connect(settled, isolation_level=None)) as connection:
        connection.executescript(statement)
    report = check_file(settled, projections=lambda: "")
    assert damages(report) == [(Damage.SCHEMA, 0, 0)]
    assert re.search(SCHEMAS[statement], report.findings[0].what)
    assert report.projections == "ok"


def test_what_sqlite_keeps_for_itself_is_not_foreign(settled: Path) -> None:
    with closing(sqlite3.connect(settled, isolation_level=None)) as connection:
        connection.execute("ANALYZE")
    assert check_file(settled).sound


def plant(path: Path, position: int) -> None:
    """Puts the next fact of pe1 at a position of one's own choice, as anybody can who may write to the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            """INSERT INTO stored_events SELECT ?, originator_id, originator_version + 1, topic, state
            FROM stored_events WHERE originator_id = 'pe1' ORDER BY originator_version DESC LIMIT 1""",
            [position],
        )


@pytest.mark.parametrize("position", [0, -10])
def test_rows_before_the_first_position_are_found(settled: Path, position: int) -> None:
    plant(settled, position)
    report = check_file(settled)
    assert damages(report) == [(Damage.OUT_OF_PLACE, position, position)]
    assert "a copy without these rows" in report.findings[0].remedy


@pytest.mark.parametrize("position", [0, -10])
def test_a_row_before_the_first_position_does_not_hide_what_is_archived(
    settled: Path, archived: list[Path], proven, position: int
) -> None:
    plant(settled, position)
    assert damages(check_file(settled)) == [(Damage.OUT_OF_PLACE, position, position)]
    assert [one.position for one in proven.record.read()] == list(range(1, proven.record.head() + 1))
    assert proven.record.recorder.oldest_in_table() == 481
    assert len(archived) == 3


@pytest.mark.usefixtures("archived")
def test_a_row_at_an_archived_position_is_found(settled: Path) -> None:
    plant(settled, 250)
    report = check_file(settled)
    assert damages(report) == [(Damage.OUT_OF_PLACE, 250, 250)]
    assert "are not those that were archived from there" in report.findings[0].what


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE archived_streams SET originator_version = 40 WHERE originator_id = 'pe1'",
        "UPDATE archived_streams SET originator_version = 9000 WHERE originator_id = 'pe1'",
        "DELETE FROM archived_streams WHERE originator_id = 'pe1'",
        "INSERT INTO archived_streams VALUES ('pe1 ', 7)",
    ],
)
def test_what_is_said_of_archived_streams_is_compared_with_what_is_there(settled: Path, statement: str) -> None:
    with closing(sqlite3.connect(settled, isolation_level=None)) as connection:
        connection.execute(statement)
    report = check_file(settled)
    assert damages(report) == [(Damage.ARCHIVE, 1, 480)]
    assert report.findings[0].what.startswith("the newest archived version of 'pe1")


@pytest.mark.usefixtures("archived")
def test_tables_of_the_archive_in_a_record_that_says_it_has_none_are_foreign(settled: Path) -> None:
    with closing(sqlite3.connect(settled, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 1")
    report = check_file(settled)
    assert {one.damage for one in report.findings} == {Damage.SCHEMA}
