"""Notes of the audit in the record: a stream of their own, positions like all facts, from any number of processes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from events.audit_commands import NoteRead, PlaceHold, ReleaseHold
from events.causes import SyncMode
from events.commands import SetSyncMode
from events.errors import CommandRefusedError, UnknownChassisError
from events.facts import AUDIT_STREAM, HoldPlaced, HoldReleased, Question, ReadNoted
from events.store import Record

READ = NoteRead(what=Question.AS_OF, query="3", operator="noc")
READ_TWENTY_TIMES = """
for number in range(20):
    from events.audit_commands import NoteRead, PlaceHold, ReleaseHold
    record.note(NoteRead(what=Question.AS_OF, query=str(number), operator="noc"))
    record.execute("pe1", StartSupervision(host="mgmt1", process=number))
    record.note(PlaceHold(name=f"{sys.argv[2]}-{number}", reason="why", operator="noc"))
"""


def test_a_note_gets_the_next_position_and_a_version_of_its_own_stream(record: Record) -> None:
    first = record.note(READ)
    second = record.note(PlaceHold(name="case-7", reason="why", operator="noc"))
    assert [(one.position, one.version, one.chassis) for one in (first, second)] == [
        (4, 1, AUDIT_STREAM),
        (5, 2, AUDIT_STREAM),
    ]
    assert list(record.read_chassis(AUDIT_STREAM)) == [first, second] == list(record.read(after=3))
    assert isinstance(first.fact, ReadNoted)


def test_the_audit_stream_is_no_chassis(record: Record) -> None:
    record.note(READ)
    assert record.chassis() == ["pe1"]
    with pytest.raises(UnknownChassisError):
        record.execute(AUDIT_STREAM, SetSyncMode(mode=SyncMode.CONFIG, operator="noc"))


def test_a_release_names_what_placed_the_hold(record: Record) -> None:
    placed = record.note(PlaceHold(name="case-7", reason="why", operator="noc"))
    record.note(READ)
    released = record.note(ReleaseHold(name="case-7", reason="done", operator="noc"))
    assert isinstance(placed.fact, HoldPlaced)
    assert isinstance(released.fact, HoldReleased)
    assert (released.causation, released.correlation) == (placed.version, placed.correlation)


def test_what_is_refused_is_not_noted(record: Record) -> None:
    record.note(PlaceHold(name="case-7", reason="why", operator="noc"))
    head = record.head()
    with pytest.raises(CommandRefusedError):
        record.note(PlaceHold(name="case-7", reason="again", operator="noc"))
    assert record.head() == head


def test_times_of_notes_never_run_backwards(open_record: Callable[..., Record]) -> None:
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    times = iter([noon, noon - timedelta(hours=1)])
    record = open_record(clock=lambda: next(times))
    assert [record.note(READ).recorded_at for _ in range(2)] == [noon, noon]


def test_processes_that_note_at_once_lose_none_and_leave_no_gap(record: Record, worker: Callable[..., object]) -> None:
    workers = [worker(READ_TWENTY_TIMES, name) for name in ("a", "b")]
    assert [one.wait(60) for one in workers] == [0, 0]  # type: ignore[attr-defined] # a process
    notes = list(record.read_chassis(AUDIT_STREAM))
    assert [one.version for one in notes] == list(range(1, 81))
    assert [one.position for one in record.read()] == list(range(1, record.head() + 1))
    assert len(record.audit_state().holds) == 40
