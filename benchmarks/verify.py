"""Verifying a record with its tree and checkpoints, in a process of its own; beside it, SHA-256 of the same bytes."""

import hashlib
import json
import subprocess
import sys
import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from audit.merkle import leaf_preimage
from audit.notary import make_checkpoint
from audit.notary_regular import RegularNotary
from audit.tree import FILE
from audit.tree_rows import rows_of
from audit.verification import verify
from benchmarks.measuring import Row, at_least, at_most, beside, seconds
from benchmarks.story import BATCH, Ours
from events.store import Record

CHASSIS = tuple(f"pe{number}" for number in range(1, 21))
RUNS = 3
SLICES = 100
"""Parts of a run that are timed one by one."""
TARGET = 300_000
"""Facts a second on one core."""


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Facts per second of processor time, and peak memory; the record is made and signed first and not measured."""
    facts, path = 50_000 if quick else 1_000_000, folder / "record.sqlite"
    with closing(Ours(path, CHASSIS)) as ours:
        while ours.record.head() < facts:
            ours.append(4 * BATCH)
        make_checkpoint(folder, ours.record)
    rows = rows_for(path, folder)
    with closing(Ours(folder / "growing.sqlite", CHASSIS)) as ours:
        rows.append(_beside_the_notary(ours, folder / "growing", batches=20 if quick else 200))
    return rows


def _beside_the_notary(ours: Ours, home: Path, *, batches: int) -> Row:
    """How long appending takes while a notary signs every second; with and without it take turns."""
    place = home.with_suffix(".sqlite")
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(5):
        for notarised, times in taken.items():
            notary = RegularNotary(home, ours.record, place, seconds=1) if notarised else nullcontext()
            with notary:
                times.append(seconds(lambda: [ours.append() for _ in range(batches)]))
    # As with verify, the least disturbed of each; a second passes in any of them, so that something is signed.
    alone, beside_it = (min(taken[notarised]) for notarised in (False, True))
    return at_most(f"append {batches * BATCH:,} facts beside a notary", beside_it, "s", "without it", alone, 1.05)


def rows_for(path: Path, home: Path) -> list[Row]:
    """The rows of the table for the record at ``path``, whose tree and checkpoints are in ``home``."""
    command = [sys.executable, "-m", "benchmarks.verify", str(path), str(home)]
    runs = [json.loads(subprocess.check_output(command)) for _ in range(RUNS)]
    assert all(found["holds"] for found in runs), runs
    assert all(found["tree"] for found in runs), "without its tree, less is compared"
    # Other machines on the same processor make the same work take up to twice as long, for seconds to minutes at a
    # time. So each part of the work counts as it was in the run that was least disturbed there.
    least, alone = (sum(map(min, zip(*(found[of] for found in runs), strict=True))) for of in ("cpu", "alone_cpu"))
    facts, quickest = runs[0]["facts"], min(found["seconds"] for found in runs)
    what = f"verify (no rebuild), {facts:,} facts"
    return [
        at_least(f"{what}, of one core", facts / least, "facts/s", "wanted", TARGET, 1),
        beside("the same", facts / least, "facts/s", "SHA-256 alone", facts / alone),
        Row(what=f"the quickest of {RUNS} whole runs, by the clock", figure=facts / quickest, unit="facts/s"),
        Row(what="verify: peak memory", figure=max(found["peak_mib"] for found in runs), unit="MiB"),
        Row(what="the same, before the first fact", figure=runs[0]["before_mib"], unit="MiB"),
    ]


def measure(path: Path, home: Path) -> dict[str, Any]:
    """Verifies, and then hashes the same bytes, both reading nothing else."""
    with closing(Record(path, lambda: datetime.now(UTC), create=False)) as record:
        before = _peak_mib()
        clock, cpu = time.perf_counter(), _Slices()
        found = verify(home, record, progress=cpu.reached)
        clock, slices, peak = time.perf_counter() - clock, cpu.ended(), _peak_mib()
        return {
            "facts": found.size,
            "holds": found.holds,
            "tree": (home / FILE).exists(),
            "seconds": clock,
            "cpu": slices,
            "alone_cpu": _hash_alone(record, found.size),
            "peak_mib": peak,
            "before_mib": before,
        }


class _Slices:
    """Processor time of each part of a run, together that of the whole run: the ends belong to the outer ones."""

    def __init__(self) -> None:
        self._at = [time.process_time()]

    def reached(self, position: int, head: int) -> None:
        if position * SLICES >= len(self._at) * head and len(self._at) < SLICES:
            self._at.append(time.process_time())

    def ended(self) -> list[float]:
        self._at.append(time.process_time())
        return [after - before for before, after in pairwise(self._at)]


def _hash_alone(record: Record, head: int) -> list[float]:
    taken = [0.0] * SLICES
    for rows in rows_of(record)(0, head):
        preimages = [leaf_preimage(row) for row in rows]
        began = time.process_time()
        for preimage in preimages:
            hashlib.sha256(preimage).digest()
        taken[(rows[0][0] - 1) * SLICES // head] += time.process_time() - began
    return taken


def _peak_mib() -> float:
    # Not ru_maxrss: Linux lets a process inherit the peak of the one that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]))))
