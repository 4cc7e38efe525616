"""Where the leaves of the tree come from: rows of the record, in batches and in flat memory."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from events.errors import RecordUnreadableError
from events.store import Record
from events.store.recorder import Row
from events.store.row_queries import rows_after

ROWS_AT_ONCE = 512
"""Rows in a batch: many enough to be fast, few enough to stay in the caches of a core; whole tiles of 256 leaves."""
ROWS_IN_ONE_READ = 32 * ROWS_AT_ONCE
"""Rows that are read in one transaction: it takes some 50 ms."""

Batches = Callable[[int, int], Iterator[list[Row]]]
"""Rows with a position greater than the first number and at most the second, in order; no batch is empty."""


def rows_of(record: Record) -> Batches:
    """Reads the rows that the record's own store has; a text that is none is given as its bytes."""

    def read(after: int, until: int) -> Iterator[list[Row]]:
        while after < until:
            # Batches end where tiles do, so that a later comparison with tiles has whole ones.
            stop = min(until, after - after % ROWS_IN_ONE_READ + ROWS_IN_ONE_READ)
            found = False
            for rows in _rows(record, after, stop):
                found = True
                yield rows
            after = stop if found else _before_next(record, stop, until)

    return read


def _before_next(record: Record, after: int, until: int) -> int:
    """The end of a gap, which may be as wide as nobody can walk."""
    # No text is read, which might be none.
    following = [one.first for one in record.recorder.segments() if one.first > after]
    newer = record.recorder.next_in_table(after)
    return min([until, *(first - 1 for first in following), *([newer - 1] if newer else [])])


def _rows(record: Record, after: int, stop: int) -> Iterator[list[Row]]:
    try:
        for rows in record.recorder.read_rows(after=after, stop=stop, at_once=ROWS_AT_ONCE):
            yield rows
            after = rows[-1][0]
    except RecordUnreadableError as error:
        if "UTF-8" not in str(error):
            raise
    else:
        return
    rows = _all_undecoded(record, after, stop)
    yield from (rows[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE))


def _all_undecoded(record: Record, after: int, stop: int) -> list[Row]:
    place, rows = Path(record.place).absolute(), list[Row]()
    segments = [one for one in record.recorder.segments() if one.last > after and one.first <= stop]
    for segment in segments:
        rows += _undecoded(place.parent / segment.file, after, min(stop, segment.last))
    archived = record.recorder.archived()
    return rows if stop <= archived else [*rows, *_undecoded(place, max(after, archived), stop)]


def _undecoded(path: Path, after: int, stop: int) -> list[Row]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = _text
        query = rows_after(after, None, stop, ())
        return connection.execute(query.statement, query.parameters).fetchall()


def _text(stored: bytes) -> str | bytes:
    """What is not UTF-8 was not written by any program of ours: it has the hash of no fact."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored
