"""Queries for rows in SQLite, the same for the record's own table and for that of an archived segment."""

from collections.abc import Sequence
from typing import Any, NamedTuple

_COLUMNS = "SELECT position, originator_id, originator_version, topic, state FROM stored_events"
_NO_END = 2**62


class Query(NamedTuple):
    """A statement and its parameters."""

    statement: str
    parameters: list[Any]


def rows_after(after: int, limit: int | None, stop: int | None, topics: Sequence[str]) -> Query:
    """Rows with a position greater than ``after`` and at most ``stop``, in its order."""
    where, parameters = "position > ?", [after, *topics]
    if topics:
        where += f" AND topic IN ({','.join('?' * len(topics))})"
    if stop is not None:
        where += " AND position <= ?"
        parameters.append(stop)
    return _query(where, parameters, "position", limit)


def events_of(stream: str, gt: int, lte: int | None, limit: int | None, *, desc: bool) -> Query:
    """Rows of one stream with a version greater than ``gt`` and at most ``lte``, in its order or against it."""
    where = "originator_id = ? AND originator_version > ? AND originator_version <= ?"
    order = f"originator_version {'DESC' if desc else 'ASC'}"
    return _query(where, [stream, gt, lte if lte is not None else _NO_END], order, limit)


def _query(where: str, parameters: list[Any], order: str, limit: int | None) -> Query:
    # Only constants; every value is a parameter.
    return Query(f"{_COLUMNS} WHERE {where} ORDER BY {order} LIMIT ?", [*parameters, -1 if limit is None else limit])
