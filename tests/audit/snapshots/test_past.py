"""With snapshots or without: the past is what the facts say, on both axes, whatever came late."""

import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.snapshots.folding import Folding
from audit.snapshots.following import catch_up
from audit.snapshots.past import Past
from events.facts import AlarmKey, AlarmRaised, CardInserted, Severity, Slot
from projections import alarm_list, redundancy, sync_history, tallies
from projections.as_of import Axis

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
"""When the records of these tests begin."""
FULL = AlarmKey(resource="pe1/B", alarm_type="card-removed")
RAISED = AlarmRaised(alarm=FULL, severity=Severity.MAJOR, text="gone")


def naive(facts: list[Any], moment: Any, axis: Axis) -> tuple[Any, Any, int]:
    """Every fact that counts, sorted, folded one by one."""
    if isinstance(moment, int):
        counted = [one for one in facts if one.position <= moment]
    elif axis is Axis.KNOWN:
        counted = [one for one in facts if moment is None or one.recorded_at <= moment]
    else:
        counted = [one for one in facts if moment is None or one.occurred_at <= moment]
    if axis is Axis.HAPPENED:
        counted.sort(key=lambda one: (one.occurred_at, one.position))
    state, alarms = redundancy.EMPTY, alarm_list.EMPTY
    for one in counted:
        state, alarms = redundancy.evolve(state, one), alarm_list.evolve(alarms, one)
    return state, alarms, len(counted)


lateness = st.one_of(st.just(0.0), st.just(0.0), st.just(0.0), st.integers(-4, 30).map(float))


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_on_both_axes_at_any_moment_the_answer_is_the_fold_of_all_facts_sorted(
    told_class: Any, any_fact: Any, data: st.DataObject
) -> None:
    story = data.draw(st.lists(st.tuples(any_fact, lateness, st.sampled_from(["pe1", "pe1", "pe2"])), max_size=60))
    caught_up = data.draw(st.sets(st.integers(0, 60), max_size=3))
    with tempfile.TemporaryDirectory() as folder:
        told = told_class(Path(folder))
        with closing(told.record), closing(told.open(write=True)) as first:
            first.begin(b"of the empty record")
            snapshots = None
            for number, (fact, late, chassis) in enumerate(story):
                told.tell(fact, chassis=chassis, late=late)
                if number in caught_up:
                    if snapshots is None:
                        first.close()
                        snapshots = told.open(write=True)
                    catch_up(told.record, snapshots)
            past = Past(told.record, snapshots)
            for chassis, facts in told.facts.items():
                one, other = data.draw(st.sampled_from(facts)), data.draw(st.sampled_from(facts))
                for moment in (one.position, one.recorded_at, other.occurred_at, None):
                    for axis in Axis:
                        found = past.picture(chassis, moment, axis)
                        assert (found.redundancy, found.alarms, found.facts) == naive(facts, moment, axis)
                    states, reached = past.known(chassis, moment)
                    assert (states.redundancy, states.alarms, reached.facts) == naive(facts, moment, Axis.KNOWN)
                states = past.known(chassis).states
                for fold, state in ((sync_history, states.history), (tallies, states.tallies)):
                    expected = fold.EMPTY
                    for each in facts:
                        expected = fold.evolve(expected, each)
                    assert state == expected
                assert past.alarms(chassis) == states.alarms
            if snapshots is not None:
                snapshots.close()


def test_an_answer_needs_no_more_facts_than_lie_between_two_snapshots(told: Any) -> None:
    told.tell(*[CardInserted(slot=Slot.A)] * 400)
    told.tell(RAISED, late=100)
    told.tell(*[CardInserted(slot=Slot.A)] * 400)
    with closing(told.open(write=True)) as snapshots:
        catch_up(told.record, snapshots)
        for fact in told.facts["pe1"][::40]:
            for axis in Axis:
                for moment in (fact.position, fact.recorded_at):
                    past = Past(told.record, snapshots)
                    past.picture("pe1", moment, axis)
                    # What had happened by then is sorted from the newest place that no late fact reaches across.
                    near = axis is Axis.KNOWN or not 280 <= fact.version <= 420
                    assert past.folded <= (2 * snapshots.every if near else 130)


def test_a_late_fact_counts_from_when_it_happened_on_one_axis_and_from_when_it_was_recorded_on_the_other(
    told: Any,
) -> None:
    told.tell(*[CardInserted(slot=Slot.A)] * 20)
    told.tell(RAISED, late=10)
    told.tell(CardInserted(slot=Slot.B))
    with closing(told.open(write=True)) as snapshots:
        catch_up(told.record, snapshots)
        past, late = Past(told.record, snapshots), told.facts["pe1"][20]
        before = late.recorded_at - timedelta(seconds=1)
        assert not past.picture("pe1", before, Axis.KNOWN).alarms.alarms
        assert past.picture("pe1", before, Axis.HAPPENED).alarms.alarms
        assert past.picture("pe1", late.recorded_at, Axis.KNOWN).alarms.alarms
        assert not past.picture("pe1", late.occurred_at - timedelta(seconds=1), Axis.HAPPENED).alarms.alarms
        assert [one.position for one in past.late("pe1", 22, 5)] == [21]


def test_what_was_recorded_since_the_snapshots_were_made_counts_too(told: Any) -> None:
    told.tell(*[CardInserted(slot=Slot.A)] * 23)
    with closing(told.open(write=True)) as snapshots:
        catch_up(told.record, snapshots)
        told.tell(RAISED, late=15)
        past = Past(told.record, snapshots)
        assert past.known("pe1").reached.facts == 24
        for axis in Axis:
            assert past.picture("pe1", None, axis).alarms.alarms


def test_a_snapshot_after_a_late_fact_has_it_where_it_happened(told: Any) -> None:
    other = AlarmKey(resource="pe1/A", alarm_type="card-removed")
    told.tell(*[CardInserted(slot=Slot.A)] * 12)
    told.tell(AlarmRaised(alarm=other, severity=Severity.MAJOR, text="gone"))
    told.tell(RAISED, late=5)
    told.tell(*[CardInserted(slot=Slot.A)] * 30)
    with closing(told.open(write=True)) as snapshots:
        catch_up(told.record, snapshots)
        assert next(one.version for one in snapshots.happened("pe1")) > 40
        found = Past(told.record, snapshots).picture("pe1", None, Axis.HAPPENED)
        assert (found.redundancy, found.alarms, found.facts) == naive(told.facts["pe1"], None, Axis.HAPPENED)
        indices = {key.split()[0]: alarm.index for key, alarm in found.alarms.alarms.items()}
        assert indices == {"pe1/B": 1, "pe1/A": 2}


def test_a_late_fact_that_no_snapshot_covers_yet_counts_once(told: Any) -> None:
    told.tell(*[CardInserted(slot=Slot.A)] * 7)
    with closing(told.open(write=True)) as snapshots:
        catch_up(told.record, snapshots)
        told.tell(*[CardInserted(slot=Slot.A)] * 98)
        told.tell(RAISED, late=80)
        told.tell(*[CardInserted(slot=Slot.A)] * 40)
        # Whoever keeps them dies after the first window, which does not end where a snapshot is due.
        snapshots.keep([next(Folding(told.record, "pe1", snapshots, told.record.head()).windows())])
        assert snapshots.newest("pe1").version < snapshots.late("pe1")[-1].version
        moment = START + timedelta(seconds=50)
        found = Past(told.record, snapshots).picture("pe1", moment, Axis.HAPPENED)
        assert (found.redundancy, found.alarms, found.facts) == naive(told.facts["pe1"], moment, Axis.HAPPENED)


@pytest.mark.parametrize(
    "edit",
    [
        "snapshots SET redundancy = 'x'",
        "snapshots SET recorded_at = 'x'",
        "snapshots SET latest = 1 << 62",
        "snapshots SET alarms = 5",
        "chunks SET attempts = 5",
    ],
)
def test_a_snapshot_with_values_of_another_kind_costs_no_answer(told: Any, edit: str) -> None:
    told.tell(*[CardInserted(slot=Slot.A)] * 12, RAISED)
    with closing(told.open(write=True)) as snapshots:
        catch_up(told.record, snapshots)
    with closing(sqlite3.connect(told.snapshots)) as connection, connection:
        connection.execute(f"UPDATE {edit}")
    with closing(told.open()) as snapshots:
        assert Past(told.record, snapshots).known("pe1") == Past(told.record).known("pe1")
        assert Past(told.record, snapshots).alarms("pe1") == Past(told.record).alarms("pe1")
        for axis in Axis:
            found = Past(told.record, snapshots).picture("pe1", None, axis)
            assert (found.redundancy, found.alarms, found.facts) == naive(told.facts["pe1"], None, axis)
