"""How long a long history takes: to be verified, to be made again, and to answer as-of at random moments.

What answers is a process each, on a short record and on a long one.
"""

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from audit.notary import make_checkpoint
from audit.snapshots.rebuilding import rebuild
from benchmarks.history import CHASSIS, make
from benchmarks.measuring import Row, at_most
from benchmarks.verify import rows_for
from events.store import Record

SHORT, LONG = 100_000, 10_000_000
QUICK_SHORT, QUICK_LONG = 20_000, 200_000
MOMENTS = 15
REBUILDS = 3
"""The least disturbed one counts."""
AS_OF_MS, START_MS, REBUILT_PER_SECOND, GROWTH = 250, 400, 150_000, 1.5


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Milliseconds of whole processes, interpreter start included; records are made first and not measured.

    ``UNDERSTUDY_HISTORY`` may name a folder whose ``short.sqlite`` and ``long.sqlite`` are there already.
    """
    short, long = (_home(folder, name, facts) for name, facts in _sizes(quick=quick))
    rebuild(short / "record.sqlite", short / "snapshots.sqlite")
    rows = [_rebuilt(long)]
    for axis in ("known", "happened"):
        few, many = _as_of(short, long, axis)
        what = f"as-of --as {axis}, any moment"
        target = {"target": f"<= {AS_OF_MS} ms", "met": many <= AS_OF_MS}
        rows.append(Row(what=what, figure=many, unit="ms", **target))  # type: ignore[arg-type]
        rows.append(at_most(f"{what}: long beside short", many, "ms", "short record", few, GROWTH))
    started = statistics.median(_milliseconds(long, "show", "system", "alarms", "--chassis", name) for name in _some())
    met = started <= START_MS
    rows.append(Row(what="show system alarms", figure=started, unit="ms", target=f"<= {START_MS} ms", met=met))
    with closing(Record(long / "record.sqlite", lambda: datetime.now(UTC), create=False)) as record:
        make_checkpoint(long, record)
    return [*rows, *rows_for(long / "record.sqlite", long)]


def _sizes(*, quick: bool) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("short", QUICK_SHORT if quick else SHORT), ("long", QUICK_LONG if quick else LONG)


def _home(folder: Path, name: str, facts: int) -> Path:
    """A home with a record of so many facts."""
    home = folder / name
    home.mkdir()
    ready = os.environ.get("UNDERSTUDY_HISTORY")
    if ready:
        # Copied: asking leaves a trace in the record.
        shutil.copy(Path(ready) / f"{name}.sqlite", home / "record.sqlite")
    else:
        make(home / "record.sqlite", facts)
    return home


def _rebuilt(home: Path) -> Row:
    rate, facts = 0.0, 0
    for _ in range(REBUILDS):
        began = time.perf_counter()
        facts = rebuild(home / "record.sqlite", home / "snapshots.sqlite")
        rate = max(rate, facts / (time.perf_counter() - began))
    what = f"rebuild of all snapshots, {facts:,} facts"
    met = rate >= REBUILT_PER_SECOND
    return Row(what=what, figure=rate, unit="facts/s", target=f">= {REBUILT_PER_SECOND:,}", met=met)


def _as_of(short: Path, long: Path, axis: str) -> tuple[float, float]:
    taken: dict[Path, list[float]] = {short: [], long: []}
    asked = {home: _moments(home) for home in taken}
    for _ in range(MOMENTS):
        for home, times in taken.items():
            chassis, moment = next(asked[home])
            times.append(_milliseconds(home, "audit", "as-of", moment, "--as", axis, "--chassis", chassis))
    return statistics.median(taken[short]), statistics.median(taken[long])


def _moments(home: Path) -> Iterator[tuple[str, str]]:
    """Random chassis at random times, which are those of facts anywhere in the record."""
    chance = random.Random(4)
    with closing(Record(home / "record.sqlite", lambda: datetime.now(UTC), create=False)) as record:
        head = record.head()
        while True:
            # Not before a chassis is provisioned: they are one after the other, at the beginning.
            after = chance.randrange(5 * len(CHASSIS), head)
            found = next(record.read(after=after - 1, until=after))
            yield chance.choice(CHASSIS), found.recorded_at.isoformat()


def _some() -> list[str]:
    return random.Random(5).choices(CHASSIS, k=MOMENTS)


def _milliseconds(home: Path, *words: str) -> float:
    command = [sys.executable, "-m", "understudy", "--home", str(home), *words]
    # What pip installs has its bytecode, and so has this from the second start on, if nothing forbids it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return 1000 * (time.perf_counter() - began)
