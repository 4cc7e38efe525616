"""What a subscription gives: an iterator that ends when it is told to, and knows how far its reader has come."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from threading import Event
from types import TracebackType
from typing import Generic, NamedTuple, Self, TypeVar

T = TypeVar("T")

Marks = Mapping[int, int]
"""How far a reader has come: by partition the offset to go on at; from the record, 0 and the position."""


class Entry(NamedTuple, Generic[T]):
    """Something to deliver; or nothing, only a mark. Who has handled it and all before it has come to its mark."""

    item: T | None
    mark: tuple[int, int] | None = None


Batches = Generator[list[Entry[T]], None, None]


def _forget(_marks: Marks) -> None:
    """Who has no group remembers nothing."""


def _nothing() -> None:
    """There is nothing to wake and nothing to close."""


class Stream(Iterator[T]):
    """An iterator; a context manager, whose end closes it. ``stop``, from any thread, ends the iteration.

    Asking for the next item says that the one before is handled. A group then remembers it, before the iteration waits;
    ``commit`` makes it do so now, which who stops asking has to do.
    """

    def __init__(
        self,
        batches: Batches[T],
        stopped: Event,
        *,
        wake: Callable[[], None] = _nothing,
        close: Callable[[], None] = _nothing,
    ) -> None:
        """``wake`` ends the waiting of ``batches`` once ``stopped`` is set; ``close`` lets go of what they need."""
        self._batches = batches
        self._stopped = stopped
        self._wake = wake
        self._close = [close]
        self._keep: Callable[[T], bool] | None = None
        self._remember: Callable[[Marks], None] = _forget
        self._batch: deque[Entry[T]] = deque()
        self._marks: dict[int, int] = {}

    def where(self, keep: Callable[[T], bool]) -> Self:
        """This stream, of which only what ``keep`` accepts is delivered."""
        self._keep = keep
        return self

    def remembered_by(self, remember: Callable[[Marks], None], close: Callable[[], None]) -> Self:
        """This stream, with somebody who remembers how far it was handled, until it is closed."""
        self._remember = remember
        self._close.append(close)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        while not self._stopped.is_set():
            if not self._batch:
                self.commit()
                self._batch.extend(next(self._batches))
                continue
            item, mark = self._batch.popleft()
            if mark is not None:
                self._marks[mark[0]] = mark[1]
            if item is not None and (self._keep is None or self._keep(item)):
                return item
        self.commit()
        raise StopIteration

    def commit(self) -> None:
        """Has the group remember that everything delivered so far is handled."""
        if self._marks:
            self._remember(self._marks)
            self._marks = {}

    def stop(self) -> None:
        """Ends the iteration, also where it waits; safe from any thread, and more than once."""
        self._stopped.set()
        self._wake()

    def close(self) -> None:
        """Lets go of everything; what was delivered and not committed comes again to its group."""
        self.stop()
        self._batches.close()
        while self._close:
            self._close.pop(0)()
