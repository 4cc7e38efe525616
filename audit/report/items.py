"""What stands in a lane, and where? Bars and marks become items; those too close to be told apart become one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from audit.report.axis import Axis
from audit.report.looks import WORST_FIRST
from audit.report.wording import length, moment, plural, words
from projections.period_lanes import Bar, Lane, LaneKind, Mark

COLUMN = 0.4
"""Percent of the width that a pixel of a narrow page is wide: what is thinner is drawn so."""

MARK_COLUMN = 1.0
"""Percent that a mark takes."""

NUMBERED_COLUMN = 3.2
"""Percent that a mark takes with the number of those that it stands for."""

_LETTER = 1.15
"""Percent that a letter takes on a narrow page."""

_LISTED = 4
"""So many sentences are told of an item that stands for several."""

SEVERAL = "several"
TIMES = "\N{MULTIPLICATION SIGN}"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to look at: ``x`` and ``width`` in percent, what the reader is told, and the row that tells more.

    ``look`` is the state of a bar or the kind of a mark; ``count`` says how many it stands for. Where those differ a
    mark looks like ``several``, and a bar like the worst of them and is ``mixed``.
    """

    mark: bool
    look: str
    x: float
    width: float
    heading: str
    sentences: tuple[str, ...]
    row: str = ""
    count: int = 1
    label: str = ""
    mixed: bool = False
    before: bool = False
    after: bool = False

    @property
    def told(self) -> str:
        """Everything, as it is read aloud."""
        return "\n".join((self.heading, *self.sentences))


def items(lane: Lane, axis: Axis, rows: frozenset[str]) -> list[Item]:
    """The items of a lane in order of time, bars before marks. ``rows`` are the ids of the rows that the page has."""
    bars = [_bar(group, lane, axis, rows) for group in _crowds(lane.bars, axis)]
    marks = [_mark(group, axis, rows) for group in _heaps(lane.marks, axis)]
    return sorted(_labelled(bars, lane.kind) + marks, key=lambda item: (item.x, item.mark))


def shade(bars: Iterable[Bar], axis: Axis) -> list[tuple[float, float]]:
    """Place and width of bars that are only background, in percent."""
    return [(round(axis.x(bar.begin), 3), _width(bar, axis)) for bar in bars]


def row_of(kind: LaneKind, position: int) -> str:
    """The id that the row of what began at ``position`` has in its table."""
    return f"{kind}-{position}"


def _width(bar: Bar, axis: Axis) -> float:
    return round(max(axis.x(bar.end) - axis.x(bar.begin), COLUMN), 3)


def _crowds(bars: Sequence[Bar], axis: Axis) -> list[list[Bar]]:
    """Bars that are too thin to be told apart, together; all others alone."""
    groups: list[list[Bar]] = []
    open_column: int | None = None
    for bar in bars:
        begin, end = axis.x(bar.begin), axis.x(bar.end)
        column = int(begin / COLUMN) if end - begin < COLUMN else None
        if column is not None and column == open_column:
            groups[-1].append(bar)
        else:
            groups.append([bar])
        open_column = column
    return groups


def _heaps(marks: Sequence[Mark], axis: Axis) -> list[list[Mark]]:
    """Marks that would cover each other, together."""
    heaps: list[list[Mark]] = []
    first = 0.0
    for mark in marks:
        x = axis.x(mark.at)
        if heaps and x - first < (MARK_COLUMN if len(heaps[-1]) == 1 else NUMBERED_COLUMN):
            heaps[-1].append(mark)
        else:
            heaps.append([mark])
            first = x
    return heaps


def _bar(group: list[Bar], lane: Lane, axis: Axis, rows: frozenset[str]) -> Item:
    first, last = group[0], group[-1]
    looks = {bar.state for bar in group}
    row = row_of(lane.kind, first.position)
    begin, end = axis.x(first.begin), max(axis.x(bar.end) for bar in group)
    return Item(
        mark=False,
        look=min(looks, key=WORST_FIRST.index),
        mixed=len(looks) > 1,
        x=round(begin, 3),
        width=round(max(end - begin, COLUMN), 3),
        heading=_heading(first) if len(group) == 1 else _crowded(Counter(bar.state for bar in group), first, last.end),
        sentences=_sentences([(bar.position, bar.text) for bar in group]),
        row=row if row in rows else "",
        count=len(group),
        label=f"{len(group)}{TIMES}" if len(group) > 1 else first.note,
        before=any(bar.before for bar in group),
        after=any(bar.after for bar in group),
    )


def _heading(bar: Bar) -> str:
    state = f"{words(bar.state)} ({bar.note})" if bar.note else words(bar.state)
    began = f"{moment(bar.since)}, before this period," if bar.before else moment(bar.begin)
    lasted = length(bar.end - bar.since)
    if bar.after:
        return f"{state} from {began} to the end of the period and on ({lasted} so far)"
    return f"{state} from {began} to {moment(bar.end)} ({lasted})" if bar.end > bar.since else f"{state} at {began}"


def _crowded(kinds: Counter[str], first: Bar, end: datetime) -> str:
    what = ", ".join(f"{count} {TIMES} {words(kind)}" for kind, count in kinds.most_common())
    return f"{kinds.total()} in a row from {moment(first.begin)} to {moment(end)}: {what}"


def _mark(heap: list[Mark], axis: Axis, rows: frozenset[str]) -> Item:
    kinds = Counter(mark.kind for mark in heap)
    heading = f"{words(heap[0].kind)} at {moment(heap[0].at)}"
    if len(heap) > 1:
        what = ", ".join(f"{count} {TIMES} {words(kind)}" for kind, count in kinds.most_common())
        heading = f"{len(heap)} events from {moment(heap[0].at)} to {moment(heap[-1].at)}: {what}"
    known = (row_of(LaneKind.ALARM, mark.position) for mark in heap)
    return Item(
        mark=True,
        look=heap[0].kind if len(kinds) == 1 else SEVERAL,
        x=round(axis.x(heap[0].at), 3),
        width=0,
        heading=heading,
        sentences=_sentences([(mark.position, mark.text) for mark in heap]),
        row=next((row for row in known if row in rows), ""),
        count=len(heap),
    )


def _sentences(told: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    listed = [f"Event {position}: {text}" for position, text in told[:_LISTED]]
    if len(told) > _LISTED:
        listed.append(f"and {plural(len(told) - _LISTED, 'more event')}, the last one is {told[-1][0]}.")
    return tuple(listed)


def _labelled(bars: list[Item], kind: LaneKind) -> list[Item]:
    """With the word for a state where it fits: inside the bar, or for attempts and the like beside it."""
    beside = kind in {LaneKind.ATTEMPTS, LaneKind.SWITCHOVERS}
    nexts = [*(bar.x for bar in bars), 100.0][1:]
    labelled: list[Item] = []
    for bar, following in zip(bars, nexts, strict=True):
        word = bar.label or words(bar.look)
        room = following - bar.x - bar.width if beside else bar.width
        fits = (len(word) + 2) * _LETTER <= room and kind is not LaneKind.ALARM
        labelled.append(msgspec.structs.replace(bar, label=word if fits else ""))
    return labelled
