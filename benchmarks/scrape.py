"""Scrapes of a large fleet over HTTP, and how long they keep another thread of the exporter's process waiting."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from benchmarks.measuring import Row, medians
from benchmarks.story import cycle, provision
from consumers.prometheus.address import Address
from consumers.prometheus.exporter import Exporter
from events.store import Record

TARGET_MS = 60
GAUGES_PER_CHASSIS = 10
CHANGED = 0.01
ROUNDS = 7
IDLE_SECONDS = 3.0
WAYS = {"gzip": {"Accept-Encoding": "gzip"}, "plain": {"Accept-Encoding": "identity"}}


class Served:
    """A process that serves metrics, and answers questions in JSON lines."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.port = int(self.ask("port"))

    def ask(self, what: str) -> Any:
        """The answer to a question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(what, file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def scrape(self, headers: dict[str, str]) -> bytes:
        """One scrape, as it comes: nobody unpacks it while the clock runs."""
        with closing(HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.request("GET", "/metrics", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        assert answer.status == 200, body
        return body


@contextmanager
def _served(*words: object) -> Generator[Served]:
    command = [sys.executable, "-m", "benchmarks.scrape", *map(str, words)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process)
        finally:
            process.terminate()


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Milliseconds of a scrape, with nothing changed and with some chassis changed, beside plain gauges."""
    names = [f"pe{number}" for number in range(500 if quick else 10_000)]
    path = folder / "record.sqlite"
    with closing(Record(path, lambda: datetime.now(UTC))) as record:
        for name in names:
            record.execute_all([(name, command) for command in (provision(), *cycle(1))])
        with _served("ours", path) as ours, _served("gauges", len(names)) as gauges:
            ours.ask("pause")
            time.sleep(IDLE_SECONDS)
            quiet = ours.ask("pause")
            taken = _taken(_Changes(record, names, ours), ours, gauges)
            pause = ours.ask("pause")
            what = "longest pause of a thread that ticks each ms, scraped again and again"
            yardstick = f"not scraped ({quiet:.1f})"
            paused = Row(what=what, figure=pause, unit="ms", yardstick=yardstick)
            return [*_rows(taken, len(names), _series(ours), _series(gauges)), paused]


def _taken(change: Callable[[], None], ours: Served, gauges: Served) -> dict[str, float]:
    """Median seconds of each way to scrape; the changes come last, so that the others had none."""
    contenders = {f"ours {way}": partial(ours.scrape, headers) for way, headers in WAYS.items()}
    contenders |= {f"gauges {way}": partial(gauges.scrape, headers) for way, headers in WAYS.items()}
    taken = medians(contenders, rounds=ROUNDS)
    for way, headers in WAYS.items():
        taken |= medians({f"changed {way}": partial(ours.scrape, headers)}, rounds=ROUNDS, between=change)
    return taken


def _series(served: Served) -> int:
    return sum(not line.startswith(b"#") for line in served.scrape(WAYS["plain"]).splitlines())


def _rows(taken: dict[str, float], chassis: int, ours: int, gauges: int) -> list[Row]:
    rows: list[Row] = []
    for way in WAYS:
        measure = taken[f"gauges {way}"]
        yardstick = f"prometheus-client, {gauges:,} gauges, {way} ({measure * 1000:.0f})"
        for state, key in (("nothing changed", f"ours {way}"), (f"{CHANGED:.0%} changed", f"changed {way}")):
            figure = taken[key] * 1000
            rows.append(
                Row(
                    what=f"scrape {chassis:,} chassis, {ours:,} series, {way}, {state}",
                    figure=figure,
                    unit="ms",
                    yardstick=yardstick,
                    ratio=taken[key] / measure,
                    target=f"<= {TARGET_MS} ms",
                    met=figure <= TARGET_MS,
                )
            )
    return rows


class _Changes:
    """Each call lets some chassis fail and recover, and waits until the exporter has read of it."""

    def __init__(self, record: Record, names: list[str], served: Served) -> None:
        self._record = record
        self._names = names
        self._served = served
        self._calls = 0

    def __call__(self) -> None:
        count = int(len(self._names) * CHANGED)
        self._calls += 1
        # One of each run of neighbours: the hardest case for what keeps neighbours together.
        chosen = self._names[self._calls % (len(self._names) // count) :: len(self._names) // count]
        commands = [(name, command) for name in chosen for command in cycle(self._record.state(name).attempts + 1)]
        newest = self._record.execute_all(commands)[-1].position
        while self._served.ask("position") < newest:
            time.sleep(0.001)


class _Ticker(threading.Thread):
    """Ticks each millisecond; what it misses is what others keep from it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._longest = 0.0

    def run(self) -> None:
        before = time.perf_counter()
        while True:
            time.sleep(0.001)
            now = time.perf_counter()
            self._longest = max(self._longest, now - before)
            before = now

    def take(self) -> float:
        """The longest time between two ticks since the last call, in milliseconds."""
        longest, self._longest = self._longest, 0.0
        return longest * 1000


def serve_ours(path: str) -> None:
    """Serves a record until it is terminated."""
    ticker = _Ticker()
    with (
        closing(Record(Path(path), lambda: datetime.now(UTC), create=False)) as record,
        Exporter(record, Address("127.0.0.1", 0), version="0") as exporter,
    ):
        exporter.reader.wait_until_read()
        ticker.start()
        port = exporter.url.rpartition(":")[2]
        _answer({"port": lambda: int(port), "position": lambda: exporter.reader.position, "pause": ticker.take})


def serve_gauges(chassis: str) -> None:
    """Serves so many chassis with ten plain gauges each, by the library's own server."""
    registry = CollectorRegistry()
    for number in range(GAUGES_PER_CHASSIS):
        gauge = Gauge(f"understudy_gauge_{number}", "One of ten.", ["chassis"], registry=registry)
        for each in range(int(chassis)):
            gauge.labels(f"pe{each}").set(each)
    server, _ = start_http_server(0, addr="127.0.0.1", registry=registry)
    _answer({"port": lambda: server.server_port})


def _answer(answers: dict[str, Callable[[], Any]]) -> None:
    for line in sys.stdin:
        print(json.dumps(answers[line.strip()]()), flush=True)


if __name__ == "__main__":
    {"ours": serve_ours, "gauges": serve_gauges}[sys.argv[1]](sys.argv[2])
