"""Where on the page does a moment lie? One axis for all lanes, in percent of their width, with ticks at round times."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from projections.period_lanes import Span

MARGIN = 1.5
"""Percent left free on both sides: there the arrows of bars stand that began before or go on after."""

MOST_TICKS = 9
"""So many labels have room beside each other on a narrow page."""

_STEPS = (
    *(timedelta(milliseconds=step) for step in (1, 5, 10, 50, 100, 250, 500)),
    *(timedelta(seconds=step) for step in (1, 2, 5, 10, 15, 30)),
    *(timedelta(minutes=step) for step in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=step) for step in (1, 2, 3, 6, 12)),
    *(timedelta(days=step) for step in (1, 2, 7, 14, 28, 91, 182, 364, 728, 1820, 3640, 36400)),
)
_DAY, _MINUTE, _SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
_MONDAY = datetime(2001, 1, 1, tzinfo=UTC)


class Tick(NamedTuple):
    """A labelled moment; ``date`` is given where the day is another one than at the tick before."""

    x: float
    label: str
    date: str


class Axis:
    """Maps the moments of a period to percent."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self._length = max(span.end - span.begin, timedelta(microseconds=1))

    def x(self, at: datetime) -> float:
        """Where a moment lies, in percent; what is outside the period lies at its edge."""
        inside = min(max(at, self.span.begin), self.span.end)
        return MARGIN + (100 - 2 * MARGIN) * ((inside - self.span.begin) / self._length)

    def ticks(self) -> list[Tick]:
        """Round moments of the period, at most ``MOST_TICKS``."""
        step = next((step for step in _STEPS if self._length / step <= MOST_TICKS - 1), _STEPS[-1])
        after = (self.span.begin - _MONDAY) % step
        at = self.span.begin if not after else self.span.begin - after + step
        found: list[Tick] = []
        day = ""
        while at <= self.span.end and len(found) < MOST_TICKS:
            date = f"{at.astimezone(UTC):%Y-%m-%d}"
            found.append(Tick(round(self.x(at), 3), date if step >= _DAY else _clock(at, step), date * (date != day)))
            at, day = at + step, date
        return [Tick(tick.x, tick.label, "") for tick in found] if step >= _DAY else found


def _clock(at: datetime, step: timedelta) -> str:
    at = at.astimezone(UTC)
    if step >= _MINUTE:
        return f"{at:%H:%M}"
    return f"{at:%H:%M:%S}" if step >= _SECOND else f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
