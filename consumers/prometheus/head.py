"""The position of the newest fact, asked of the record for each scrape, and told in time whatever the record does."""

from concurrent.futures import Future
from threading import Lock, Thread
from time import monotonic

from consumers.prometheus.board import Board, check_same
from events.errors import RecordAwayError
from events.store import Record

PATIENCE_SECONDS = 2.0
"""How long an answer may wait for the record: well under the 10 seconds that Prometheus waits for it."""


class Head:
    """Asks on a thread of its own, one question at a time: one that hangs is not asked again by each scrape.

    It is asked, too, whether the record has still what the board has folded in.
    """

    def __init__(self, record: Record, board: Board) -> None:
        self._record = record
        self._board = board
        self._lock = Lock()
        self._asked: Future[int] | None = None
        self._since = 0.0

    def position(self) -> int:
        """The position of the newest fact.

        Raises:
            RecordAwayError: the database cannot be reached, or does not answer in time.
            OtherHistoryError: the record has not what was folded in any more.
            Exception: whatever else the record raises.
        """
        asked, since = self._question()
        try:
            return asked.result(max(0.0, since + PATIENCE_SECONDS - monotonic()))
        except TimeoutError as error:
            if asked.done():
                raise
            raise RecordAwayError(f"it has not answered for {monotonic() - since:.0f} s") from error

    def _question(self) -> tuple[Future[int], float]:
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked, self._since = Future(), monotonic()
                Thread(target=self._ask, args=(self._asked,), name="metrics-head", daemon=True).start()
            return self._asked, self._since

    def _ask(self, asked: Future[int]) -> None:
        try:
            newest = self._board.newest
            # What a subscription asks has no patience of its own: with a database that is away, it fails at once.
            found = self._record.recorder.select_notifications(start=newest.position if newest else 1, limit=1)
            if newest is not None:
                check_same(newest, self._record.mapper.to_domain_event(found[0]) if found else None)
            asked.set_result(self._record.head())
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is waited for
            asked.set_exception(error)
