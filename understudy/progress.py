"""Progress of an attempt on a terminal: one line that is written over, and nothing at all anywhere else."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from events.causes import Stage
from producers.observer import Observer, Silent

REFRESH_SECONDS = 0.1


class TerminalProgress:
    """Shows the stage, the file and how much of it is done."""

    def __init__(self) -> None:
        self._stage = ""
        self._file = ""
        self._size = self._done = 0
        self._shown = 0.0

    def stage(self, stage: Stage) -> None:
        """The attempt enters a stage."""
        self._stage, self._file = stage.value, ""
        self._show(at_once=True)

    def file(self, name: str, size: int) -> None:
        """The copy of a file begins."""
        self._file, self._size, self._done = name, size, 0
        self._show(at_once=True)

    def copied(self, count: int) -> None:
        """So many more bytes are copied."""
        self._done += count
        self._show(at_once=False)

    def clear(self) -> None:
        """Takes the line away."""
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()

    def _show(self, *, at_once: bool) -> None:
        now = time.monotonic()
        if not at_once and now - self._shown < REFRESH_SECONDS:
            return
        self._shown = now
        part = f" {self._file} {100 * self._done // max(self._size, 1):3d} %" if self._file else ""
        sys.stderr.write(f"\r\x1b[2K{self._stage}{part}")
        sys.stderr.flush()


@contextmanager
def observer() -> Generator[Observer]:
    """An observer that shows progress if somebody can see it."""
    if not sys.stderr.isatty():
        yield Silent()
        return
    progress = TerminalProgress()
    try:
        yield progress
    finally:
        progress.clear()
