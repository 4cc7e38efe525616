"""What is archived is read as before: nothing is edited, lost or used twice, whenever the process dies."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import IntegrityError

import audit.archive
from audit.archive import ArchiveFailedError, archive, archived_roots
from audit.backup import back_up
from audit.merkle import Frontier, leaf_hashes
from events.audit_commands import NoteRead, PlaceHold, ReleaseHold
from events.commands import StartSupervision
from events.errors import CommandRefusedError, RecordNewerError, RecordUnreadableError
from events.facts import AUDIT_STREAM, Question, RecordArchived
from events.store import Record
from events.store.sqlite import KNOWN, TABLES

STEPS = ("write_rows", "_compare", "link_in_place", "note_archived", "remove_archived")
DIE = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import audit.archive as module
from events.store import Record
from events.store.sqlite import SqliteRecorder

step, when, segment = sys.argv[2], sys.argv[3], int(sys.argv[4])
module.POSITIONS_OF_A_SEGMENT, module.REMOVED_AT_ONCE = 40, 7
owner = {"note_archived": Record, "remove_archived": SqliteRecorder}.get(step, module)
real, calls = getattr(owner, step), 0

def mortal(*arguments, **named):
    global calls
    calls += 1
    if when == "before" and calls == segment:
        os.kill(os.getpid(), signal.SIGKILL)
    answer = real(*arguments, **named)
    if when == "after" and calls == segment:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

setattr(owner, step, mortal)
with Record(Path(sys.argv[1]), lambda: datetime.now(UTC)) as record:
    module.archive(record, 100, "noc")
"""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit.archive, "POSITIONS_OF_A_SEGMENT", 40)
    monkeypatch.setattr(audit.archive, "REMOVED_AT_ONCE", 7)


@pytest.fixture
def before(proven) -> list[Any]:
    """The facts of a record with three chassis, before anything is archived."""
    proven.grow(60, "pe1", "pe3")
    proven.grow(60, "pe2", "pe1")
    proven.record.note(NoteRead(what=Question.AS_OF, query="3", operator="noc"))
    proven.grow(5, "pe2")
    return list(proven.record.read())


def segments(proven) -> list[str]:
    return sorted(path.name for path in (proven.home / "archive").iterdir())


def reads_as(record: Record, before: list[Any]) -> None:
    """Everything that can be asked for is as it was, but for what was noted since."""
    everything = list(record.read())
    assert everything[: len(before)] == before
    assert [one.position for one in everything] == list(range(1, record.head() + 1))
    assert record.chassis() == sorted({one.chassis for one in before} - {AUDIT_STREAM})
    for after, until in ((0, 3), (39, 41), (40, 80), (79, None), (len(before) - 1, None), (5, 100)):
        wanted = [one for one in everything if after < one.position <= (until or record.head())]
        assert list(record.read(after=after, until=until)) == wanted
    for name in (*record.chassis(), AUDIT_STREAM):
        stream = [one for one in everything if one.chassis == name]
        for after in (0, 1, len(stream) // 2, len(stream) - 1, len(stream)):
            assert list(record.read_chassis(name, after_version=after)) == stream[after:]
        newest_first = record.recorder.select_events(name, desc=True, limit=len(stream) - 1)
        assert [one.originator_version for one in newest_first] == [one.version for one in stream[:0:-1]]
        bounded = record.recorder.select_events(name, gt=1, lte=len(stream) - 1, limit=7)
        assert [one.originator_version for one in bounded] == [one.version for one in stream[1:-1]][:7]


def test_everything_is_read_as_before(proven, before) -> None:
    opened_before = proven.record
    state = opened_before.state("pe1")
    with Record(proven.place, opened_before._clock) as other:
        list(other.read())
        done = archive(other, 100, "noc")
        assert [(one.first, one.last) for one in done.segments] == [(1, 40), (41, 80), (81, 100)]
        reads_as(other, before)
    reads_as(opened_before, before)
    assert opened_before.recorder.oldest_in_table() == 101
    proven.close()
    reads_as(proven.record, before)
    assert proven.record.state("pe1") == state


def test_facts_go_on_with_the_next_positions_and_versions(proven, before) -> None:
    archive(proven.record, proven.record.head(), "noc")
    head, version = proven.record.head(), proven.record.state("pe3").version
    [one] = proven.record.execute("pe3", StartSupervision(host="mgmt1", process=1))
    assert (one.position, one.version) == (head + 1, version + 1)
    proven.close()
    proven.grow(30, "pe1", "pe2", "pe3")
    reads_as(proven.record, before)


def test_who_follows_the_record_goes_through_the_archive(proven, before) -> None:
    with proven.record.follow(after=38) as facts:
        first = next(facts)
        archive(proven.record, 100, "noc")
        found = [first, *(next(facts) for _ in range(proven.record.head() - 39))]
    assert found == list(proven.record.read(after=38))
    with proven.record.follow() as facts:
        assert [next(facts) for _ in before] == before


def test_each_segment_is_noted_with_its_root(proven, before) -> None:
    done = archive(proven.record, 100, "noc")
    rows = proven.record.recorder.select_rows(after=0, limit=None)
    for one in done.segments:
        tree = Frontier()
        tree.extend(leaf_hashes(rows[one.first - 1 : one.last]))
        assert tree.root().hex() == one.root == archived_roots(proven.record)[one.file]
    notes = [one.fact for one in proven.record.read(after=len(before))]
    assert [type(one) for one in notes] == [RecordArchived] * 3


def test_the_newest_fact_stays_and_nothing_is_archived_twice(proven, before) -> None:
    assert archive(proven.record, 10**9, "noc").until == len(before) - 1
    assert archive(proven.record, 50, "noc").segments == ()
    more = archive(proven.record, 10**9, "noc").segments
    assert [one.first for one in more] == [len(before)]
    reads_as(proven.record, before)


def test_a_hold_stops_it_and_its_release_lets_it_go_on(proven, before) -> None:
    proven.record.note(PlaceHold(name="case-7", reason="examined", operator="noc"))
    with pytest.raises(CommandRefusedError, match=r"case-7 \(examined\)"):
        archive(proven.record, 100, "noc")
    assert not (proven.home / "archive").exists()
    proven.record.note(ReleaseHold(name="case-7", reason="done", operator="noc"))
    assert archive(proven.record, 100, "noc").until == 100
    reads_as(proven.record, before)


def test_a_hold_that_is_placed_meanwhile_stops_it_between_two_segments(proven, before, monkeypatch) -> None:
    put = audit.archive.link_in_place

    def put_and_hold(written: Path, target: Path) -> None:
        put(written, target)
        proven.record.note(PlaceHold(name="case-7", reason="examined", operator="noc"))

    monkeypatch.setattr(audit.archive, "link_in_place", put_and_hold)
    with pytest.raises(CommandRefusedError, match="case-7"):
        archive(proven.record, 100, "noc")
    assert proven.record.recorder.archived() == 0
    assert proven.record.recorder.oldest_in_table() == 1
    reads_as(proven.record, before)


@pytest.mark.parametrize("segment", [1, 2])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_dies_at_any_step_loses_nothing(proven, before, step: str, when: str, segment: int) -> None:
    proven.close()
    killed = subprocess.run(
        [sys.executable, "-c", DIE, str(proven.place), step, when, str(segment)], check=False, timeout=60
    )
    assert killed.returncode == -9
    reads_as(proven.record, before)
    proven.grow(5, "pe1")
    done = archive(proven.record, 100, "noc")
    assert done.until == 100
    assert proven.record.recorder.oldest_in_table() == 101
    reads_as(proven.record, before)
    notes = [one.fact for one in proven.record.read() if isinstance(one.fact, RecordArchived)]
    assert [(one.first, one.last) for one in notes] == [(1, 40), (41, 80), (81, 100)]
    assert len([name for name in segments(proven) if not name.startswith(".")]) == 3


def test_two_that_archive_at_once_do_it_once(proven, before) -> None:
    script = DIE.replace("os.kill(os.getpid(), signal.SIGKILL)", "pass")
    command = [sys.executable, "-c", script, str(proven.place), "link_in_place", "before", "0"]
    proven.close()
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=60)[1] for one in both]
    assert all("Error" in one or one == "" for one in said)
    archive(proven.record, 100, "noc")
    assert proven.record.recorder.oldest_in_table() == 101
    notes = [one.fact for one in proven.record.read() if isinstance(one.fact, RecordArchived)]
    assert sorted((one.first, one.last) for one in notes) == [(1, 40), (41, 80), (81, 100)]
    reads_as(proven.record, before)


ARCHIVE_SLOWLY = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import audit.archive as module
from events.store import Record

def slow(path, tables, batches):
    print("writing", flush=True)
    sys.stdin.readline()
    write(path, tables, batches)

write, module.write_rows = module.write_rows, slow
with Record(Path(sys.argv[1]), lambda: datetime.now(UTC)) as record:
    module.archive(record, 100, "noc")
"""


@pytest.mark.parametrize("by_another_name", [False, True])
def test_only_one_process_at_a_time_archives_a_record(proven, before, by_another_name: bool) -> None:
    place = proven.place
    if by_another_name:
        place = proven.home / "link.sqlite"
        place.symlink_to(proven.place)
    command = [sys.executable, "-c", ARCHIVE_SLOWLY, str(proven.place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "writing\n"
        with (
            Record(place, lambda: datetime.now(UTC)) as record,
            pytest.raises(CommandRefusedError, match=r"another process archives this record: .* try again"),
        ):
            archive(record, 100, "noc")
        first.communicate("go on\n", timeout=60)
    assert first.returncode == 0
    assert proven.record.recorder.oldest_in_table() == 101
    reads_as(proven.record, before)


def exchange(path: Path, rows: list[Any]) -> None:
    """Puts a file of other rows where a segment lies."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        for statement in TABLES:
            connection.execute(statement)
        connection.executemany("INSERT INTO stored_events VALUES (?, ?, ?, ?, ?)", rows)
        connection.commit()


def test_no_row_leaves_the_table_when_the_file_of_that_name_became_another(proven, before, monkeypatch) -> None:
    def link_and_exchange(written: Path, target: Path) -> None:
        link(written, target)
        exchange(target, [])

    link = audit.archive.link_in_place
    monkeypatch.setattr(audit.archive, "link_in_place", link_and_exchange)
    with pytest.raises(RecordUnreadableError, match="it has 0 facts and not those from 1 to 40"):
        archive(proven.record, 100, "noc")
    assert proven.record.recorder.archived() == 0
    reads_as(proven.record, before)


def test_a_file_that_came_meanwhile_is_not_replaced(proven, before, monkeypatch) -> None:
    def come_first(written: Path, target: Path) -> None:
        target.write_text("precious")
        link(written, target)

    link = audit.archive.link_in_place
    monkeypatch.setattr(audit.archive, "link_in_place", come_first)
    with pytest.raises(ArchiveFailedError, match="File exists"):
        archive(proven.record, 100, "noc")
    [name] = segments(proven)
    assert (proven.home / "archive" / name).read_text() == "precious"
    reads_as(proven.record, before)


def test_what_is_missing_in_an_archived_file_is_not_passed_over(proven, before) -> None:
    [first, *_] = archive(proven.record, 100, "noc").segments
    rows = proven.record.recorder.select_rows(after=0, limit=40)
    exchange(proven.home / first.file, rows[:30])
    assert list(proven.record.read(until=30)) == before[:30]
    for after, until in ((0, None), (20, 31), (35, 60)):
        with pytest.raises(RecordUnreadableError, match="not all archived events 1 to 40 are in"):
            list(proven.record.read(after=after, until=until))
    assert proven.record.recorder.select_rows(after=0, limit=30) == rows[:30]


def test_a_file_that_a_process_was_writing_when_it_died_does_not_stay(proven, before) -> None:
    proven.close()
    command = [sys.executable, "-c", DIE, str(proven.place), "link_in_place", "before", "1"]
    assert subprocess.run(command, check=False, timeout=60).returncode == -9
    assert [name for name in segments(proven) if name.startswith(".")]
    archive(proven.record, 100, "noc")
    assert not [name for name in segments(proven) if name.startswith(".")]
    reads_as(proven.record, before)


def test_a_version_of_an_archived_fact_is_never_used_again(proven, before) -> None:
    stale = next(one for one in before if one.chassis == "pe3")
    archive(proven.record, len(before) - 1, "noc")
    with pytest.raises(IntegrityError):
        proven.record.recorder.insert_rows(lambda: [("pe3", stale.version, "supervision.started.v1", b"{}")])
    reads_as(proven.record, before)


def test_a_file_that_is_gone_is_named(proven, before) -> None:
    [first, *_] = archive(proven.record, 100, "noc").segments
    (proven.home / first.file).rename(proven.home / "elsewhere")
    newest = list(proven.record.read(after=100))
    assert newest[0].position == 101
    with pytest.raises(RecordUnreadableError, match=rf"{first.file} are not there: put the file back"):
        list(proven.record.read())
    with pytest.raises(RecordUnreadableError, match=first.file):
        list(proven.record.read_chassis("pe1"))
    (proven.home / "elsewhere").rename(proven.home / first.file)
    reads_as(proven.record, before)


def test_a_file_of_that_name_with_other_facts_is_not_used(proven, before) -> None:
    with Record(proven.home / "other.sqlite", proven.record._clock) as other:
        other.note(NoteRead(what=Question.AS_OF, query="3", operator="noc"))
        for number in range(60):
            other.note(NoteRead(what=Question.AS_OF, query=str(number), operator="noc"))
        archive(other, 40, "noc")
    with pytest.raises(ArchiveFailedError, match="move it away"):
        archive(proven.record, 100, "noc")
    reads_as(proven.record, before)


def test_a_backup_has_what_is_archived_and_can_be_archived_again(proven, before) -> None:
    archive(proven.record, 100, "noc")
    (proven.home / "away").mkdir()
    back_up(proven.record, proven.home / "away" / "copy.sqlite", home=proven.home)
    (proven.home / "away" / "copy.sqlite").chmod(0o644)
    with Record(proven.home / "away" / "copy.sqlite", proven.record._clock) as copy:
        assert copy.recorder.oldest_in_table() == 1
        reads_as(copy, before)
        archive(copy, 50, "noc")
        reads_as(copy, before)


@pytest.mark.usefixtures("before")
def test_a_program_that_does_not_know_archives_does_not_open_one(proven, monkeypatch) -> None:
    archive(proven.record, 100, "noc")
    proven.close()
    monkeypatch.setattr("events.store.sqlite.KNOWN", KNOWN - 1)
    with pytest.raises(RecordNewerError, match="use a newer Understudy"):
        assert proven.record


@pytest.mark.usefixtures("before")
def test_rows_are_as_safe_after_an_archive_as_before(proven) -> None:
    archive(proven.record, 100, "noc")
    for statement in ("DELETE FROM stored_events WHERE position > 100", "UPDATE stored_events SET topic = ''"):
        with (
            closing(sqlite3.connect(proven.place, isolation_level=None)) as direct,
            pytest.raises(sqlite3.DatabaseError, match="append-only"),
        ):
            direct.execute(statement)
    for name in segments(proven):
        assert not (proven.home / "archive" / name).stat().st_mode & 0o222


@pytest.mark.postgresql
@pytest.mark.xdist_group("postgresql")
def test_a_record_in_postgresql_says_that_its_server_keeps_everything(postgres_url: str) -> None:
    with (
        Record(postgres_url, lambda: datetime.now(UTC)) as record,
        pytest.raises(CommandRefusedError, match="PostgreSQL is not archived"),
    ):
        archive(record, 100, "noc")


@pytest.mark.usefixtures("before")
def test_progress_comes_to_its_goal(proven) -> None:
    told: list[tuple[int, int]] = []
    archive(proven.record, 100, "noc", progress=lambda done, goal: told.append((done, goal)))
    assert told == sorted(told)
    assert told[-1] == (100, 100)


@pytest.mark.usefixtures("before")
def test_a_segment_of_which_no_event_speaks_is_said_and_its_rows_stay(proven) -> None:
    [first, *_] = archive(proven.record, 30, "noc").segments
    proven.close()
    with closing(sqlite3.connect(proven.place, isolation_level=None)) as direct:
        direct.execute("INSERT INTO archived_segments VALUES (31, 50, 'archive/mine.sqlite')")
    oldest = proven.record.recorder.oldest_in_table()
    with pytest.raises(RecordUnreadableError, match=r"no event says that archive/mine\.sqlite was archived; see: und"):
        archive(proven.record, 100, "noc")
    assert proven.record.recorder.oldest_in_table() == oldest == first.last + 1
