"""Keeps a board up to date with the record, in a thread of its own, whatever happens to the record meanwhile."""

import logging
from collections.abc import Callable
from itertools import islice
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from consumers.prometheus.board import Board, OtherHistoryError, check_same
from events.envelope import Recorded
from events.store import Record
from events.store.following import Following
from events.store.record import READ_AT_ONCE

_log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
"""How long after a failure the record is tried again."""
_TOLD_EVERY = 1000
"""Facts between two reports of how far the first reading has come."""

Progress = Callable[[int, int], None]
"""Is told the position that was reached and the one to be reached."""


class BoardReader:
    """Reads the record from position 1, then follows it; a context manager, whose end stops it.

    A failure never ends it: it is logged once, shown as ``failure`` until the record is read again, and tried again.
    Where the record has lost what was folded, ``clear`` has everything forgotten, and it reads from position 1.
    """

    def __init__(
        self,
        record: Record,
        board: Board,
        *,
        clear: Callable[[], object],
        when_read: Callable[[], object],
        progress: Progress | None = None,
    ) -> None:
        self._record = record
        self._board = board
        self._clear = clear
        self._when_read = when_read
        self._progress = progress
        self._read = Event()
        self._stopped = Event()
        self._lock = Lock()
        self._following: Following | None = None
        self._thread = Thread(target=self._run, name="metrics-reader", daemon=True)
        self.failure = ""
        self.goal = 0
        self.readings = 1
        """How often it has begun at position 1."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._stopped.set()
        self.look_again()
        self._thread.join()

    def look_again(self) -> None:
        """Has it see whether the record goes on from what was folded; otherwise a new fact makes it do so."""
        with self._lock:
            if self._following is not None:
                self._following.stop()

    @property
    def position(self) -> int:
        """Of the newest fact that it has folded in."""
        return self._board.position

    @property
    def has_read(self) -> bool:
        """Whether it has come to what was the head when it began."""
        return self._read.is_set()

    def wait_until_read(self, timeout: float | None = None) -> bool:
        """Waits for ``has_read``; says whether it came true within ``timeout`` seconds."""
        return self._read.wait(timeout)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                if not self.has_read:
                    self._read_all()
                self._follow()
            except OtherHistoryError as error:
                _log.warning(
                    "the record has lost events, or was restored: %s; the metrics begin again at position 1", error
                )
                self._begin_again()
                self._stopped.wait(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who supervise in this process go on
                self._fail(error)
                self._stopped.wait(RETRY_SECONDS)

    def _fail(self, error: Exception) -> None:
        failure = str(error) or type(error).__name__
        if failure != self.failure:
            _log.warning("the metrics stand still at position %d: %s", self._board.position, failure)
        self.failure = failure

    def _begin_again(self) -> None:
        self.readings += 1  # first, so that no scrape that is under way passes for one of before
        self._read.clear()
        self._clear()

    def _read_all(self) -> None:
        """Folds what is there already, and has everything rendered once, so that no scrape waits for that."""
        self.goal = self._record.head()
        self._read_on(self.goal)
        if self._stopped.is_set():
            return
        self._when_read()
        if self._progress is not None:
            self._progress(self.goal, self.goal)
        self._read.set()

    def _follow(self) -> None:
        with self._record.follow(after=self._board.position) as facts:
            with self._lock:
                self._following = facts
                if self._stopped.is_set():
                    return
            self._read_on()
            self.failure = ""
            for recorded in facts:
                if recorded.position > self._board.position:
                    self._read_on()
                self.failure = ""
        with self._lock:
            self._following = None

    def _read_on(self, until: int | None = None) -> None:
        """Folds what there is, as long as it goes on from what was folded."""
        while not self._stopped.is_set():
            newest = self._board.newest
            begin = 0 if newest is None else newest.position - 1
            # One statement reads what was folded last and what comes after it: no fact is of another history.
            facts = islice(self._record.read(after=begin, until=until), READ_AT_ONCE)
            if newest is not None:
                check_same(newest, next(facts, None))
            for recorded in facts:
                if self._stopped.is_set():
                    return
                self._fold(recorded)
            if self._board.position < begin + READ_AT_ONCE:
                return

    def _fold(self, recorded: Recorded) -> None:
        self._board.apply(recorded)
        if self._progress is not None and not self.has_read and recorded.position % _TOLD_EVERY == 1:
            self._progress(recorded.position, self.goal)
