"""The supervisor as a thread: it lives through whatever the world does, and several share one record."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from events.causes import Scope, SyncMode
from events.commands import SetSyncMode
from events.errors import RecordAwayError
from events.facts import Slot, SupervisionStarted, SupervisionStopped, SyncSucceeded
from events.state import Health
from producers.lock import ChassisBusyError
from producers.station import Station
from producers.supervision import Settings, Supervisor
from producers.supervision.looking import look_at

PATIENCE_SECONDS = 30.0
QUICK = Settings(probe_interval=0.05, probe_failures=3, retry_first=0.05, settling=0.05)


@pytest.fixture
def supervise(station: Station) -> Iterator[Callable[..., Supervisor]]:
    """Supervises on a thread until the end of the test."""
    running: list[tuple[Supervisor, threading.Thread]] = []

    def begin(settings: Settings = QUICK) -> Supervisor:
        supervisor = Supervisor(station, settings)
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        running.append((supervisor, thread))
        assert supervisor.watching.wait(PATIENCE_SECONDS)
        return supervisor

    yield begin
    for supervisor, thread in running:
        supervisor.stop()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def until(station: Station, kind: Any, after: int = 0) -> Any:
    with station.record.follow(after=after) as facts:
        timer = threading.Timer(PATIENCE_SECONDS, facts.stop)
        timer.start()
        found = next((one.fact for one in facts if isinstance(one.fact, kind)), None)
        timer.cancel()
        timer.join()
    assert found is not None
    return found


def test_it_records_when_it_begins_and_ends(station, supervise) -> None:
    supervise().stop()

    assert until(station, SupervisionStarted).process == until(station, SupervisionStopped).process


def test_there_is_one_of_them_for_a_chassis(station, supervise) -> None:
    supervise()

    with pytest.raises(ChassisBusyError):
        Supervisor(station, QUICK).run()


def test_whatever_the_world_does_it_goes_on_and_says_once_what_was_the_matter(
    station, supervise, monkeypatch, caplog
) -> None:
    broken, looks = threading.Event(), threading.Semaphore(0)

    def failing(*what: Any) -> Any:
        looks.release()
        if broken.is_set():
            raise OSError(28, "No space left on device")
        return look_at(*what)

    monkeypatch.setattr("producers.supervision.supervisor.look_at", failing)
    station.record.execute("pe1", SetSyncMode(mode=SyncMode.CONFIG, operator="operator"))
    broken.set()
    with caplog.at_level(logging.WARNING):
        supervise()
        for _ in range(5):
            assert looks.acquire(timeout=PATIENCE_SECONDS)
    assert [entry.getMessage() for entry in caplog.records] == [
        "pe1: [Errno 28] No space left on device; supervision goes on"
    ]

    broken.clear()

    assert until(station, SyncSucceeded).scope is Scope.CONFIG


def test_that_the_record_is_away_is_left_to_the_store_to_say(station, supervise, monkeypatch, caplog) -> None:
    away, looks = threading.Event(), threading.Semaphore(0)

    def failing(*what: Any) -> Any:
        looks.release()
        if away.is_set():
            raise RecordAwayError("cannot reach the record")
        return look_at(*what)

    monkeypatch.setattr("producers.supervision.supervisor.look_at", failing)
    station.record.execute("pe1", SetSyncMode(mode=SyncMode.CONFIG, operator="operator"))
    away.set()
    with caplog.at_level(logging.WARNING):
        supervise()
        for _ in range(5):
            assert looks.acquire(timeout=PATIENCE_SECONDS)
    assert caplog.records == []

    away.clear()

    assert until(station, SyncSucceeded).scope is Scope.CONFIG


def test_a_card_is_gone_after_a_row_of_missed_probes_however_often_it_is_looked_at(
    station, supervise, standby: Path, monkeypatch
) -> None:
    looked = threading.Semaphore(0)

    def counted(card: Any, known: Any) -> Any:
        if card.slot is Slot.B:
            looked.release()
        return look_at(card, known)

    supervise(Settings(probe_interval=3600.0, probe_failures=2, settling=0.05))
    standby.rename(standby.with_name("pulled"))
    monkeypatch.setattr("producers.supervision.supervisor.look_at", counted)
    for mode in (SyncMode.CONFIG, SyncMode.OFF) * 4:
        station.record.execute("pe1", SetSyncMode(mode=mode, operator="operator"))
        assert looked.acquire(timeout=PATIENCE_SECONDS)

    assert station.state().cards[Slot.B].health is Health.IN_SERVICE


def test_one_record_serves_many_threads_at_once(station) -> None:
    """Every append of every thread is there once, and the versions have no gap."""
    errors: list[BaseException] = []

    def toggle() -> None:
        try:
            for mode in (SyncMode.CONFIG, SyncMode.BOOT_ENV, SyncMode.OFF) * 10:
                station.record.execute("pe1", SetSyncMode(mode=mode, operator="operator"))
                station.state()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    threads = [threading.Thread(target=toggle) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert errors == []
    versions = [one.version for one in station.record.read_chassis("pe1")]
    assert versions == list(range(1, len(versions) + 1))
    assert station.state().version == versions[-1]
