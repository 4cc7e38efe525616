"""Locks on a server that is frozen: who waits for it is let go in the end, and no executable runs on for ever."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.commands import Provision, SetSwitchoverExec
from events.errors import RecordAwayError
from events.facts import CardLocation, Slot, SwitchoverFailed, SwitchoverFailure, SwitchoverReason
from events.store import Record
from producers.advisory_locks import AdvisoryLocks
from producers.lock import LockLostError, Purpose
from producers.station import Station
from producers.switchover import UNCONFIRMED_SECONDS, switch_over

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql-restarts"), pytest.mark.timeout(120)]
SOON_SECONDS = 25.0
"""What waits is cut off after 3 seconds; the rest is for a slow machine."""
BEGIN_SECONDS = 60.0


def test_whoever_asks_a_frozen_server_for_a_lock_is_let_go_in_a_hurry(server: Any, freeze: Callable[..., Any]) -> None:
    url = server.url(server.new_database())
    with Record(url, lambda: datetime.now(UTC)), closing(AdvisoryLocks(url)) as locks:
        with locks.hold("pe1", Purpose.SUPERVISION) as held, ThreadPoolExecutor(2) as pool:
            held.check()
            freeze()
            checking, asking = pool.submit(held.check), pool.submit(locks.is_held, "pe2", Purpose.WORK)
            threading.Event().wait(0.5)
            assert not checking.done()
            assert not asking.done()
            locks.hurry()
            began = time.monotonic()
            with pytest.raises(LockLostError):
                checking.result()
            with pytest.raises(RecordAwayError):
                asking.result()
        assert time.monotonic() - began < SOON_SECONDS


@pytest.fixture
def station(server: Any, active: Path, standby: Path) -> Iterator[Station]:
    """Chassis pe1 on a record of that server, with its locks there."""
    url = server.url(server.new_database())
    with Record(url, lambda: datetime.now(UTC)) as record, closing(AdvisoryLocks(url)) as locks:
        cards = (CardLocation(slot=Slot.A, location=str(active)), CardLocation(slot=Slot.B, location=str(standby)))
        record.execute("pe1", Provision(cards=cards, active=Slot.A, equipped=tuple(Slot), operator="noc"))
        yield Station(record, "pe1", locks)


def until(reached: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def runs(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:  # it is gone, maybe since the file was opened
        return False
    return "Z" not in stat.rpartition(")")[2].split()[0]


@pytest.mark.parametrize("limit", [2, 300], ids=["at its time limit", "when nobody knows of the lock"])
def test_an_executable_is_ended_though_the_server_with_the_lock_is_frozen(
    station: Station, server: Any, freeze: Callable[[], None], tmp_path: Path, limit: int
) -> None:
    begun, path = tmp_path / "begun", tmp_path / "switch"
    path.write_text(f"#!/bin/sh\necho $$ > {begun}.new; mv {begun}.new {begun}; exec sleep 300\n")
    path.chmod(0o755)
    station.record.execute("pe1", SetSwitchoverExec(path=str(path), time_limit_seconds=limit, operator="noc"))
    with ThreadPoolExecutor(1) as pool:
        switching = pool.submit(switch_over, station, SwitchoverReason.FORCED, ignore_status=True)
        until(begun.exists, BEGIN_SECONDS)
        process = int(begun.read_text())
        freeze()
        try:
            until(lambda: not runs(process), min(limit, UNCONFIRMED_SECONDS) + SOON_SECONDS)
        finally:
            server.thaw()
        if limit == 2:
            [failed] = [one.fact for one in switching.result() if isinstance(one.fact, SwitchoverFailed)]
            assert failed.failure is SwitchoverFailure.EXEC_TIMED_OUT
        else:
            with pytest.raises(LockLostError, match="nobody has said for 3 s whether the chassis is still locked"):
                switching.result()
