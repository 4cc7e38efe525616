"""A fleet on a board, what it says as Prometheus' own reader sees it, and an exporter over a real record."""

import gzip
import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from consumers.prometheus.address import Address
from consumers.prometheus.board import Board
from consumers.prometheus.exporter import Exporter
from consumers.prometheus.packing import gzip_file
from consumers.prometheus.rendering import Renderer
from events.causes import Cause, Scope
from events.commands import Command, Copied, Failed, FinishSync, Provision, StartSync
from events.decisions import decide
from events.envelope import Recorded
from events.facts import CardLocation, Fact, Slot, Trigger
from events.state import ChassisState
from events.store import Record

PATIENCE_SECONDS = 30.0
CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
BEGAN = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
_BREATH = threading.Event()
"""Never set: a pause between two looks."""

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def samples_of(text: str) -> Samples:
    """The value of each sample, by its name and its labels."""
    found: Samples = {}
    for metric in text_string_to_metric_families(text):
        for sample in metric.samples:
            values = found.setdefault(sample.name, {})
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in values, f"{sample.name} {labels}: twice"
            values[labels] = sample.value
    return found


@pytest.fixture(scope="session")
def parse() -> Callable[[str], Samples]:
    return samples_of


@pytest.fixture(scope="session")
def families() -> Callable[[str], dict[str, Metric]]:
    """The families of a text, by name."""
    return lambda text: {metric.name: metric for metric in text_string_to_metric_families(text)}


class Fleet:
    """A board to which whole histories are shown, each as one of another chassis, and its renderer."""

    def __init__(self) -> None:
        self.board = Board()
        self.renderer = Renderer(self.board)

    def show(self, recorded: Iterable[Recorded], chassis: str = "pe1") -> None:
        for one in recorded:
            self.board.apply(replace(one, chassis=chassis, position=self.board.position + 1))

    def text(self) -> str:
        """What is rendered, after the compressed form was seen to be the same."""
        plain = b"".join(self.renderer.plain(list))
        assert gzip.decompress(b"".join(gzip_file(self.renderer.packed(list)))) == plain
        return plain.decode()


@pytest.fixture(scope="session")
def new_fleet() -> type[Fleet]:
    return Fleet


class Story:
    """Commands to chassis pe1, and what was recorded of them; a minute lies between two of them."""

    provision = Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc")

    def __init__(self) -> None:
        self.state = ChassisState("pe1")
        self.recorded: list[Recorded] = []
        self.now = BEGAN
        self.tell(self.provision)

    def tell(self, *commands: Command) -> "Story":
        for command in commands:
            decision = decide(self.state, command)
            self.state = decision.state
            for fact in decision.facts:
                self.recorded.append(self._recorded(fact))
            self.now += timedelta(minutes=1)
        return self

    def _recorded(self, fact: Fact) -> Recorded:
        number = len(self.recorded) + 1
        return Recorded(
            chassis="pe1",
            version=number,
            occurred_at=self.now,
            recorded_at=self.now,
            correlation="",
            causation=0,
            fact=fact,
            position=number,
        )


@pytest.fixture
def story() -> Story:
    return Story()


class Client:
    """Asks an exporter."""

    def __init__(self, exporter: Exporter) -> None:
        self.exporter = exporter
        url = urlsplit(exporter.url)
        assert url.hostname is not None
        assert url.port is not None
        self.where = (url.hostname, url.port)

    def get(self, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        with closing(http.client.HTTPConnection(*self.where, timeout=PATIENCE_SECONDS)) as connection:
            connection.request(method, path, headers={"Accept-Encoding": "identity", **headers})
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()

    def samples(self) -> Samples:
        status, _, body = self.get()
        assert status == 200, body
        return samples_of(body.decode())

    def until(self, reached: Callable[[Samples], bool]) -> Samples:
        """The samples as soon as they are as awaited."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached(found := self.samples()):
            assert time.monotonic() < deadline, found
            _BREATH.wait(0.01)
        return found

    def answers(self) -> bool:
        """Whether a request is answered, or turned away."""
        try:
            assert self.get("/-/healthy")[0] == 200
        except (http.client.RemoteDisconnected, ConnectionError):
            return False
        return True

    def until_answered(self) -> None:
        """Waits until a request is not turned away."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.answers():
            assert time.monotonic() < deadline
            _BREATH.wait(0.01)

    def until_turned_away(self, one_more: Callable[[], object]) -> None:
        """Adds one connection after another until a request is turned away."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.answers():
            assert time.monotonic() < deadline
            one_more()

    def until_status(self, path: str, wanted: int) -> bytes:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.get(path))[0] != wanted:
            assert time.monotonic() < deadline, found
            _BREATH.wait(0.01)
        return found[2]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """One chassis, whose configuration failed to be synchronised for want of space."""
    with closing(Record(tmp_path / "record.sqlite", lambda: datetime.now(UTC))) as opened:
        opened.execute("pe1", Story.provision)
        attempt(opened, 1, Failed(cause=Cause.NO_SPACE, detail="full", stage=None))
        yield opened


def attempt(record: Record, number: int, outcome: Copied | Failed) -> None:
    record.execute("pe1", StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL, operator="noc"))
    record.execute("pe1", FinishSync(attempt=number, outcome=outcome, duration_ms=120))


@pytest.fixture(scope="session")
def make_attempt() -> Callable[..., None]:
    """Records a whole attempt of chassis pe1."""
    return attempt


@pytest.fixture
def export(record: Record) -> Iterator[Callable[..., Client]]:
    """Starts an exporter on a free port; with ``read``, after it has read the record."""
    with ExitStack() as stack:

        def start(*, listen: str = "127.0.0.1:0", read: bool = True, **more: Any) -> Client:
            exporter = Exporter(more.pop("record", record), Address.parse(listen), version="1.2.3", **more)
            stack.enter_context(exporter)
            assert not read or exporter.reader.wait_until_read(PATIENCE_SECONDS)
            return Client(exporter)

        yield start
