"""Which positions are meant by two moments, and the rows at these positions."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from audit.bundle.asked import EvidenceError
from events.store import Record
from events.store.recorder import Row

ROWS_AT_ONCE = 5000

Moment = datetime | int
Progress = Callable[[int, int], object]


class _Timed(msgspec.Struct, frozen=True, gc=False):
    """What is read of a stored fact to place it in time."""

    recorded_at: Annotated[datetime, msgspec.Meta(tz=True)]


_TIMED = msgspec.json.Decoder(_Timed)


def positions(
    record: Record, begin: Moment, end: Moment, *, progress: Progress = lambda _done, _goal: None
) -> tuple[int, int]:
    """The first and the last position from ``begin`` to ``end``, both included; a time is that of recording.

    Clocks are set right, and those of several processes differ: facts do not lie in the order of their times. So the
    positions reach from the first fact of the period to its last one, and facts of other times may lie between.
    Nothing short of reading from both ends finds these two; ``progress`` is told how far that has come.

    Raises:
        EvidenceError: nothing is between them, or it cannot be read when a fact was recorded.
    """
    head = record.head()
    for moment in (begin, end):
        if isinstance(moment, int) and not 1 <= moment <= head:
            raise EvidenceError(f"there is no position {moment}: the record ends at {head}")
    first = begin if isinstance(begin, int) else _find(_blocks(record, head), begin, end, head, progress)
    if first is None:
        raise EvidenceError("nothing was recorded from the one moment to the other")
    last = end if isinstance(end, int) else _find(_blocks_from_end(record, head), begin, end, head, progress)
    if last is None or first > last:
        raise EvidenceError("nothing was recorded from the one moment to the other")
    return first, last


def rows_between(record: Record, first: int, last: int, chassis: str | None) -> Iterator[Row]:
    """The rows from position ``first`` to ``last``, of all chassis or of one, in order and in flat memory.

    Those of one chassis come with their neighbours: the one before the range, and the one behind it.
    """
    if chassis is not None:
        yield from _rows_of(record, chassis, first, last)
        return
    after = first - 1
    while rows := record.recorder.select_rows(after=after, limit=ROWS_AT_ONCE, stop=last):
        yield from rows
        after = rows[-1][0]


def _rows_of(record: Record, chassis: str, first: int, last: int) -> Iterator[Row]:
    before: Row | None = None
    for row in _stream(record, chassis):
        if row[0] < first:
            before = row
            continue
        if before is not None:
            yield before
            before = None
        yield row
        if row[0] > last:
            return


def _stream(record: Record, chassis: str) -> Iterator[Row]:
    version = 0
    while rows := record.recorder.select_stream(chassis, after=version, limit=ROWS_AT_ONCE):
        yield from rows
        version = rows[-1][2]


def _find(blocks: Iterable[list[Row]], begin: Moment, end: Moment, head: int, progress: Progress) -> int | None:
    """The position of the first row that was recorded in a period; one of its ends may be a position."""
    done = 0
    for rows in blocks:
        for row in rows:
            if _is_between(row, begin, end):
                return row[0]
        done += len(rows)
        progress(done, head)
    return None


def _is_between(row: Row, begin: Moment, end: Moment) -> bool:
    position = row[0]
    if (isinstance(begin, int) and position < begin) or (isinstance(end, int) and position > end):
        return False
    try:
        recorded_at = _TIMED.decode(row[4]).recorded_at
    except (msgspec.MsgspecError, TypeError) as error:
        said = f"it cannot be read when position {position} was recorded; see: understudy fsck"
        raise EvidenceError(said) from error
    return (isinstance(begin, int) or begin <= recorded_at) and (isinstance(end, int) or recorded_at <= end)


def _blocks(record: Record, head: int) -> Iterator[list[Row]]:
    after = 0
    while rows := record.recorder.select_rows(after=after, limit=ROWS_AT_ONCE, stop=head):
        yield rows
        after = rows[-1][0]


def _blocks_from_end(record: Record, head: int) -> Iterator[list[Row]]:
    for stop in range(head, 0, -ROWS_AT_ONCE):
        after = max(0, stop - ROWS_AT_ONCE)
        yield record.recorder.select_rows(after=after, limit=None, stop=stop)[::-1]
