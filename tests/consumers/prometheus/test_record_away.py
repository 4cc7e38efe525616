"""While PostgreSQL is away, hangs, or has lost events, the exporter says so in time, and goes on by itself."""

import re
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from consumers.prometheus.head import PATIENCE_SECONDS
from events.causes import Cause
from events.commands import Failed
from events.store import Record

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql-restarts"), pytest.mark.timeout(120)]
SOON_SECONDS = 10.0
SCRAPES = 10
"""As many would take twice as long as that if each of them waited for the server."""
LOSE = """BEGIN; ALTER TABLE stored_events DISABLE TRIGGER ALL; DELETE FROM stored_events WHERE position > %d;
    ALTER TABLE stored_events ENABLE ALWAYS TRIGGER facts_are_never_changed; COMMIT"""


@pytest.fixture
def url(server: Any) -> str:
    place: str = server.url(server.new_database())
    return place


@pytest.fixture
def client(url: str, story, export) -> Any:
    """Of an exporter over a record in there."""
    record = Record(url, lambda: datetime.now(UTC))
    with closing(record):
        record.execute("pe1", story.provision)
        client = export(record=record)
        yield client
        client.exporter.__exit__(None, None, None)


def asked(client: Any, path: str) -> tuple[int, str, float]:
    """The status, the text, and how many seconds that took."""
    began = time.monotonic()
    status, _, body = client.get(path)
    return status, body.decode(), time.monotonic() - began


def test_while_the_server_is_away_it_says_so_at_once_and_everywhere(client, server, until) -> None:
    assert client.get()[0] == 200
    server.stop()
    for path in (
        "/metrics",
        "/-/ready",
        "/metrics?name[]=understudy_build_info&name[]=understudy_record_head_position",
    ):
        status, text, seconds = asked(client, path)
        assert (status, seconds < SOON_SECONDS) == (503, True), (path, text, seconds)
        # The first answer may be that the server has not said anything in time.
        until(lambda path=path: "cannot reach the record" in asked(client, path)[1] or None, path)
    server.start()
    client.until_status("/-/ready", 200)
    assert client.get()[0] == 200


def test_a_server_that_hangs_is_not_waited_for_by_each_scrape(client, url: str) -> None:
    with psycopg.connect(url) as holding:
        holding.execute("LOCK TABLE stored_events IN ACCESS EXCLUSIVE MODE")
        status, text, seconds = asked(client, "/metrics")
        assert (status, seconds < PATIENCE_SECONDS + SOON_SECONDS) == (503, True)
        assert re.search(r"it has not answered for \d+ s", text)
        answers = [asked(client, "/-/ready") for _ in range(SCRAPES)]
        assert {status for status, _, _ in answers} == {503}
        assert sum(seconds for _, _, seconds in answers) < SOON_SECONDS < SCRAPES * PATIENCE_SECONDS
    client.until_status("/-/ready", 200)


@pytest.mark.parametrize("more", [1, 2], ids=["fewer than before", "more than before"])
def test_what_a_record_has_lost_is_shown_no_more_whatever_came_in_its_place(
    client, url: str, story, make_attempt, until, caplog, more: int
) -> None:
    with closing(Record(url, lambda: datetime.now(UTC))) as lost:
        stood = lost.head()
        make_attempt(lost, 1, Failed(cause=Cause.NO_SPACE, detail="full", stage=None))
        lost_head = lost.head()
    until(lambda: client.exporter.reader.position == lost_head or None, "that the reader is at the head")
    with closing(psycopg.connect(url, autocommit=True)) as losing:
        losing.execute((LOSE % stood).encode())
    if more == 1:
        assert b"is to be read again" in client.until_status("/-/ready", 503)
    with closing(Record(url, lambda: datetime.now(UTC))) as now:
        for number in range(more):
            now.execute(f"other{number}", story.provision)
        assert (now.head() > lost_head) == (more > 1)
        until(lambda: client.exporter.reader.position == now.head() or None, "that the reader is at the head")
        client.until_status("/metrics", 200)
        found = client.until(lambda found: found["understudy_record_head_position"][()] == now.head())
    assert set(found["understudy_projection_lag_events"].values()) == {0}
    assert (("chassis", "other0"),) in found["understudy_standby_ready"]
    assert not any(found["understudy_sync_attempts_total"].values())
    assert [one for one in caplog.messages if "the record has lost events, or was restored" in one]
