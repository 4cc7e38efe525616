"""Progress of long work over the record, on a terminal only: how much is done, how fast, and how long it will take."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

_REFRESH_SECONDS = 0.1


class Counting:
    """Shows how far long work has come; ``what`` is in the form of "reading the record"."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._visible = sys.stderr.isatty()
        self._began: tuple[float, int] | None = None
        self._shown = time.monotonic()

    def show(self, done: int, goal: int) -> None:
        """``done`` of ``goal`` facts are done; with the last one, the line is taken away."""
        now = time.monotonic()
        if self._began is None:
            self._began = now, done
        if not self._visible or (now - self._shown < _REFRESH_SECONDS and done < goal):
            return
        self._shown = now
        if done >= goal:
            self.clear()
            return
        began, first = self._began
        rate = (done - first) / (now - began) if now > began else 0.0
        left = f", {rate:,.0f}/s, {_span((goal - done) / rate)} left" if rate else ""
        sys.stderr.write(f"\r\x1b[2K{self._what}: {100 * done // goal} % of {goal:,} facts{left}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Takes the line away."""
        if self._visible:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


@contextmanager
def counting(what: str) -> Generator[Counting]:
    """A ``Counting`` whose line is gone afterwards, whatever happens."""
    shown = Counting(what)
    try:
        yield shown
    finally:
        shown.clear()


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
