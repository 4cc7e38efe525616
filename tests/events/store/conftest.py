"""Records in real SQLite files and real PostgreSQL databases, and other processes that write to them."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.commands import Provision
from events.facts import CardLocation, Slot
from events.store import Record
from events.store.place import Place

CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))

STORES = [
    "sqlite",
    pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.xdist_group("postgresql")]),
]

Clock = Callable[[], datetime]
Open = Callable[..., Record]
Worker = Callable[..., "subprocess.Popen[str]"]

PREAMBLE = """
import sys
import time
from datetime import UTC, datetime
from events.causes import *
from events.commands import *
from events.errors import *
from events.facts import *
from events.store import Record
from events.store.place import parse_place

def say(*words):
    print(*words, flush=True)

def listen():
    return sys.stdin.readline().strip()

with Record(parse_place(sys.argv[1]), lambda: datetime.now(UTC)) as record:
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, path: Path) -> Place:
    """Where the record lies: each test that asks for it, or for a record, runs over each store."""
    url: str = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return url or path


@pytest.fixture
def execute_sql(place: Place) -> Callable[[str], list[Any]]:
    """Executes a statement in the record's own database, past the program; returns the rows."""

    def in_sqlite(statement: str) -> list[Any]:
        with closing(sqlite3.connect(place, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def in_postgresql(statement: str) -> list[Any]:
        import psycopg  # noqa: PLC0415 - an optional part of the program

        with closing(psycopg.connect(str(place), autocommit=True)) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return in_sqlite if isinstance(place, Path) else in_postgresql


@pytest.fixture
def write_lock(place: Place) -> Callable[[], AbstractContextManager[None]]:
    """Keeps every other writer waiting."""

    @contextmanager
    def in_sqlite() -> Iterator[None]:
        with closing(sqlite3.connect(place, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("COMMIT")

    @contextmanager
    def in_postgresql() -> Iterator[None]:
        import psycopg  # noqa: PLC0415 - an optional part of the program

        from events.store.postgresql.schema import LOCK  # noqa: PLC0415 - the same

        with closing(psycopg.connect(str(place))) as connection, connection.transaction():
            connection.execute(LOCK.encode())
            yield

    return in_sqlite if isinstance(place, Path) else in_postgresql


@pytest.fixture
def open_record(place: Place) -> Iterator[Open]:
    """Opens the record, or another one; all are closed at the end."""
    with ExitStack() as stack:

        def opened(at: Place = place, clock: Clock = lambda: datetime.now(UTC), *, create: bool = True) -> Record:
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
def worker(place: Place) -> Iterator[Worker]:
    """Starts a process that runs the given lines with ``record``; it may ``say`` words and ``listen`` to a line."""
    with ExitStack() as stack:

        def started(lines: str, *arguments: str) -> "subprocess.Popen[str]":
            indented = "\n".join(f"    {line}" for line in lines.strip().splitlines())
            command = [sys.executable, "-c", PREAMBLE + indented, str(place), *arguments]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started
