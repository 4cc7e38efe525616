"""Which positions are meant by two moments, and the rows at these positions."""

from collections.abc import Callable, Iterator
from datetime import datetime

from eventsourcing.persistence import Notification

from audit.bundle.asked import EvidenceError
from events.store import Record
from events.store.recorder import Row

ROWS_AT_ONCE = 5000
NEIGHBOURS = 1000
"""So many facts before and behind a time are looked at, too: clocks of several processes may differ a little."""

Moment = datetime | int
Reached = Callable[[datetime], bool]


def positions(record: Record, begin: Moment, end: Moment) -> tuple[int, int]:
    """The first and the last position from ``begin`` to ``end``, both included; a time is that of recording.

    Where facts were not recorded in the order of their times, the positions cover all that were recorded between.

    Raises:
        EvidenceError: nothing is between them.
    """
    head = record.head()
    first = begin if isinstance(begin, int) else _first_since(record, begin, head)
    last = end if isinstance(end, int) else _last_until(record, end, head)
    for moment in (begin, end):
        if isinstance(moment, int) and not 1 <= moment <= head:
            raise EvidenceError(f"there is no position {moment}: the record ends at {head}")
    if not 1 <= first <= last <= head:
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
    while stored := record.recorder.select_events(chassis, gt=version, limit=ROWS_AT_ONCE):
        for event in stored:
            assert isinstance(event, Notification)
            yield event.id, chassis, event.originator_version, event.topic, event.state
        version = stored[-1].originator_version


def _first_since(record: Record, moment: datetime, head: int) -> int:
    first = _search(record, head, lambda recorded_at: recorded_at >= moment)
    while before := _times(record, max(0, first - 1 - NEIGHBOURS), first - 1):
        earlier = [position for position, recorded_at in before if recorded_at >= moment]
        if not earlier:
            break
        first = earlier[0]
    return first


def _last_until(record: Record, moment: datetime, head: int) -> int:
    last = _search(record, head, lambda recorded_at: recorded_at > moment) - 1
    while behind := _times(record, last, min(head, last + NEIGHBOURS)):
        later = [position for position, recorded_at in behind if recorded_at <= moment]
        if not later:
            break
        last = later[-1]
    return last


def _search(record: Record, head: int, reached: Reached) -> int:
    """The first position whose time of recording has reached something; the one behind the head if none has."""
    low, high = 1, head + 1
    while low < high:
        middle = (low + high) // 2
        if reached(_times(record, middle - 1, middle)[0][1]):
            high = middle
        else:
            low = middle + 1
    return low


def _times(record: Record, after: int, until: int) -> list[tuple[int, datetime]]:
    if until <= after:
        return []
    return [(one.position, one.recorded_at) for one in record.read(after=after, until=until)]
