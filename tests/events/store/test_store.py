"""What is appended to the record is there, once, in order, and stays."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from events.causes import Scope, SyncMode
from events.commands import Command, FinishSwitchover, Provision, SetSyncMode, StartSupervision, StartSync
from events.errors import CommandRefusedError, EventDecodeError, EventEncodeError, UnknownChassisError
from events.evolve import evolve
from events.facts import CardInserted, ChassisProvisioned, SupervisionStarted, SyncModeSet, SyncStarted, Trigger
from events.state import ChassisState
from events.store import Record
from events.store.place import Place

Open = Callable[..., Record]
Sql = Callable[[str], list[Any]]

NIGHT = datetime(2026, 1, 5, 2, 13, tzinfo=UTC)
START = StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL)


def seen(number: int) -> StartSupervision:
    return StartSupervision(host="mgmt1", process=number)


def numbers(record: Record) -> list[int]:
    return [one.fact.process for one in record.read() if isinstance(one.fact, SupervisionStarted)]


def test_a_new_record_is_empty(open_record: Open) -> None:
    record = open_record()
    assert (record.head(), record.chassis(), list(record.read())) == (0, [], [])


def test_an_append_returns_the_facts_as_they_stand_in_the_record(open_record: Open, provision: Provision) -> None:
    record = open_record()
    recorded = record.execute("pe1", provision)
    assert [type(one.fact) for one in recorded] == [ChassisProvisioned, CardInserted, CardInserted]
    assert recorded == list(record.read()) == list(record.read_chassis("pe1"))


def test_positions_number_the_whole_record_and_versions_each_stream_both_without_a_gap(
    record: Record, provision: Provision
) -> None:
    record.execute("pe2", provision)
    record.execute_all([("pe1", seen(1)), ("pe2", seen(2)), ("pe1", seen(3))])
    everything = list(record.read())
    assert [one.position for one in everything] == list(range(1, 10))
    assert [one.version for one in everything if one.chassis == "pe1"] == [1, 2, 3, 4, 5]
    assert [one.version for one in everything if one.chassis == "pe2"] == [1, 2, 3, 4]
    assert record.head() == 9
    assert record.chassis() == ["pe1", "pe2"]


def test_an_empty_decision_records_nothing(record: Record) -> None:
    assert record.execute("pe1", SetSyncMode(mode=SyncMode.OFF, operator="noc")) == []
    assert record.head() == 3


def test_no_commands_record_nothing(record: Record) -> None:
    assert record.execute_all([]) == []
    assert record.head() == 3


def test_the_first_fact_of_a_decision_causes_the_others(record: Record) -> None:
    recorded = record.execute("pe1", START)
    assert [(one.causation, one.correlation) for one in recorded] == [(0, "sync-1"), (4, "sync-1")]


def test_a_record_that_is_opened_again_has_everything(record: Record, open_record: Open) -> None:
    record.execute("pe1", START)
    everything, state = list(record.read()), record.state("pe1")
    record.close()
    again = open_record(create=False)
    assert list(again.read()) == everything
    assert again.state("pe1") == state


def test_the_state_is_the_fold_of_the_stream(record: Record) -> None:
    record.execute("pe1", START)
    state = ChassisState("pe1")
    for recorded in record.read_chassis("pe1"):
        state = evolve(state, recorded.fact)
    assert record.state("pe1") == state


def test_two_openings_of_one_record_see_what_the_other_one_appends(record: Record, open_record: Open) -> None:
    other = open_record()
    record.execute("pe1", START)
    assert other.state("pe1").attempts == 1
    other.execute("pe1", START)
    assert record.state("pe1").attempts == 2
    assert list(record.read()) == list(other.read())


def test_more_facts_than_are_read_at_once_are_read_in_order(record: Record) -> None:
    record.execute_all([("pe1", seen(number)) for number in range(11000)])
    assert [one.position for one in record.read()] == list(range(1, 11004))
    assert [one.version for one in record.read_chassis("pe1", after_version=3)] == list(range(4, 11004))
    assert [one.position for one in record.read(after=4990, until=10010)] == list(range(4991, 10011))
    assert list(record.read(after=11003)) == []


def test_a_batch_is_decided_command_by_command_on_the_state_that_the_former_ones_leave(record: Record) -> None:
    recorded = record.execute_all([("pe1", START), ("pe1", START)])
    attempts = [one.fact.attempt for one in recorded if isinstance(one.fact, SyncStarted)]
    assert attempts == [1, 2]
    assert recorded == list(record.read(after=3))


def test_a_batch_with_a_refused_command_records_nothing_of_any_command(record: Record, open_record: Open) -> None:
    state = record.state("pe1")
    with pytest.raises(CommandRefusedError, match="switchover 9 is not running"):
        record.execute_all([("pe1", START), ("pe1", seen(1)), ("pe1", FinishSwitchover(switchover=9, duration_ms=1))])
    assert record.head() == open_record().head() == 3
    assert record.state("pe1") == state


def test_a_batch_with_a_fact_that_cannot_be_stored_records_nothing(record: Record) -> None:
    with pytest.raises(EventEncodeError, match=r"cannot record 'supervision\.started\.v1' of pe1"):
        record.execute_all([("pe1", START), ("pe1", seen(-1))])
    assert record.head() == 3
    assert record.state("pe1").attempts == 0


def test_an_unknown_chassis_takes_no_command(record: Record) -> None:
    with pytest.raises(UnknownChassisError, match="'pe9' is not provisioned"):
        record.execute("pe9", START)
    assert record.chassis() == ["pe1"]


class Overtaken(list[tuple[str, Command]]):
    """Commands during whose decision another writer is faster, once."""

    def __init__(self, commands: list[tuple[str, Command]], overtake: Callable[[], object]) -> None:
        super().__init__(commands)
        self.overtake = overtake
        self.times = 0

    def __iter__(self) -> Iterator[tuple[str, Command]]:
        self.times += 1
        for number, command in enumerate(super().__iter__()):
            if number == 1 and self.times == 1:
                self.overtake()
            yield command


def test_what_lost_against_another_writer_is_decided_again_on_the_new_state(record: Record, open_record: Open) -> None:
    other = open_record()
    commands = Overtaken([("pe1", START), ("pe1", seen(1))], lambda: other.execute("pe1", START))
    record.execute_all(commands)
    everything = [one.fact for one in record.read()]
    assert commands.times == 2
    assert [fact.attempt for fact in everything if isinstance(fact, SyncStarted)] == [1, 2]
    assert numbers(record) == [1]
    assert [one.version for one in record.read()] == list(range(1, len(everything) + 1))


def test_what_is_refused_on_the_new_state_records_nothing(record: Record, open_record: Open) -> None:
    other = open_record()

    def mode(mode: SyncMode) -> tuple[str, Command]:
        return "pe1", SetSyncMode(mode=mode, operator="noc")

    commands = Overtaken([mode(SyncMode.CONFIG)] * 2, lambda: other.execute_all([mode(SyncMode.CONFIG)]))
    assert record.execute_all(commands) == []
    assert [one.fact for one in record.read(after=3)] == [SyncModeSet(mode=SyncMode.CONFIG, operator="noc")]


def test_threads_that_share_a_record_append_every_fact_once(record: Record) -> None:
    with ThreadPoolExecutor(6) as pool:
        appends = [pool.submit(record.execute, "pe1", seen(number)) for number in range(120)]
    assert [len(append.result()) for append in appends] == [1] * 120
    assert sorted(numbers(record)) == list(range(120))
    assert [one.version for one in record.read()] == list(range(1, 124))


def test_a_clock_that_is_set_back_does_not_turn_the_times_of_a_stream_back(
    open_record: Open, place: Place, provision: Provision
) -> None:
    now = NIGHT
    record = open_record(place, lambda: now)
    record.execute("pe1", provision)
    now = NIGHT - timedelta(hours=1)
    record.execute("pe1", seen(1))
    record.close()
    now = NIGHT + timedelta(seconds=1)
    open_record(place, lambda: now).execute("pe1", seen(2))
    times = [one.recorded_at for one in open_record().read()]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert times[-2:] == [NIGHT, NIGHT + timedelta(seconds=1)]


def test_an_opening_that_did_not_record_the_newest_fact_does_not_turn_the_times_back_either(
    open_record: Open, place: Place, provision: Provision
) -> None:
    fast = open_record(place, lambda: NIGHT + timedelta(hours=3))
    slow = open_record(place, lambda: NIGHT)
    fast.execute("pe1", provision)
    assert [one.recorded_at for one in slow.execute("pe1", seen(1))] == [NIGHT + timedelta(hours=3)]


def test_the_time_at_the_source_is_kept_as_given_also_where_it_is_far_from_the_time_here(
    record: Record, open_record: Open, place: Place
) -> None:
    there = datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-7)))
    record.execute("pe1", seen(1), occurred_at=there)
    (recorded,) = open_record(place).read(after=3)
    assert recorded.occurred_at == there
    assert recorded.occurred_at.tzinfo is UTC
    assert recorded.recorded_at.year > 2000


def test_without_a_time_at_the_source_it_is_the_time_here(record: Record) -> None:
    (recorded,) = record.execute("pe1", seen(1))
    assert recorded.occurred_at == recorded.recorded_at


def test_a_time_at_the_source_without_a_zone_is_refused_and_records_nothing(record: Record) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        record.execute("pe1", seen(1), occurred_at=NIGHT.replace(tzinfo=None))
    assert record.head() == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET state = '{}' WHERE position = 1",
        "UPDATE stored_events SET position = 99 WHERE position = 1",
        "DELETE FROM stored_events WHERE position = 3",
        "DELETE FROM stored_events",
    ],
)
def test_a_recorded_fact_is_neither_changed_nor_deleted(record: Record, execute_sql: Sql, statement: str) -> None:
    before = list(record.read())
    with pytest.raises(Exception, match="the record is append-only"):
        execute_sql(statement)
    assert list(record.read()) == before


def test_a_stored_name_that_nobody_knows_is_an_error_wherever_it_is_read(
    record: Record, execute_sql: Sql, open_record: Open
) -> None:
    execute_sql(
        "INSERT INTO stored_events (position, originator_id, originator_version, topic, state) "
        "VALUES (4, 'pe1', 4, 'card.levitated.v1', '{}')"
    )
    place = r"position 4 \(pe1 version 4\)"
    for read in (lambda: list(record.read()), lambda: record.state("pe1"), lambda: open_record().execute("pe1", START)):
        with pytest.raises(EventDecodeError, match=rf"unknown stored name 'card\.levitated\.v1' at {place}"):
            read()


def test_stray_variables_of_the_shell_do_not_change_how_facts_are_stored(
    monkeypatch: pytest.MonkeyPatch, open_record: Open, execute_sql: Sql, provision: Provision
) -> None:
    for name, value in {
        "PERSISTENCE_MODULE": "eventsourcing.popo",
        "UNDERSTUDY_PERSISTENCE_MODULE": "eventsourcing.popo",
        "COMPRESSOR_TOPIC": "zlib",
        "SQLITE_DBNAME": ":memory:",
        "POSTGRES_URL": "postgresql://nowhere/",
        "CREATE_TABLE": "no",
    }.items():
        monkeypatch.setenv(name, value)
    open_record().execute("pe1", provision)
    [(state,)] = execute_sql("SELECT state FROM stored_events WHERE position = 2")
    assert state.endswith(b'"fact":{"slot":"A"}}')


@pytest.mark.parametrize("name", ["pe1", "Zürich 1", "a" * 300, "pe'1\"; --", "%2F?mode=memory"])
def test_a_stream_is_named_as_its_chassis_whatever_the_name(open_record: Open, provision: Provision, name: str) -> None:
    record = open_record()
    record.execute(name, provision)
    assert record.chassis() == [name]
    assert record.state(name).version == 3
