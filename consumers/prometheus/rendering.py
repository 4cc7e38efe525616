"""All metrics as Prometheus' text format 0.0.4; only what has changed since the last scrape is written anew."""

import time
from collections.abc import Callable, Iterable
from operator import attrgetter
from threading import Lock

from consumers.prometheus.board import Board
from consumers.prometheus.families import OF_THE_FLEET, PER_CHASSIS, Family
from consumers.prometheus.packing import Part, join, pack
from consumers.prometheus.samples import GROUPS, Row, Standing
from consumers.prometheus.sheet import Sheet, block, escaped
from consumers.prometheus.totals import Totals

_AT_ONCE = 16
"""Chassis that are rendered before other threads are let in: a millisecond's work."""

Rows = Iterable[tuple[Family, list[Row]]]


class Renderer:
    """Writes what a board says; any number of threads may ask."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._lock = Lock()
        self._begin()

    def _begin(self) -> None:
        self._numbers: dict[str, int] = {}
        self._written: list[Standing] = []
        self._totals = Totals()
        self._sheets = {family.name: Sheet(family) for family in PER_CHASSIS}
        self._groups = tuple(
            (tuple(self._sheets[family.name] for family in group.families), group.rows, attrgetter(group.source))
            for group in GROUPS
        )

    def clear(self) -> None:
        """Forgets everything, and has the board do so, between two scrapes."""
        with self._lock:
            self._board.clear()
            self._begin()

    def plain(self, rest: Callable[[], Rows]) -> list[bytes]:
        """The metrics, in pieces; ``rest`` gives those that are not the chassis', and is called last."""
        with self._lock:
            self._refresh()
            pieces = [sheet.plain() for sheet in self._sheets.values()]
            return [*pieces, self._fleet(rest())]

    def packed(self, rest: Callable[[], Rows]) -> Part:
        """The same, compressed."""
        with self._lock:
            self._refresh()
            return join([*(sheet.packed() for sheet in self._sheets.values()), pack(self._fleet(rest()))])

    def _fleet(self, rest: Rows) -> bytes:
        totals = zip(OF_THE_FLEET, self._totals.rows(), strict=True)
        return b"".join(block(family, rows) for family, rows in (*totals, *rest))

    def _refresh(self) -> None:
        for count, (chassis, standing) in enumerate(self._board.take_changed().items()):
            if count % _AT_ONCE == _AT_ONCE - 1:
                time.sleep(0)  # lets go of the interpreter: others, who supervise, need not wait for the whole fleet
            self._put(chassis, standing)

    def _put(self, chassis: str, standing: Standing) -> None:
        number = self._numbers.setdefault(chassis, len(self._numbers))
        before = self._written[number] if number < len(self._written) else None
        name = escaped(chassis)
        for sheets, rows_of, source in self._groups:
            if before is None or source(before) is not source(standing):
                for sheet, rows in zip(sheets, rows_of(standing), strict=True):
                    sheet.put(number, name, rows)
        self._totals.put(before, standing)
        if before is None:
            self._written.append(standing)
        else:
            self._written[number] = standing
