"""All that is kept is compared, not the newest snapshot alone: older ones, their attempts, and what came late."""

import itertools
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.snapshots import comparing
from audit.snapshots.digest import rebuild_verdict
from audit.snapshots.following import catch_up
from audit.snapshots.states import ALARMS, REDUNDANCY
from events.causes import Scope
from events.facts import AlarmKey, AlarmRaised, CardInserted, Severity, Slot, SyncStarted, SyncSucceeded, Trigger
from projections import alarm_list, redundancy

RAISED = AlarmRaised(
    alarm=AlarmKey(resource="pe1/B", alarm_type="card-removed"), severity=Severity.MAJOR, text="Card B was removed."
)

HOMES = itertools.count()


@pytest.fixture
def kept(told: Any) -> Any:
    """A record of one chassis whose facts come late now and then, its snapshots kept several times."""
    for number in range(1, 240):
        told.tell(SyncStarted(attempt=number, scope=Scope.CONFIG, trigger=Trigger.RETRY, source=Slot.A, standby=Slot.B))
        told.tell(
            SyncSucceeded(
                attempt=number, scope=Scope.CONFIG, standby=Slot.B, files=(), bytes_copied=7, duration_ms=number
            ),
            late=2.5 if number in {20, 60, 61} else 0,
        )
        told.tell(RAISED, late=4.5 if number == 90 else 0)
        if number % 37 == 0:
            follow(told)
    follow(told)
    return told


def follow(told: Any) -> None:
    with closing(told.open(write=True)) as snapshots:
        catch_up(told.record, snapshots)


def count(told: Any, table: str) -> int:
    with closing(sqlite3.connect(told.snapshots)) as connection:
        return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def test_nothing_differs_where_nobody_has_touched_it(kept: Any) -> None:
    assert all(count(kept, table) for table in ("snapshots", "chunks", "happened", "late"))
    assert rebuild_verdict(kept.record, kept.snapshots).differs is None


EARLY = "rowid = (SELECT rowid FROM {} ORDER BY version LIMIT 1)"
PACKED = {"alarms": ALARMS.pack(alarm_list.EMPTY), "redundancy": REDUNDANCY.pack(redundancy.EMPTY)}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE snapshots SET alarms = :alarms WHERE version = 100", "alarms up to version 100"),
        ("UPDATE snapshots SET redundancy = :redundancy WHERE version = 5", "redundancy up to version 5"),
        ("UPDATE snapshots SET recorded_at = recorded_at - 1 WHERE version = 200", "place up to version 200"),
        ("UPDATE snapshots SET position = 1 WHERE version = 200", "place up to version 200"),
        ("DELETE FROM chunks WHERE number = (SELECT MAX(number) FROM chunks)", "history"),
        ("INSERT INTO chunks SELECT chassis, number + 1, attempts FROM chunks LIMIT 1", "history"),
        (f"UPDATE happened SET alarms = :alarms WHERE {EARLY.format('happened')}", "alarms in the order of occurrence"),
        (f"UPDATE happened SET latest = latest + 1 WHERE {EARLY.format('happened')}", "place in the order of "),
        ("UPDATE late SET occurred_at = occurred_at + 1", "late facts up to version "),
        ("DELETE FROM late WHERE version = (SELECT MAX(version) FROM late)", "late facts up to version "),
    ],
)
def test_what_was_edited_is_named(kept: Any, statement: str, said: str) -> None:
    with closing(sqlite3.connect(kept.snapshots)) as connection, connection:
        assert connection.execute(statement, PACKED).rowcount
    differs = rebuild_verdict(kept.record, kept.snapshots).differs
    assert differs is not None
    assert (differs.chassis, differs.fold[: len(said)]) == ("pe1", said)


@given(seed=st.integers(0, 10**6), data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_happens_however_late_nothing_that_is_kept_differs(
    tell: Callable[..., Any], any_fact: st.SearchStrategy[Any], seed: int, data: st.DataObject
) -> None:
    told, chance = tell(f"home-{next(HOMES)}"), random.Random(seed)
    facts = data.draw(st.lists(any_fact, min_size=20, max_size=60))
    for fact in facts:
        told.tell(fact, late=chance.choice((0, 0, 0, 0, 1.5, 6.0)))
        if chance.random() < 0.1:
            follow(told)
    assert rebuild_verdict(told.record, told.snapshots).differs is None


def test_a_fact_more_than_is_kept_is_no_difference(kept: Any) -> None:
    kept.tell(CardInserted(slot=Slot.A))
    assert rebuild_verdict(kept.record, kept.snapshots).differs is None
    assert comparing.digest_of(1) != comparing.digest_of(2)
