"""Reading everything into typed facts, beside the library's default mapper and recorder reading as many events."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.measuring import Row, at_least, medians
from benchmarks.story import BATCH, Ours
from benchmarks.yardstick import Declared, Theirs
from events.store.record import READ_AT_ONCE


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Facts per second from rows in memory, and from the file."""
    facts = 5_000 if quick else 25_000
    with closing(Ours(folder / "ours.sqlite")) as ours, closing(Theirs(folder / "theirs.sqlite", Declared)) as theirs:
        for _ in range(facts // BATCH):
            ours.append()
            theirs.append()
        return _rates(ours, theirs, facts, rounds=3 if quick else 9)


def _rates(ours: Ours, theirs: Theirs, facts: int, *, rounds: int) -> list[Row]:
    record, app = ours.record, theirs.app
    here, there = record.head() - facts, (app.recorder.max_notification_id() or 0) - facts
    our_rows = record.recorder.select_notifications(here + 1, facts)
    their_rows = app.recorder.select_notifications(there + 1, facts)
    taken = medians(
        {
            "our mapper": lambda: _count(map(record.mapper.to_domain_event, our_rows), facts),
            "their mapper": lambda: _count(map(app.mapper.to_domain_event, their_rows), facts),
            "our reading": lambda: _count(record.read(after=here), facts),
            "their reading": lambda: _count(_read(theirs, there), facts),
        },
        rounds=rounds,
    )
    rate = {name: facts / seconds for name, seconds in taken.items()}
    return [
        at_least("mapper: stored to typed", rate["our mapper"], "facts/s", "library's mapper", rate["their mapper"], 3),
        at_least(
            "read everything, from the file",
            rate["our reading"],
            "facts/s",
            "library's recorder and mapper",
            rate["their reading"],
            3,
        ),
    ]


def _read(theirs: Theirs, after: int) -> Iterator[Any]:
    """What ``Record.read`` does, with the library's recorder and mapper: pages as large as ours."""
    while page := theirs.app.recorder.select_notifications(after, READ_AT_ONCE, inclusive_of_start=False):
        for notification in page:
            yield theirs.app.mapper.to_domain_event(notification)
        after = page[-1].id


def _count(facts: Iterator[Any], expected: int) -> None:
    """Goes through all of them, keeping none.

    Raises:
        ValueError: not as many as expected.
    """
    if (found := sum(1 for _ in facts)) != expected:
        raise ValueError(f"{found} facts instead of {expected}")
