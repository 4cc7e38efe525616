"""The exporter over real HTTP: what it answers, when, to whom, and to how many at once."""

import gzip
import re
import socket
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from consumers.kafka.status import PublisherStatus
from consumers.prometheus.address import Address
from consumers.prometheus.exporter import CONTENT_TYPE, Exporter
from consumers.prometheus.families import OF_THE_PIPELINE, OF_THE_PUBLISHER
from consumers.prometheus.server import REQUESTS_AT_ONCE, ListenError
from events.causes import SyncMode
from events.commands import Copied, SetSyncMode

COPIED = Copied(files=(), bytes_copied=4711)


def of(found: Any, name: str, **labels: str) -> float | None:
    value: float | None = found.get(f"understudy_{name}", {}).get(tuple(sorted(labels.items())))
    return value


@dataclass
class Gate:
    """A record that is read only once it is let through, and that can be broken."""

    record: Any
    opened: threading.Event = field(default_factory=threading.Event)
    broken: str = ""
    failures: int = 0
    following: Any = None

    @property
    def recorder(self) -> Any:
        return self.record.recorder

    @property
    def mapper(self) -> Any:
        return self.record.mapper

    def head(self) -> int:
        if self.broken:
            raise OSError(self.broken)
        return int(self.record.head())

    def read(self, **bounds: int) -> Any:
        self.opened.wait(30)
        return self.record.read(**bounds)

    def follow(self, *, after: int) -> Any:
        if self.broken:
            self.failures += 1
            raise OSError(self.broken)
        self.following = self.record.follow(after=after)
        return self.following


# What it says


def test_a_scrape_says_what_was_recorded_and_what_is_recorded_next(export, record, make_attempt) -> None:
    client = export()
    failed = {"chassis": "pe1", "scope": "config", "result": "failed", "cause": "no-space"}
    assert of(client.samples(), "sync_attempts_total", **failed) == 1
    make_attempt(record, 2, COPIED)
    found = client.until(lambda found: of(found, "standby_ready", chassis="pe1") == 1)
    assert of(found, "sync_copied_bytes_total", chassis="pe1", scope="config") == 4711


def test_a_new_chassis_is_shown_as_soon_as_it_is_provisioned(export, record, story) -> None:
    client = export()
    record.execute("Zürich", story.provision)
    client.until(lambda found: of(found, "standby_ready", chassis="Zürich") == 0)


def test_the_pipeline_is_at_the_head_of_the_record(export, record) -> None:
    found = export().samples()
    last = [one.recorded_at for one in record.read()][-1]
    assert of(found, "record_head_position") == record.head()
    assert of(found, "record_last_fact_timestamp_seconds") == last.timestamp()
    assert set(found["understudy_projection_position"].values()) == {record.head()}
    assert set(found["understudy_projection_lag_events"].values()) == {0}
    assert of(found, "build_info", version="1.2.3") == 1


def test_the_publisher_is_shown_where_there_is_one(export, record) -> None:
    status = PublisherStatus(up=True, position=3, oldest_unpublished=17.5)
    status.published["understudy.events"] += 3
    status.transactions["committed"] += 1
    status.restarts["fenced"] += 2
    found = export(publisher=status).samples()
    assert (of(found, "publisher_up"), of(found, "publisher_position")) == (1, 3)
    assert of(found, "publisher_lag_events") == record.head() - 3
    assert of(found, "publisher_oldest_unpublished_timestamp_seconds") == 17.5
    assert of(found, "publisher_published_total", topic="understudy.events") == 3
    assert of(found, "publisher_transactions_total", result="committed") == 1
    assert of(found, "publisher_restarts_total", reason="fenced") == 2


def test_without_a_publisher_nothing_is_said_of_one(export) -> None:
    text = export().get()[2].decode()
    assert all(family.name in text for family in OF_THE_PIPELINE)
    assert not any(family.name in text for family in OF_THE_PUBLISHER)


def test_the_process_itself_is_shown_too(export) -> None:
    found = export().samples()
    assert found["process_resident_memory_bytes"][()] > 0
    assert found["python_info"]
    assert found["python_gc_collections_total"]


# HTTP


def test_a_client_that_takes_gzip_gets_one_member_with_the_same_text(export, parse) -> None:
    client = export()
    status, headers, body = client.get(**{"Accept-Encoding": "deflate, gzip;q=0.8"})
    assert (status, headers["Content-Encoding"], headers["Content-Type"]) == (200, "gzip", CONTENT_TYPE)
    reader = zlib.decompressobj(wbits=31)
    text = reader.decompress(body).decode()
    assert (reader.eof, reader.unused_data) == (True, b"")
    found, plain = parse(text), client.samples()
    names = {name for name in plain if name.startswith("understudy_")}
    assert names
    assert {name: found[name] for name in names} == {name: plain[name] for name in names}


@pytest.mark.parametrize("accepted", ["identity", "", "gzip;q=0, br"])
def test_a_client_that_takes_no_gzip_gets_none(export, accepted: str) -> None:
    _, headers, body = export().get(**{"Accept-Encoding": accepted})
    assert "Content-Encoding" not in headers
    assert body.startswith(b"# HELP understudy_")


def test_only_the_families_asked_for_are_given(export, parse) -> None:
    query = "?name[]=understudy_standby_ready&name[]=process_open_fds"
    found = parse(export().get("/metrics" + query)[2].decode())
    assert set(found) == {"understudy_standby_ready", "process_open_fds"}


def test_a_head_has_the_headers_of_a_get_and_no_body(export) -> None:
    status, headers, body = export().get(method="HEAD")
    assert (status, headers["Content-Type"], body) == (200, CONTENT_TYPE, b"")
    assert int(headers["Content-Length"]) > 1000


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/-/healthy", 200), ("/-/ready", 200), ("/other", 404)])
def test_the_other_pages(export, path: str, status: int) -> None:
    client = export()
    assert client.get(path)[0] == status


def test_the_first_page_links_to_the_others(export) -> None:
    client = export()
    links = re.findall(r'href="([^"]+)"', client.get("/")[2].decode())
    assert "/metrics" in links
    assert {client.get(link)[0] for link in links} == {200}


def test_other_methods_are_refused(export) -> None:
    assert export().get(method="POST")[0] == 501


# Where


def test_it_listens_on_ipv6_and_says_where(export) -> None:
    client = export(listen="[::1]:0")
    assert re.fullmatch(r"http://\[::1\]:[1-9]\d*", client.exporter.url)
    assert client.get("/-/ready")[0] == 200


def test_an_address_in_use_is_an_error_that_names_it(export, record) -> None:
    address = export().exporter.url.removeprefix("http://")
    with pytest.raises(ListenError, match=f"cannot listen on {address}: Address already in use"):
        Exporter(record, Address.parse(address), version="1")


@pytest.mark.parametrize("text", ["", "9820", ":9820", "127.0.0.1", "h:", "::1:9820", "h:65536", "[::1]", "h:-1"])
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 127\.0\.0\.1:9820"):
        Address.parse(text)


@pytest.mark.parametrize("text", ["127.0.0.1:9820", "[::1]:0", "metrics.example:80"])
def test_an_address_is_written_as_it_was_read(text: str) -> None:
    assert str(Address.parse(text)) == text


# While the record cannot be read


def test_until_the_record_is_read_there_is_nothing_to_scrape(export, record) -> None:
    gate = Gate(record)
    client = export(record=gate, read=False)
    try:
        assert client.get("/-/healthy")[0] == 200
        for path in ("/-/ready", "/metrics"):
            status, _, body = client.get(path)
            assert (status, body[:25]) == (503, b"The record is being read:")
    finally:
        gate.opened.set()
    assert client.exporter.reader.wait_until_read(30)
    assert client.get("/-/ready")[0] == client.get()[0] == 200


def test_progress_is_told_up_to_the_end(export, record) -> None:
    told: list[tuple[int, int]] = []
    export(progress=lambda position, goal: told.append((position, goal)))
    assert told[0] == (1, record.head())
    assert told[-1] == (record.head(), record.head())


def test_what_cannot_be_read_is_not_shown_and_comes_back_without_a_gap(
    export, record, make_attempt, until, caplog
) -> None:
    gate = Gate(record)
    gate.opened.set()
    client, stood = export(record=gate), record.head()
    gate.broken = "the disk is gone"
    assert client.get()[0] == 503
    until(lambda: gate.following, "that the record is followed").stop()
    assert b"the disk is gone" in client.until_status("/-/ready", 503)
    make_attempt(record, 2, COPIED)
    until(lambda: gate.failures > 1 or None, "another try")
    gate.broken = ""
    client.until_status("/-/ready", 200)
    found = client.until(lambda found: of(found, "standby_ready", chassis="pe1") == 1)
    assert of(found, "sync_attempts_total", chassis="pe1", scope="config", result="succeeded", cause="") == 1
    assert [one.getMessage() for one in caplog.records if "the disk is gone" in one.getMessage()] == [
        f"the metrics stand still at position {stood}: the disk is gone"
    ]


# Many


def test_more_requests_than_it_answers_at_once_are_turned_away_and_slow_ones_hold_up_nobody(export) -> None:
    client = export()
    idle = [socket.create_connection(client.where) for _ in range(REQUESTS_AT_ONCE - 1)]
    try:
        client.until_answered()
        # The place of a request is free a moment after its answer: who comes at once may still be turned away.
        client.until_turned_away(lambda: idle.append(socket.create_connection(client.where)))
    finally:
        for each in idle:
            each.close()
    client.until_answered()


def test_who_sends_a_byte_now_and_then_does_not_keep_others_out(export, monkeypatch) -> None:
    monkeypatch.setattr("consumers.prometheus.server.DEADLINE_SECONDS", 0.5)
    client, over = export(), threading.Event()
    slow = [socket.create_connection(client.where) for _ in range(REQUESTS_AT_ONCE)]

    def trickle() -> None:
        while not over.wait(0.05):
            for each in slow:
                with suppress(OSError):  # it was cut off
                    each.sendall(b"G")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        client.until_answered()
    finally:
        over.set()
        thread.join()
        for each in slow:
            each.close()


def test_scrapes_at_once_and_facts_meanwhile_leave_every_scrape_whole(export, record, parse) -> None:
    client, errors, over = export(), list[BaseException](), threading.Event()

    def scrape() -> None:
        try:
            while not over.is_set():
                status, _, body = client.get(**{"Accept-Encoding": "gzip"})
                assert status == 200
                parse(gzip.decompress(body).decode())
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=scrape) for _ in range(3)]
    for thread in threads:
        thread.start()
    for mode in [SyncMode.CONFIG, SyncMode.OFF] * 20:
        record.execute("pe1", SetSyncMode(mode=mode, operator="noc"))
    over.set()
    for thread in threads:
        thread.join()
    assert errors == []
    found = client.until(lambda found: of(found, "projection_lag_events", projection="tallies") == 0)
    assert of(found, "chassis_info", chassis="pe1", active="A", sync_mode="off") == 1
