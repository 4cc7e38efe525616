"""Where the leaves of the tree come from: rows of the record, in batches and in flat memory."""

from collections.abc import Callable, Iterator

from events.store import Record
from events.store.recorder import Row

ROWS_AT_ONCE = 2048
"""Rows in a batch: many enough to be fast, few enough to stay in the caches of a core; whole tiles of 256 leaves."""

Batches = Callable[[int, int], Iterator[list[Row]]]
"""Rows with a position greater than the first number and at most the second, in order; no batch is empty."""


def rows_of(record: Record) -> Batches:
    """Reads the rows that the record's own store has."""

    def read(after: int, until: int) -> Iterator[list[Row]]:
        while after < until:
            # Batches end where tiles do, so that a later comparison with tiles has whole ones.
            stop = min(until, after - after % ROWS_AT_ONCE + ROWS_AT_ONCE)
            rows = record.recorder.select_rows(after=after, limit=None, stop=stop)
            if rows:
                yield rows
            after = stop

    return read
