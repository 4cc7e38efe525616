"""Facts of the audit go through all that reads the record, and make no chassis of their stream."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from consumers.cloudevents import fact_message, read_fact
from consumers.prometheus.board import Board
from consumers.subscription.following_record import RecordSource
from events.audit_commands import NoteRead, PlaceHold
from events.commands import Provision
from events.facts import AUDIT_STREAM, CardLocation, Question, Slot
from events.store import Record
from projections import redundancy
from projections.alarm_changes import AlarmChanges
from projections.replaying import Fleet, alarm_lists, replay, sync_histories

CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """Chassis pe1, and two facts of the audit after it."""
    with closing(Record(tmp_path / "record.sqlite", lambda: datetime.now(UTC))) as opened:
        opened.execute("pe1", Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc"))
        opened.note(NoteRead(what=Question.AS_OF, query="3", operator="noc"))
        opened.note(PlaceHold(name="case-7", reason="examined", operator="noc"))
        yield opened


def test_the_board_comes_to_the_head_and_knows_one_chassis(record: Record) -> None:
    board = Board()
    for recorded in record.read():
        board.apply(recorded)
    assert board.position == record.head() == 5
    assert list(board.standings()) == list(board.take_changed()) == ["pe1"]


def test_folds_know_one_chassis(record: Record) -> None:
    fleets = (Fleet(redundancy.EMPTY, redundancy.evolve), alarm_lists(), sync_histories())
    assert replay(record.read(), fleets).position == record.head()
    assert list(fleets[0].states) == ["pe1"]
    assert AUDIT_STREAM not in {*fleets[1].states, *fleets[2].states}


def test_they_change_no_alarm(record: Record) -> None:
    changes = AlarmChanges()
    assert not [change for recorded in record.read() for change in changes.apply(recorded)]


def test_they_are_published_under_the_key_of_their_stream(record: Record) -> None:
    placed = list(record.read())[-1]
    message = fact_message(placed)
    assert message.key == b"@audit"
    assert read_fact(message) == placed


@pytest.mark.parametrize("after", [0, 4])
def test_who_subscribes_to_events_is_told(record: Record, after: int) -> None:
    with RecordSource(record).events(after, until_now=True) as events:
        assert list(events) == list(record.read(after=after))


def test_who_subscribes_to_alarms_comes_past_them(record: Record) -> None:
    with RecordSource(record).alarms(0, until_now=True) as updates:
        assert not list(updates)
