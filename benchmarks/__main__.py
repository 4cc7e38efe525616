"""Benchmarks: ``python -m benchmarks [NAME ...] [--quick] [--json FILE]``, or ``make bench``.

append        Facts per second through ``decide`` and the store, 500 per durable transaction (SQLite, WAL, synchronous
              FULL). Beside it, in turns: the eventsourcing library's own Application (Aggregate, JSONTranscoder,
              SQLite) doing the same story, in the style of its documentation (``@event``) and in its faster one
              (``trigger_event``), and raw ``sqlite3`` inserts of the same bytes: the floor.
history_queries  ``audit as-of`` at random moments of a short (100,000) and a long record (10,000,000 facts) of 1,000
              chassis, ``show system alarms`` of the long one, as whole processes; of the long one, its rebuild and
              ``verify``, too. UNDERSTUDY_HISTORY may name a folder that has ``short.sqlite`` and ``long.sqlite``.
publish       To a real Kafka broker: messages per second, beside kafka-python alone sending the same bytes in the same
              transactions; and the publisher's memory over many facts and over an outage of the broker under load.
read          Facts per second from what is stored to typed facts: rows in memory (mapper), and from the file (all).
              Beside it, the library's default mapper, and its recorder and mapper, over as many events.
rebuild       All projections from position 1, in a process of its own: seconds and peak memory (``VmHWM``).
scrape        Milliseconds of a scrape of all chassis over HTTP, with and without gzip, with nothing changed and 1 % of
              them changed since the last one; beside it, plain gauges of prometheus-client behind its own server.
              And the longest pause that scrapes make in another thread of the exporter's process.
subscribe     Milliseconds from the call that appends (so with the decision and the flush to disk) until a subscriber in
              another process has the fact; and what an idle subscriber costs.
subscribe_kafka  The same through publisher and broker; beside it, messages of that size by kafka-python alone.
synchronize   A boot environment between local folders, beside ``cp -r``, ``sync`` and ``sha256sum`` of both copies.
verify        ``audit verify`` of a record with its tree and checkpoints, beside SHA-256 of the same bytes;
              and appending beside a notary, and without one.

How to read it: machines are shared and noisy, so contenders take turns and medians are shown. Ratios are what counts;
figures say something only beside their yardstick, and next to a load average well under the number of cores.
"""

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks import (
    append,
    history_queries,
    publish,
    read,
    rebuild,
    scrape,
    subscribe,
    subscribe_kafka,
    synchronize,
    verify,
)
from benchmarks.measuring import Row

BENCHMARKS: dict[str, Callable[..., list[Row]]] = {
    "append": append.run,
    "history_queries": history_queries.run,
    "publish": publish.run,
    "read": read.run,
    "rebuild": rebuild.run,
    "scrape": scrape.run,
    "subscribe": subscribe.run,
    "subscribe_kafka": subscribe_kafka.run,
    "synchronize": synchronize.run,
    "verify": verify.run,
}
LATEST = Path(__file__).parent / "results" / "latest.json"
HEADINGS = ("what", "figure", "unit", "beside", "ratio", "target", "", "load")


def main() -> None:
    """Runs what was asked for, prints the table and writes the JSON."""
    arguments = _arguments()
    rows: list[Row] = []
    for name in arguments.names or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        # Beside the results, not in /tmp: that may be memory, where a flush costs nothing.
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=arguments.json.parent, prefix=f"{name}-") as folder:
            rows += BENCHMARKS[name](Path(folder), quick=arguments.quick)
    print(_table(rows))
    arguments.json.write_text(json.dumps(_document(rows, quick=arguments.quick), indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *BENCHMARKS], help="default: all")
    parser.add_argument("--quick", action="store_true", help="smaller loads, for a first look")
    parser.add_argument("--json", type=Path, default=LATEST, metavar="FILE", help=f"default: {LATEST.name}")
    return parser.parse_args()


def _table(rows: list[Row]) -> str:
    lines = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in {1, 4, 7} else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        f"{row.figure:,.0f}" if row.figure >= 1000 else f"{row.figure:.3g}",
        row.unit,
        row.yardstick,
        "" if row.ratio is None else f"{row.ratio:.2f}",
        row.target,
        "" if row.met is None else ("met" if row.met else "MISSED"),
        f"{row.load:.2f}",
    )


def _document(rows: list[Row], *, quick: bool) -> dict[str, object]:
    return {
        "measured_at": datetime.now(UTC).isoformat(),
        "quick": quick,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "cores": os.cpu_count(),
        "rows": msgspec.to_builtins(rows),
    }


if __name__ == "__main__":
    main()
