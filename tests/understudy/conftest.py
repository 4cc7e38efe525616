"""The program as its users meet it: a process, two folders that are cards, and a home."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from events.envelope import Recorded
from events.facts import Fact, SyncSucceeded
from events.state import ChassisState
from events.store import Record
from events.store.place import Place

PATIENCE_SECONDS = 60.0
BOF = "primary-image cf3:\\TiMOS-20.10.R3\nprimary-config cf3:\\pe1.cfg\n"


def build_card(folder: Path) -> None:
    """A card with everything, small."""
    images = folder / "cf3" / "TiMOS-20.10.R3"
    images.mkdir(parents=True)
    (folder / "cf1").mkdir()
    (folder / "cf2").mkdir()
    (folder / "cf3" / "bof.cfg").write_text(BOF)
    (folder / "cf3" / "boot.ldr").write_bytes(b"loader" * 1000)
    (folder / "cf3" / "nvsys.info").write_text("nvsys\n")
    (folder / "cf3" / "pe1.cfg").write_text("configure\nexit all\n")
    (folder / "cf3" / "pe1.ndx").write_text("index\n")
    (images / "both.tim").write_bytes(b"image" * 20_000)


def read_tree(folder: Path) -> dict[str, bytes]:
    """Everything below a folder: names and contents."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@dataclass
class Installation:
    """A home and two cards, and the program run on them."""

    home: Path
    a: Path
    b: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, stdin: str = "", expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=self.environment,
        )
        if expect is not None:
            assert done.returncode == expect, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def edit(self, statement: str, *parameters: object) -> None:
        """Edits the record as someone does who knows SQLite: the guards go first, and come back after."""
        with closing(sqlite3.connect(self.home / "record.sqlite", isolation_level=None)) as connection:
            guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
            for name, _ in guards:
                connection.execute(f"DROP TRIGGER {name}")
            assert connection.execute(statement, parameters).rowcount
            for _, made in guards:
                connection.execute(made)

    def json(self, *words: str) -> Any:
        return orjson.loads(self.run(*words, "--json").stdout)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "understudy", *words]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "UNDERSTUDY_HOME": str(self.home),
            "UNDERSTUDY_OPERATOR": "noc",
            "PYTHONWARNINGS": "error",
            **self.env,
        }

    @property
    def place(self) -> Place:
        """Where the record lies."""
        return self.env.get("UNDERSTUDY_STORE") or self.home / "record.sqlite"

    def provision(self, *more: str) -> None:
        self.run("provision", "pe1", "--card", f"A={self.a}", "--card", f"B={self.b}", *more)

    @staticmethod
    def files(card: Path) -> dict[str, bytes]:
        """Those of a card, without what an attempt keeps until its success is recorded and clears up then."""
        found: dict[str, bytes] = {}
        for folder, folders, names in os.walk(card):
            # Not entered rather than left out later: it may be cleared up at this very moment.
            folders[:] = [name for name in folders if name != ".understudy"]
            paths = [Path(folder) / name for name in names]
            found |= {str(path.relative_to(card)): path.read_bytes() for path in paths}
        return found

    @staticmethod
    def pull(card: Path) -> Callable[[], object]:
        """Takes a card away, or a flash out of it; returns what puts it back."""
        away = card.with_name(f"{card.name}-pulled")
        card.rename(away)
        return lambda: away.rename(card)


@pytest.fixture
def bare(tmp_path: Path) -> Installation:
    """Card A with everything, card B empty; nothing provisioned."""
    a, b = tmp_path / "a", tmp_path / "b"
    build_card(a)
    for flash in ("cf1", "cf2", "cf3"):
        (b / flash).mkdir(parents=True)
    return Installation(tmp_path / "home", a, b)


@pytest.fixture
def installed(bare: Installation) -> Installation:
    """The same, provisioned as chassis pe1."""
    bare.provision()
    return bare


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    return read_tree


def is_in_step(state: ChassisState) -> bool:
    return state.ready and state.running is None and not any(one.changed for one in state.scopes.values())


class Onlooker:
    """Reads the record of an installation as it grows, from this process."""

    def __init__(self, place: Place) -> None:
        self.record = Record(place, lambda: datetime.now(UTC), create=False)

    def state(self, chassis: str = "pe1") -> ChassisState:
        return self.record.state(chassis)

    def facts(self, *kinds: type, chassis: str = "pe1") -> list[Any]:
        """What was recorded of these kinds (all, if none is named), in order."""
        return [one.fact for one in self.record.read_chassis(chassis) if isinstance(one.fact, kinds or object)]

    def until(self, reached: Callable[[Recorded], bool], *, after: int = 0) -> Recorded:
        """The first fact after a position that is as awaited."""
        with self.record.follow(after=after) as facts:
            timer = threading.Timer(PATIENCE_SECONDS, facts.stop)
            timer.start()
            try:
                for recorded in facts:
                    if reached(recorded):
                        return recorded
            finally:
                timer.cancel()
                timer.join()
        raise AssertionError("\n".join(str(one) for one in self.record.read()))

    def until_fact(self, kind: type[Fact], *, after: int = 0, **wanted: object) -> Recorded:
        """The first fact of a kind after a position, with these values."""

        def reached(recorded: Recorded) -> bool:
            fact = recorded.fact
            return isinstance(fact, kind) and all(getattr(fact, name) == value for name, value in wanted.items())

        return self.until(reached, after=after)

    def until_state(self, reached: Callable[[ChassisState], bool], chassis: str = "pe1") -> ChassisState:
        """The state of a chassis when it is as awaited, with everything recorded so far."""
        self.until(lambda recorded: recorded.position == self.record.head() and reached(self.state(chassis)))
        return self.state(chassis)

    def until_in_step(self, chassis: str = "pe1") -> ChassisState:
        """The state when the standby is ready, nothing runs and no change waits to be synchronised."""
        return self.until_state(is_in_step, chassis)

    def until_calm(self, chassis: str = "pe1") -> ChassisState:
        """The state when, besides, no alarm stands."""
        return self.until_state(lambda state: is_in_step(state) and not state.standing(), chassis)

    @staticmethod
    def alarms(state: ChassisState) -> list[str]:
        """The types of the alarms that stand, each once."""
        return sorted({alarm.alarm_type for alarm in state.standing()})


@pytest.fixture
def onlooker() -> Iterator[Callable[[Installation], Onlooker]]:
    """Opens the record of an installation, to look on."""
    opened: list[Onlooker] = []

    def look(installation: Installation) -> Onlooker:
        opened.append(Onlooker(installation.place))
        return opened[-1]

    yield look
    for each in opened:
        each.record.close()


class Running:
    """A process that is not waited for; what it prints goes to a file."""

    def __init__(self, installation: Installation, printed: Path, *words: str) -> None:
        self._printed = printed
        with printed.open("w") as file:
            self.process = subprocess.Popen(
                installation.command(*words),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=installation.environment,
            )

    def printed(self) -> str:
        return self._printed.read_text()

    def until_printed(self, text: str) -> None:
        """Waits until it has printed a text."""
        deadline, breath = time.monotonic() + PATIENCE_SECONDS, threading.Event()
        while text not in self.printed():
            assert time.monotonic() < deadline, self.printed()
            breath.wait(0.02)

    def signal(self, number: int) -> int:
        """Sends a signal, waits for the end, and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a command of an installation; whatever still runs at the end is killed."""
    started: list[Running] = []

    def begin(installation: Installation, *words: str) -> Running:
        started.append(Running(installation, tmp_path / f"printed-{len(started)}", *words))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        assert "Traceback" not in each.printed(), each.printed()


QUICK = ("run", "--probe-interval", "0.1", "--retry-first", "0.1")


@pytest.fixture
def quick() -> tuple[str, ...]:
    """Supervision that waits for nothing long."""
    return QUICK


@pytest.fixture
def off(installed, onlooker) -> Any:
    """Provisioned, nothing is synchronised automatically."""
    return onlooker(installed)


@pytest.fixture
def watched(installed, off, start) -> Any:
    """Synchronised once, boot-env mode, and supervised."""
    installed.run("config", "redundancy", "synchronize", "boot-env")
    start(installed, *QUICK)
    off.until_fact(SyncSucceeded)
    return off
