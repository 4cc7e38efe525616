"""Supervision of a chassis whose cards are on another host."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.causes import SyncMode
from events.commands import Provision, SetSyncMode
from events.envelope import Recorded
from events.facts import (
    AlarmRaised,
    CardFailed,
    CardLocation,
    FilesChanged,
    Slot,
    SwitchoverCompleted,
    SyncSucceeded,
    Watch,
)
from events.store import Record
from producers.file_locks import FileLocks
from producers.station import Station
from producers.supervision import Settings, Supervisor

pytestmark = pytest.mark.ssh
PATIENCE_SECONDS = 60.0
BRISK = Settings(probe_interval=0.1, probe_failures=2, retry_first=0.1, retry_limit=0.5, settling=0.1)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    opened = Record(tmp_path / "record.sqlite", lambda: datetime.now(UTC))
    yield opened
    opened.close()


@pytest.fixture
def supervise(record: Record, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Supervises two cards, A active, boot-env mode, in a thread."""
    running: list[tuple[Supervisor, threading.Thread]] = []

    def begin(a: str, b: str) -> None:
        cards = (CardLocation(slot=Slot.A, location=a), CardLocation(slot=Slot.B, location=b))
        both = (Slot.A, Slot.B)
        record.execute("pe1", Provision(cards=cards, active=Slot.A, equipped=both, operator="noc"))
        record.execute("pe1", SetSyncMode(mode=SyncMode.BOOT_ENV, operator="noc"))
        supervisor = Supervisor(Station(record, "pe1", FileLocks(tmp_path / "locks")), BRISK)
        running.append((supervisor, threading.Thread(target=supervisor.run)))
        running[-1][1].start()

    yield begin
    for supervisor, thread in running:
        supervisor.stop()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def until(record: Record) -> Callable[..., Recorded]:
    """The first fact of a kind after a position."""

    def wait(kind: type, *, after: int = 0) -> Recorded:
        with record.follow(after=after) as facts:
            timer = threading.Timer(PATIENCE_SECONDS, facts.stop)
            timer.start()
            try:
                for one in facts:
                    if isinstance(one.fact, kind):
                        return one
            finally:
                timer.cancel()
                timer.join()
        raise AssertionError("\n".join(str(one.fact) for one in record.read()))

    return wait


def test_a_configuration_saved_on_another_host_is_noticed_by_polling(
    supervise, until, record, behind, sshd, active, standby
) -> None:
    supervise(behind(sshd, active, slot=Slot.A).location, str(standby))
    until(SyncSucceeded)
    head = record.head()

    (active / "cf3/pe1.cfg").write_text("saved over there\n")

    assert until(FilesChanged, after=head).fact.noticed is Watch.POLLED
    until(SyncSucceeded, after=head)
    assert (standby / "cf3/pe1.cfg").read_text() == "saved over there\n"


def test_the_death_of_the_active_card_s_host_leads_to_a_takeover(
    supervise, until, behind, sshd, active, standby
) -> None:
    supervise(behind(sshd, active, slot=Slot.A).location, str(standby))
    until(SyncSucceeded)

    sshd.stop()

    assert until(CardFailed).fact.slot is Slot.A
    assert until(SwitchoverCompleted).fact.active is Slot.B


def test_the_death_of_the_standby_s_host_is_a_failed_card(supervise, until, behind, sshd, active, standby) -> None:
    supervise(str(active), behind(sshd, standby).location)
    until(SyncSucceeded)
    sshd.stop()
    failed = until(CardFailed)
    assert failed.fact.slot is Slot.B
    raised = until(AlarmRaised, after=failed.position).fact
    assert raised.alarm.alarm_type == "card-failed"
