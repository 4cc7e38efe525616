"""The samples of the pipeline itself: the record, the projections of this process, and its publisher, if it has one."""

from collections.abc import Mapping
from typing import Protocol

from consumers.prometheus import families
from consumers.prometheus.board import PROJECTIONS, Board
from consumers.prometheus.families import Family
from consumers.prometheus.samples import Row


class Publisher(Protocol):
    """What is asked of a publisher; ``consumers.kafka.status.PublisherStatus`` has it."""

    @property
    def up(self) -> bool:
        """Whether it reaches Kafka."""
        ...

    @property
    def standing_by(self) -> bool:
        """Whether another one publishes, and this one waits."""
        ...

    @property
    def position(self) -> int | None:
        """The newest position that is committed; none as long as that is not known."""
        ...

    @property
    def oldest_unpublished(self) -> float | None:
        """When the oldest fact that waits was recorded, in Unix time."""
        ...

    @property
    def published(self) -> Mapping[str, int]:
        """Messages committed, by topic."""
        ...

    @property
    def transactions(self) -> Mapping[str, int]:
        """Transactions, by result."""
        ...

    @property
    def restarts(self) -> Mapping[str, int]:
        """Restarts, by reason."""
        ...


def pipeline_rows(board: Board, head: int, version: str) -> list[tuple[Family, list[Row]]]:
    """The rows of ``OF_THE_PIPELINE``; ``head`` is the position of the newest fact of the record."""
    position, last = board.position, board.last_recorded_at
    lag = max(0, head - position)
    return [
        (families.BUILD_INFO, [Row((version,), 1)]),
        (families.RECORD_HEAD, [Row((), max(head, position))]),
        (families.RECORD_LAST_FACT, [] if last is None else [Row((), last.timestamp())]),
        (families.PROJECTION_POSITION, [Row((name,), position) for name in PROJECTIONS]),
        (families.PROJECTION_LAG, [Row((name,), lag) for name in PROJECTIONS]),
    ]


def publisher_rows(status: Publisher, head: int) -> list[tuple[Family, list[Row]]]:
    """The rows of ``OF_THE_PUBLISHER``."""
    position, oldest = status.position, status.oldest_unpublished
    return [
        (families.PUBLISHER_UP, [Row((), int(status.up))]),
        (families.PUBLISHER_STANDING_BY, [Row((), int(status.standing_by))]),
        (families.PUBLISHER_POSITION, [] if position is None else [Row((), position)]),
        (families.PUBLISHER_LAG, [] if position is None else [Row((), max(0, head - position))]),
        (families.PUBLISHER_OLDEST, [] if oldest is None else [Row((), oldest)]),
        (families.PUBLISHER_PUBLISHED, _counts(status.published)),
        (families.PUBLISHER_TRANSACTIONS, _counts(status.transactions)),
        (families.PUBLISHER_RESTARTS, _counts(status.restarts)),
    ]


def _counts(counts: Mapping[str, int]) -> list[Row]:
    # The publisher's thread may add a key at any moment; a copy is made in one step of the interpreter.
    return [Row((name,), count) for name, count in sorted(dict(counts).items())]
