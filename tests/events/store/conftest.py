"""Records in real SQLite files, and other processes that write to them."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.commands import Provision
from events.facts import CardLocation, Slot
from events.store import Record

CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))

Clock = Callable[[], datetime]
Open = Callable[..., Record]
Worker = Callable[..., "subprocess.Popen[str]"]

PREAMBLE = """
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from events.causes import *
from events.commands import *
from events.errors import *
from events.facts import *
from events.store import Record

def say(*words):
    print(*words, flush=True)

def listen():
    return sys.stdin.readline().strip()

with Record(Path(sys.argv[1]), lambda: datetime.now(UTC)) as record:
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


@pytest.fixture
def open_record(path: Path) -> Iterator[Open]:
    """Opens the record, or another one; all are closed at the end."""
    with ExitStack() as stack:

        def opened(at: Path = path, clock: Clock = lambda: datetime.now(UTC), *, create: bool = True) -> Record:
            return stack.enter_context(Record(at, clock, create=create))

        yield opened


@pytest.fixture
def provision() -> Provision:
    return Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc")


@pytest.fixture
def record(open_record: Open, provision: Provision) -> Record:
    """A record with chassis pe1: positions 1 to 3."""
    opened = open_record()
    opened.execute("pe1", provision)
    return opened


@pytest.fixture
def worker(path: Path) -> Iterator[Worker]:
    """Starts a process that runs the given lines with ``record``; it may ``say`` words and ``listen`` to a line."""
    with ExitStack() as stack:

        def started(lines: str, *arguments: str) -> "subprocess.Popen[str]":
            indented = "\n".join(f"    {line}" for line in lines.strip().splitlines())
            command = [sys.executable, "-c", PREAMBLE + indented, str(path), *arguments]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started
