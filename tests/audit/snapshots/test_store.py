"""Snapshots are disposable: what is not of these folds and of this very record is not used, and made again."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from audit.snapshots import store
from audit.snapshots.digest import rebuild_verdict
from audit.snapshots.following import catch_up, catch_up_chassis
from audit.snapshots.past import Past
from audit.snapshots.rebuilding import SnapshotsUnwritableError, rebuild
from events.facts import AlarmKey, AlarmRaised, CardInserted, Severity, Slot

RAISED = AlarmRaised(
    alarm=AlarmKey(resource="pe1/B", alarm_type="card-removed"), severity=Severity.MAJOR, text="Card B was removed."
)


@pytest.fixture
def kept(told: Any) -> Any:
    """A record of two chassis, whose snapshots are made."""
    for _ in range(6):
        told.tell(CardInserted(slot=Slot.A), RAISED)
        told.tell(CardInserted(slot=Slot.B), chassis="pe2")
    with closing(told.open(write=True)) as snapshots:
        catch_up(told.record, snapshots)
    return told


def edit(told: Any, statement: str) -> None:
    with closing(sqlite3.connect(told.snapshots)) as connection, connection:
        connection.execute(statement)


def test_there_is_one_every_so_many_facts_and_one_of_the_newest(kept: Any) -> None:
    with closing(kept.open()) as snapshots:
        assert [one.version for one in snapshots.in_order("pe1")] == [12, 10, 5]
        assert [one.version for one in snapshots.in_order("pe2")] == [6, 5]
        assert snapshots.tracked() == kept.record.head() == 18


def test_the_newest_one_of_last_time_gives_way_to_the_next(kept: Any) -> None:
    kept.tell(RAISED)
    with closing(kept.open(write=True)) as snapshots:
        catch_up(kept.record, snapshots)
        assert [one.version for one in snapshots.in_order("pe1")] == [13, 10, 5]
        assert snapshots.tracked() == 19


def test_the_nearest_one_is_found_by_version_position_and_time(kept: Any) -> None:
    fact = kept.facts["pe1"][9]
    with closing(kept.open()) as snapshots:
        past = Past(kept.record, snapshots)
        for found in (
            past.nearest("pe1", version=11),
            past.nearest("pe1", position=fact.position),
            past.nearest("pe1", recorded_at=fact.recorded_at),
        ):
            assert found is not None
            assert found.version == 10
        assert past.nearest("pe1", version=4) is None


def test_those_of_other_folds_are_not_used_and_made_anew(kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FOLDS", store.FOLDS + 1)
    assert kept.open() is None
    with closing(kept.open(write=True)) as snapshots:
        assert snapshots.tracked() == 0
        assert snapshots.newest("pe1") is None


def test_those_of_another_record_are_not_used(kept: Any, tell: Callable[[str], Any]) -> None:
    other = tell("other")
    other.tell(RAISED)
    other.snapshots = kept.snapshots
    assert other.open() is None


def test_those_of_facts_that_the_record_has_lost_are_not_used(kept: Any, tell: Callable[[str], Any]) -> None:
    cut = tell("cut")
    for one in kept.facts["pe1"][:7]:
        row = one.chassis, one.version, *store_row(one)
        cut.record.recorder.insert_rows(lambda row=row: [row])
    with closing(kept.open()) as snapshots:
        snapshots.datastore.close()
    with closing(store.Snapshots(kept.snapshots)) as snapshots:
        past = Past(cut.record, snapshots)
        assert past.nearest("pe1") is None
        assert past.known("pe1").reached.facts == 7
        catch_up(cut.record, snapshots)
        newest = snapshots.newest("pe1")
        assert newest is not None
        assert newest.version == 7


def store_row(recorded: Any) -> tuple[str, bytes]:
    from events.codec import encode  # noqa: PLC0415

    return encode(recorded)


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_costs_time_and_is_made_anew(kept: Any, damage: bytes) -> None:
    for ending in ("-wal", "-shm"):
        kept.snapshots.with_name(kept.snapshots.name + ending).unlink(missing_ok=True)
    kept.snapshots.write_bytes(damage)
    assert kept.open() is None
    assert catch_up_chassis(kept.record, kept.snapshots, "pe1")
    with closing(kept.open()) as snapshots:
        assert snapshots.newest("pe1").version == 12


def test_a_damaged_state_costs_time_and_no_answer(kept: Any) -> None:
    edit(kept, "UPDATE snapshots SET redundancy = x'00', alarms = x'00'")
    with closing(kept.open()) as snapshots:
        past = Past(kept.record, snapshots)
        assert past.known("pe1") == Past(kept.record).known("pe1")
        assert Past(kept.record, snapshots).alarms("pe1") == Past(kept.record).alarms("pe1")


def test_where_none_can_be_written_nothing_fails_but_a_rebuild(kept: Any) -> None:
    nowhere = kept.snapshots.parent / "missing" / "snapshots.sqlite"
    assert not catch_up_chassis(kept.record, nowhere, "pe1")
    with pytest.raises(SnapshotsUnwritableError, match="missing"):
        rebuild(kept.path, nowhere)


def test_a_rebuild_shared_by_processes_is_that_of_one(kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr("audit.snapshots.rebuilding.ALONE", 0)
    monkeypatch.setattr("audit.snapshots.digest.ALONE", 0)
    assert rebuild(kept.path, kept.snapshots, lambda *done: seen.append(done), processes=2) == 18
    assert seen[-1] == (18, 18)
    with closing(store.Snapshots(kept.snapshots)) as snapshots:
        assert snapshots.tracked() == 18
    alone = rebuild_verdict(kept.record, kept.snapshots)
    assert rebuild_verdict(kept.record, kept.snapshots, place=kept.path, processes=2) == alone
    assert alone.agrees
    assert alone.snapshots == alone.chassis == 2


@pytest.mark.parametrize("fold", ["redundancy", "alarms", "history", "tallies"])
def test_a_snapshot_that_says_something_else_is_named_by_chassis_and_fold(kept: Any, fold: str) -> None:
    kept.tell(RAISED, chassis="pe3")
    edit(
        kept,
        f"UPDATE snapshots SET {fold} = (SELECT {fold} FROM snapshots WHERE chassis = 'pe1') WHERE chassis = 'pe2'",
    )
    if fold == "history":
        from audit.snapshots.states import HISTORY  # noqa: PLC0415
        from projections.sync_history import SyncHistory  # noqa: PLC0415

        other = HISTORY.pack(SyncHistory(chassis="other"))
        with closing(sqlite3.connect(kept.snapshots)) as connection, connection:
            connection.execute("UPDATE snapshots SET history = ? WHERE chassis = 'pe2'", (other,))
    verdict = rebuild_verdict(kept.record, kept.snapshots)
    assert not verdict.agrees
    assert verdict.differs is not None
    assert (verdict.differs.chassis, verdict.differs.fold) == ("pe2", fold)
    assert verdict.live != verdict.rebuilt
