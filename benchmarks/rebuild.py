"""Rebuilding every projection from position 1, in a process of its own, with the memory that it needs at most."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measuring import Row
from benchmarks.story import BATCH, Ours
from events.envelope import Recorded
from events.store import Record
from projections import redundancy
from projections.event_log import entry
from projections.replaying import Fleet, alarm_lists, replay, sync_histories

CHASSIS = tuple(f"pe{number}" for number in range(1, 21))


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Seconds, facts per second and peak memory; the record is made first and not measured."""
    facts, path = 50_000 if quick else 1_000_000, folder / "ours.sqlite"
    with closing(Ours(path, CHASSIS)) as ours:
        while ours.record.head() < facts:
            ours.append(4 * BATCH)
    found = json.loads(subprocess.check_output([sys.executable, "-m", "benchmarks.rebuild", path, str(facts)]))
    what = f"rebuild all projections, {found['facts']:,} facts"
    return [
        Row(what=what, figure=found["seconds"], unit="s"),
        Row(what=what, figure=found["facts"] / found["seconds"], unit="facts/s"),
        Row(what=f"{what}: peak memory", figure=found["peak_mib"], unit="MiB"),
        Row(what="the same, before the first fact", figure=found["before_mib"], unit="MiB"),
    ]


def rebuild(path: Path, facts: int) -> dict[str, Any]:
    """Folds the first ``facts`` facts of the record at ``path`` into all projections."""
    fleets: list[Fleet[Any]] = [Fleet(redundancy.EMPTY, redundancy.evolve), alarm_lists(), sync_histories()]
    before = _peak_mib()
    began = time.perf_counter()
    with closing(Record(path, lambda: datetime.now(UTC), create=False)) as record:
        reached = replay(_logged(record.read(until=facts)), fleets)
    seconds = time.perf_counter() - began
    return {"facts": reached.facts, "seconds": seconds, "peak_mib": _peak_mib(), "before_mib": before}


def _logged(facts: Iterable[Recorded]) -> Iterator[Recorded]:
    """The facts, each also turned into its entry of the log, which is a projection that keeps nothing."""
    for recorded in facts:
        entry(recorded)
        yield recorded


def _peak_mib() -> float:
    # Not ru_maxrss: Linux lets a process inherit the peak of the one that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(rebuild(Path(sys.argv[1]), int(sys.argv[2]))))
