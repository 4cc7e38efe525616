"""Whether the index of a table of events, by which a chassis is read, leads to the rows of that table."""

from collections.abc import Callable, Iterator
from typing import Any

from audit.verification_answer import Finding, Kind

_INDEX = "sqlite_autoindex_stored_events_1"
# Each entry of the index leads to the row that it says, and there are as many as rows.
_ENTRIES = f"""SELECT COUNT(*), MIN(CASE WHEN t.originator_id IS i.originator_id
        AND t.originator_version IS i.originator_version THEN NULL ELSE i.position END)
    FROM stored_events i INDEXED BY {_INDEX} LEFT JOIN stored_events t NOT INDEXED ON t.position = i.position
    WHERE i.position <= ?"""  # noqa: S608
_HIDDEN = f"""SELECT MIN(t.position) FROM stored_events t NOT INDEXED WHERE NOT EXISTS (
    SELECT 1 FROM stored_events i INDEXED BY {_INDEX}
    WHERE i.originator_id = t.originator_id AND i.originator_version = t.originator_version)"""  # noqa: S608

Ask = Callable[..., list[Any]]
"""Executes a statement with its parameters; returns all rows."""


def compare_index(ask: Ask, place: str, rows: int, head: int) -> Iterator[Finding]:
    """Whether the index that is read by stream is that of the table that is read by position, up to ``head``."""
    entries, wrong = ask(_ENTRIES, head)[0]
    if entries != rows or wrong is not None:
        hidden = ask(_HIDDEN)[0][0]
        first = hidden if wrong is None else wrong
        text = f"of {rows} events in {place}, {entries} are found by their chassis: its index was edited"
        yield answers_otherwise(first or 0, text)


def answers_otherwise(position: int, text: str) -> Finding:
    """What is read by chassis is not what stands at a position."""
    return Finding(kind=Kind.ANSWERS_OTHERWISE, text=text, first=position, last=position)
