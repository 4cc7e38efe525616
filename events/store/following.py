"""Following the record: past facts, then new ones, without a gap or a double."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from eventsourcing.persistence import Mapper, Subscription

from events.envelope import Recorded


class Following(Iterator[Recorded]):
    """An endless iterator over facts; a context manager, whose end, or ``stop`` from any thread, ends the iteration.

    >>> with record.follow(after=record.head()) as facts:  # doctest: +SKIP
    ...     for recorded in facts:
    ...         print(recorded.position, recorded.fact)
    """

    def __init__(self, subscription: Subscription[Any], mapper: Mapper[str]) -> None:
        self._subscription = subscription
        self._mapper = mapper

    def __enter__(self) -> Self:
        self._subscription.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._subscription.__exit__(kind, error, trace)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Recorded:
        recorded: Any = self._mapper.to_domain_event(next(self._subscription))
        assert isinstance(recorded, Recorded)
        return recorded

    def stop(self) -> None:
        """Ends the iteration, also where it waits."""
        self._subscription.stop()
