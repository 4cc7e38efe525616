"""A record with facts of three chassis, the tree over it, and bundles made of it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.bundle.asked import Asked, Seals
from audit.bundle.exporting import Exported, export
from audit.bundle.standalone import verifier
from audit.merkle import Frontier, complete_root, leaf_hashes
from audit.notes import SigningKey
from audit.notes_checkpoint import Checkpoint, sign
from events.causes import Cause, Scope
from events.commands import Copied, Failed, FinishSync, Provision, StartSync
from events.facts import CardLocation, Slot, Trigger
from events.store import Record
from events.store.recorder import Row

CHASSIS = ("pe1", 'p"e\\2 ü', "=pe3")
NOW = datetime(2026, 5, 1, 2, 13, tzinfo=UTC)
CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
FULL = Failed(cause=Cause.NO_SPACE, detail='cf3: is "full", 12 bytes are missing, käse')


@dataclass
class Sealed:
    """Rows of a record, the tree over them, and a key that signs it."""

    rows: list[Row]
    folder: Path
    key: SigningKey = field(default_factory=lambda: SigningKey.make("understudy/0123456789abcdef"))
    hashed: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.hashed = leaf_hashes(self.rows)

    def subtree(self, level: int, number: int) -> bytes:
        return complete_root(self.hashed[number << level : (number + 1) << level])

    def root(self, size: int) -> bytes:
        frontier = Frontier()
        frontier.extend(self.hashed[:size])
        return frontier.root()

    def seals(self, *sizes: int) -> Seals:
        checkpoints = tuple(sign(Checkpoint(self.key.name, size, self.root(size)), self.key) for size in sizes)
        return Seals(key=self.key, checkpoints=checkpoints, subtree=self.subtree)

    def export(
        self,
        first: int = 1,
        last: int = 0,
        *,
        chassis: str | None = None,
        sizes: tuple[int, ...] = (),
        name: str = "evidence.zip",
        with_parquet: bool = False,
    ) -> Exported:
        last = last or len(self.rows)
        asked = Asked(
            first=first,
            last=last,
            chassis=chassis,
            query={"from": str(first), "to": str(last), "chassis": chassis},
            operator="noc",
            tool="understudy 0.1.0",
            made_at=NOW,
        )
        rows = self.rows[first - 1 : last]
        if chassis is not None:
            own = [row for row in self.rows if row[1] == chassis]
            before, behind = [row for row in own if row[0] < first], [row for row in own if row[0] > last]
            rows = [*before[-1:], *(row for row in own if first <= row[0] <= last), *behind[:1]]
        seals = self.seals(*(sizes or (len(self.rows),)))
        return export(rows, asked, seals, self.folder / name, replace=True, with_parquet=with_parquet)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with closing(Record(tmp_path / "record.sqlite", lambda: datetime.now(UTC))) as record:
        for name in CHASSIS:
            record.execute(name, Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc"))
        for attempt in range(1, 6):
            for name in CHASSIS:
                outcome = FULL if attempt % 2 else Copied(files=(), bytes_copied=0)
                record.execute(name, StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL))
                record.execute(name, FinishSync(attempt=attempt, outcome=outcome, duration_ms=5))
        yield record


@pytest.fixture
def sealed(record: Record, tmp_path: Path) -> Sealed:
    folder = tmp_path / "out"
    folder.mkdir()
    return Sealed(record.recorder.select_rows(after=0, limit=None), folder)


Checked = subprocess.CompletedProcess[str]


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., Checked]:
    """Runs the verifier as on another machine: nothing but the standard library, no environment, another folder."""
    program = tmp_path / "auditor" / "verify.py"
    program.parent.mkdir()
    program.write_bytes(verifier())

    def run(*arguments: object, program: Path = program) -> Checked:
        return subprocess.run(
            [sys.executable, "-I", "-S", str(program), *map(str, arguments)],
            env={},
            cwd=program.parent,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run
