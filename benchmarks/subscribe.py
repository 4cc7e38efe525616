"""Following the record from another process: from the call that appends until the fact is seen, and idle cost."""

import json
import resource
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from typing import Any

from benchmarks.measuring import Row, percentile
from benchmarks.story import CHASSIS, Ours
from events.commands import StartSupervision
from events.store import Record

PER_SECOND = 100
WAKE_MS = 10


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Milliseconds at 100 appends a second, and the share of a core that an idle subscriber uses."""
    path, appends, idle = folder / "ours.sqlite", 200 if quick else 1000, 3 if quick else 8
    with closing(Ours(path)) as ours:
        waits = _waits(ours.record, path, appends)
        share = _ask(path, "idle", idle)["cpu_percent"]
    what, target = f"append called -> seen by another process, {PER_SECOND}/s", f"<= {WAKE_MS} ms"
    p50, p99 = percentile(waits, 50), percentile(waits, 99)
    return [
        Row(what=f"{what}: p50", figure=p50, unit="ms", target=target, met=p50 <= WAKE_MS),
        Row(what=f"{what}: p99", figure=p99, unit="ms", target=target, met=p99 <= WAKE_MS),
        Row(what=f"{what}: max", figure=max(waits), unit="ms"),
        Row(what="idle subscriber's processor time", figure=share, unit="% of a core"),
    ]


def _waits(record: Record, path: Path, appends: int) -> list[float]:
    called: dict[int, float] = {}
    with subprocess.Popen(_command(path, "seen", appends), stdout=subprocess.PIPE, text=True) as subscriber:
        assert subscriber.stdout is not None
        subscriber.stdout.readline()
        due = time.monotonic()
        for number in range(appends):
            due += 1 / PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            recorded = record.execute(CHASSIS, StartSupervision(host="mgmt1", process=number))
            called[recorded[0].position] = began
        seen: dict[str, float] = json.loads(subscriber.stdout.readline())
    return [(at - called[int(position)]) * 1000 for position, at in seen.items()]


def _command(path: Path, what: str, number: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.subscribe", str(path), what, str(number)]


def _ask(path: Path, what: str, number: int) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(subprocess.check_output(_command(path, what, number)))
    return answer


def seen(path: Path, facts: int) -> dict[int, float]:
    """When each of the next ``facts`` facts was seen, by position (seconds of the clock that all processes share)."""
    times: dict[int, float] = {}
    with closing(_open(path)) as record, record.follow(after=record.head()) as following:
        print("ready", flush=True)
        for recorded in following:
            times[recorded.position] = time.monotonic()
            if len(times) == facts:
                break
    return times


def idle(path: Path, seconds: int) -> dict[str, float]:
    """The processor time of a subscriber to which nothing happens."""
    with closing(_open(path)) as record, record.follow(after=record.head()) as following:
        began, used = time.monotonic(), _processor_seconds()
        Timer(seconds, following.stop).start()
        for _ in following:
            break
        return {"cpu_percent": (_processor_seconds() - used) / (time.monotonic() - began) * 100}


def _open(path: Path) -> Record:
    return Record(path, lambda: datetime.now(UTC), create=False)


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    asked = {"seen": seen, "idle": idle}[sys.argv[2]]
    print(json.dumps(asked(Path(sys.argv[1]), int(sys.argv[3]))))
