"""Appending: decide and record in durable batches of 500, beside the library's own default doing the same."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.measuring import Row, at_least, beside, medians
from benchmarks.story import BATCH, FACTS_PER_CYCLE, Ours
from benchmarks.yardstick import Declared, Theirs, Triggered
from events.envelope import Recorded
from events.store.sqlite import CHECKPOINT_PAGES

BATCHES_A_TURN = 10
_LIBRARY_OWN = {"originator_id", "originator_version", "timestamp"}


class Raw:
    """The same bytes into the same table, by ``executemany`` of the sqlite3 module, with the same durability."""

    def __init__(self, path: Path, ours: Ours) -> None:
        self._ours = ours
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        schema = "SELECT sql FROM sqlite_schema WHERE tbl_name = 'stored_events' AND sql IS NOT NULL"
        with closing(sqlite3.connect(ours.record.place)) as source:
            for (statement,) in source.execute(schema).fetchall():
                self._connection.execute(statement)
        self._batches: list[list[tuple[str, int, str, bytes]]] = []

    def take(self) -> None:
        """Takes over what our record has appended in its last turn."""
        recorder = self._ours.record.recorder
        turn = BATCH * BATCHES_A_TURN
        newest = recorder.select_rows(after=self._ours.record.head() - turn, limit=turn)
        rows = [row[1:] for row in newest]
        self._batches = [rows[first : first + BATCH] for first in range(0, turn, BATCH)]

    def append(self) -> None:
        """Inserts the next batch of it, in one transaction."""
        insert = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?)"
        self._connection.execute("BEGIN")
        self._connection.executemany(insert, self._batches.pop(0))
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Facts per second of each, in a file of its own in ``folder``."""
    with (
        closing(Ours(folder / "ours.sqlite")) as ours,
        closing(Theirs(folder / "declared.sqlite", Declared)) as declared,
        closing(Theirs(folder / "triggered.sqlite", Triggered)) as triggered,
        closing(Raw(folder / "raw.sqlite", ours)) as raw,
    ):
        check_same(ours, declared)
        check_same(ours, triggered)
        turns = {
            name: _turn(contender.append)
            for name, contender in (("ours", ours), ("declared", declared), ("triggered", triggered), ("raw", raw))
        }
        taken = medians(turns, rounds=5 if quick else 25, between=raw.take)
    rate = {name: BATCH * BATCHES_A_TURN / seconds for name, seconds in taken.items()}
    what, unit = f"append, {BATCH} facts per durable transaction", "facts/s"
    return [
        at_least(what, rate["ours"], unit, "library, @event methods", rate["declared"], 3),
        beside(what, rate["ours"], unit, "library, trigger_event", rate["triggered"]),
        beside(what, rate["ours"], unit, "raw sqlite3 executemany", rate["raw"]),
    ]


def _turn(append: Callable[[], None]) -> Callable[[], None]:
    def turn() -> None:
        for _ in range(BATCHES_A_TURN):
            append()

    return turn


def check_same(ours: Ours, theirs: Theirs) -> None:
    """Compares a cycle of both, so that the two really do the same.

    Raises:
        ValueError: another fact, or another field.
    """
    recorder = theirs.app.recorder
    last = recorder.max_notification_id() or 0
    events = [
        theirs.app.mapper.to_domain_event(stored)
        for stored in recorder.select_notifications(last - FACTS_PER_CYCLE + 1, FACTS_PER_CYCLE)
    ]
    ours.append(FACTS_PER_CYCLE)
    for recorded, event in zip(ours.record.read(after=ours.record.head() - FACTS_PER_CYCLE), events, strict=True):
        if _shape(recorded) != (type(event).__name__, sorted(vars(event).keys() - _LIBRARY_OWN)):
            raise ValueError(f"{recorded.fact} is not the same as {event}")


def _shape(recorded: Recorded) -> tuple[str, list[str]]:
    fields = [*msgspec.structs.asdict(recorded.fact), "occurred_at", "correlation", "causation"]
    return type(recorded.fact).__name__, sorted(fields)
