"""A server that has the record and does not answer: its host is frozen, or somebody has locked the table."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from events.commands import StartSupervision
from events.errors import RecordAwayError, RecordUnreadableError
from events.store import Record
from events.store.place import Place

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql-restarts"), pytest.mark.timeout(120)]

SOON_SECONDS = 25.0
"""What waits is cut off after 3 seconds, and whoever connects anew gives up after 2; the rest is for a slow machine."""
MANY = 30
"""More than there may be connections."""
_BREATH = threading.Event()


@pytest.fixture
def place(server: Any) -> Place:
    """On a server of its own."""
    url: str = server.url(server.new_database())
    return url


def until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        _BREATH.wait(0.02)


def test_whoever_waits_for_a_frozen_server_is_let_go_in_a_hurry_however_many_they_are(
    record: Record, freeze: Callable[[], None]
) -> None:
    assert record.head() == 3
    freeze()
    with ThreadPoolExecutor(MANY) as pool:
        waiting = [pool.submit(record.head) for _ in range(MANY)]
        _BREATH.wait(1)
        assert not any(one.done() for one in waiting)
        record.hurry()
        began = time.monotonic()
        for one in waiting:
            with pytest.raises(RecordAwayError):
                one.result()
    assert time.monotonic() - began < SOON_SECONDS


def test_a_hurry_does_not_keep_a_server_that_answers_from_recording(record: Record) -> None:
    record.hurry()
    assert record.execute("pe1", StartSupervision(host="mgmt1", process=1))[0].position == 4


@pytest.fixture(params=["lock_timeout", "statement_timeout"])
def impatient(request: Any, server: Any, place: Place, monkeypatch: Any) -> None:
    """The server ends what waits for a lock after a moment, with the one error or with the other."""
    if request.param == "lock_timeout":
        monkeypatch.setattr("events.store.postgresql.connections.LOCK_TIMEOUT", "300ms")
    else:
        server.execute("postgres", "ALTER ROLE noc SET statement_timeout = '300ms'")
    assert place


@pytest.mark.usefixtures("impatient")
def test_who_follows_the_record_outlasts_a_lock_on_its_table(record: Record, place: Place, caplog: Any) -> None:
    import psycopg  # noqa: PLC0415 - an optional part of the program

    with record.follow(after=3) as facts:
        with closing(psycopg.connect(str(place))) as other:
            other.execute("SET statement_timeout = 0")
            other.execute("LOCK TABLE stored_events IN ACCESS EXCLUSIVE MODE")
            record.recorder._bell.ring()  # type: ignore[attr-defined] # PostgreSQL's
            until(lambda: "canceling statement due to" in caplog.text)
        record.execute("pe1", StartSupervision(host="mgmt1", process=1))
        assert next(facts).position == 4
        until(lambda: "is back after" in caplog.text)


@pytest.mark.usefixtures("impatient")
def test_what_cannot_be_appended_because_of_a_lock_is_refused(record: Record, place: Place) -> None:
    import psycopg  # noqa: PLC0415 - an optional part of the program

    record.state("pe1")
    with closing(psycopg.connect(str(place))) as other:
        other.execute("SET statement_timeout = 0")
        other.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
        with pytest.raises(RecordUnreadableError, match=r"cannot use .*: canceling statement due to") as told:
            record.execute("pe1", StartSupervision(host="mgmt1", process=1))
    assert not isinstance(told.value, RecordAwayError)
