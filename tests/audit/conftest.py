"""A record on which things happen, in a home of its own, and hands that get at it past the program."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audit.notary import checkpoint
from audit.verification import verify
from audit.verification_answer import Verification
from audit.witnesses import Folder
from events.causes import Cause, Scope
from events.commands import Copied, Failed, FinishSync, Provision, StartSync
from events.facts import CardLocation, Slot, Trigger
from events.store import Record
from events.store.place import Place

CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
PROVISION = Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc")
TRIGGERS = ("facts_are_never_updated", "facts_are_never_deleted")

FIRST, SECOND, LATER = 20, 20, 6
"""Facts before, between and after two checkpoints."""

STORES = [
    "sqlite",
    pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.xdist_group("postgresql")]),
]


class Proven:
    """A home with a record that grows when told to, and that can be edited as an intruder would."""

    def __init__(self, home: Path, place: Place) -> None:
        self.home = home
        self.place = place
        self._record: Record | None = None
        self._attempts: dict[str, int] = {}

    @property
    def record(self) -> Record:
        """The record, open."""
        if self._record is None:
            self._record = Record(self.place, lambda: datetime.now(UTC))
        return self._record

    def close(self) -> None:
        """Closes the record; it is opened again when it is needed."""
        if self._record is not None:
            self._record.close()
            self._record = None

    def grow(self, facts: int, *chassis: str) -> int:
        """Appends at least so many facts, on these chassis in turn (pe1 and pe2 if none is named); returns the head."""
        names, goal = chassis or ("pe1", "pe2"), self.record.head() + facts
        while self.record.head() < goal:
            for name in names:
                self._happen(name)
        return self.record.head()

    def _happen(self, name: str) -> None:
        if name not in self._attempts:
            self._attempts[name] = 0
            if name not in self.record.chassis():
                self.record.execute(name, PROVISION)
            self._attempts[name] = self.record.state(name).attempts
        number = self._attempts[name] = self._attempts[name] + 1
        failed = Failed(cause=Cause.NO_SPACE, detail="it is full")
        outcome = failed if number % 3 else Copied(files=(), bytes_copied=0)
        start = StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL)
        self.record.execute_all([(name, start), (name, FinishSync(attempt=number, outcome=outcome, duration_ms=5))])

    def edit(self, *statements: str) -> None:
        """Edits the file of the record as someone does who knows SQLite: the guards go first, and come back after."""
        self.close()
        with closing(sqlite3.connect(self.place, isolation_level=None)) as connection:
            guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
            assert {name for name, _ in guards} == set(TRIGGERS)
            for name, _ in guards:
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                assert connection.execute(statement).rowcount, statement
            for _, sql in guards:
                connection.execute(sql)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


@pytest.fixture
def proven(home: Path) -> Iterator[Proven]:
    """An empty record in SQLite."""
    with closing(Proven(home, home / "record.sqlite")) as made:
        yield made


@pytest.fixture(params=STORES)
def stored(request: pytest.FixtureRequest, home: Path) -> Iterator[Proven]:
    """An empty record in each store."""
    url: Any = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    with closing(Proven(home, url or home / "record.sqlite")) as made:
        yield made


@pytest.fixture
def closed() -> Iterator[Callable[[Any], Any]]:
    """Passes on what it is given, and closes it at the end."""
    with ExitStack() as stack:

        def keep(opened: Any) -> Any:
            stack.callback(opened.close)
            return opened

        yield keep


@pytest.fixture
def outside(tmp_path: Path) -> Folder:
    """A witness outside the home."""
    folder = tmp_path / "outside"
    folder.mkdir()
    return Folder(folder)


@pytest.fixture
def sealed(proven, outside) -> list[int]:
    """Two checkpoints, in the home and outside, and some facts after them; the sizes, and the head."""
    sizes: list[int] = []
    for facts in (FIRST, SECOND):
        proven.grow(facts)
        sizes.append(checkpoint(proven.home, proven.record, witnesses=[outside]).checkpoint.size)
    return [*sizes, proven.grow(LATER)]


@pytest.fixture
def verified(proven, outside) -> Callable[..., Verification]:
    def verified(*, with_outside: bool = False, **options: object) -> Verification:
        return verify(proven.home, proven.record, witnesses=[outside] if with_outside else [], **options)

    return verified
