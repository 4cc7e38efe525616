"""In which order did things happen? The record has them in the order in which they became known."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from events.envelope import Recorded


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How far facts of one chassis reach: the newest moment at which one happened, and those recorded behind others.

    ``first`` is the moment of the first fact that counts, see ``survey``; ``head`` the last position that was read.
    """

    first: datetime
    last: datetime
    head: int
    behind: tuple[Recorded, ...]


def survey(recorded: Iterable[Recorded], *, from_position: int = 0) -> Extent | None:
    """How far the facts of one chassis reach; none where there are none from ``from_position`` on.

    ``first`` is the moment at which the first of them happened; without a position, the earliest of all moments.
    """
    first: datetime | None = None
    last, head, behind = None, 0, list[Recorded]()
    for one in recorded:
        at, head = one.occurred_at, one.position
        if first is None:
            first = at if one.position >= from_position else None
        elif not from_position:
            first = min(first, at)
        if last is not None and at < last:
            behind.append(one)
        last = at if last is None else max(last, at)
    if first is None or last is None:
        return None
    return Extent(first=first, last=last, head=head, behind=tuple(sorted(behind, key=_moment)))


def in_order_of_happening(recorded: Iterable[Recorded], extent: Extent) -> Iterator[Recorded]:
    """The facts that ``extent`` was made of, by ``occurred_at``; those of one moment in the order of the record.

    Only what was recorded behind others is held in memory.
    """
    return heapq.merge(_ahead(recorded, extent.head), extent.behind, key=_moment)


def _ahead(recorded: Iterable[Recorded], head: int) -> Iterator[Recorded]:
    newest: datetime | None = None
    for one in recorded:
        if one.position > head:
            return
        if newest is None or one.occurred_at >= newest:
            newest = one.occurred_at
            yield one


def _moment(recorded: Recorded) -> tuple[datetime, int]:
    return recorded.occurred_at, recorded.version
