"""Whether the index of a table of events, by which a chassis is read, leads to the rows of that table."""

from collections.abc import Callable, Iterator
from typing import Any

from audit.verification_answer import Finding, Kind
from events.store.row_queries import INDEX

# As a reader finds it: each row by its chassis and version.
_ROWS = f"""SELECT COUNT(*), COUNT(hidden), MIN(hidden) FROM (
    SELECT CASE WHEN EXISTS (SELECT 1 FROM stored_events i INDEXED BY {INDEX}
            WHERE i.originator_id = t.originator_id AND i.originator_version = t.originator_version
            AND i.position = t.position) THEN NULL ELSE t.position END AS hidden
    FROM stored_events t NOT INDEXED WHERE t.position BETWEEN 1 AND ?)"""  # noqa: S608
_ENTRIES = f"SELECT COUNT(*) FROM stored_events INDEXED BY {INDEX} WHERE position BETWEEN 1 AND ?"  # noqa: S608

Ask = Callable[..., list[Any]]
"""Executes a statement with its parameters; returns all rows."""


def compare_index(ask: Ask, place: str, head: int) -> Iterator[Finding]:
    """Whether the index that is read by stream is that of the table that is read by position, up to ``head``.

    ``ask`` asks in one transaction: rows may be archived meanwhile.
    """
    rows, hidden, first = ask(_ROWS, head)[0]
    entries = ask(_ENTRIES, head)[0][0]
    if hidden:
        text = f"of {rows} events in {place}, {hidden} are not found by their chassis: its index was edited"
        yield answers_otherwise(first, text)
    elif entries != rows:
        text = f"{rows} events in {place} have {entries} entries in its index: it was edited"
        yield answers_otherwise(0, text)


def answers_otherwise(position: int, text: str) -> Finding:
    """What is read by chassis is not what stands at a position."""
    return Finding(kind=Kind.ANSWERS_OTHERWISE, text=text, first=position, last=position)
