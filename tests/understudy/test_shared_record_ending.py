"""What runs on a record in PostgreSQL ends when it is told to, though the server is away, or frozen."""

import signal
import subprocess
import threading
import time
from contextlib import closing
from typing import Any

import psycopg
import pytest

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql-restarts"), pytest.mark.timeout(180)]

SOON_SECONDS = 40.0
GROUP = ("--group", "noc", "--from", "beginning")
_WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
_BREATH = threading.Event()
"""Never set: a pause between two looks."""


@pytest.fixture
def bare(bare: Any, server: Any) -> Any:
    """As everywhere, with the record in a database of that server."""
    bare.env["UNDERSTUDY_STORE"] = server.url(server.new_database())
    return bare


def until_somebody_waits(url: str) -> None:
    """Waits until a statement waits for a lock."""
    deadline = time.monotonic() + SOON_SECONDS
    with closing(psycopg.connect(url, autocommit=True)) as looking:
        while not looking.execute(_WAITING).rowcount:
            assert time.monotonic() < deadline
            _BREATH.wait(0.02)


def test_a_run_that_is_stopped_while_the_server_is_away_ends_cleanly(installed, server, start, quick) -> None:
    running = start(installed, *quick)
    running.until_printed("watches over")
    server.stop()
    running.until_printed("waits for it")
    assert running.signal(signal.SIGTERM) == 0
    assert "Error" not in running.printed()


@pytest.mark.parametrize("more", [("--from", "beginning"), GROUP], ids=["alone", "group"])
def test_a_subscriber_that_is_stopped_while_the_server_is_frozen_ends_soon(
    installed, server, freeze, start, more
) -> None:
    running, url = start(installed, "subscribe", "events", *more), installed.place
    running.until_printed("Base Card B")
    with closing(psycopg.connect(url)) as holding:
        holding.execute("LOCK TABLE stored_events IN ACCESS EXCLUSIVE MODE")
        server.execute(holding.info.dbname, "NOTIFY understudy")
        until_somebody_waits(url)
        freeze()
        running.process.send_signal(signal.SIGTERM)
        try:
            assert running.process.wait(SOON_SECONDS) == 0
        except subprocess.TimeoutExpired:
            pytest.fail(f"it runs still: {running.printed()}")
        holding.close()
