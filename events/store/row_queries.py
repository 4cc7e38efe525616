"""Queries for rows in SQLite, the same for the record's own table and for that of an archived segment."""

from collections.abc import Sequence
from typing import Any, NamedTuple

_COLUMNS = "SELECT position, originator_id, originator_version, topic, state FROM stored_events"
INDEX = "sqlite_autoindex_stored_events_1"
"""What SQLite names the index by stream. No other is ever to answer, whatever somebody has put into the file."""
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
    return _query("NOT INDEXED", where, parameters, "position", limit)


def events_of(stream: str, gt: int, lte: int | None, limit: int | None, *, desc: bool) -> Query:
    """Rows of one stream with a version greater than ``gt`` and at most ``lte``, in its order or against it."""
    where = "originator_id = ? AND originator_version > ? AND originator_version <= ?"
    order = f"originator_version {'DESC' if desc else 'ASC'}"
    return _query(f"INDEXED BY {INDEX}", where, [stream, gt, lte if lte is not None else _NO_END], order, limit)


def _query(index: str, where: str, parameters: list[Any], order: str, limit: int | None) -> Query:
    # Only constants; every value is a parameter.
    bounds = [*parameters, -1 if limit is None else limit]
    return Query(f"{_COLUMNS} {index} WHERE {where} ORDER BY {order} LIMIT ?", bounds)
