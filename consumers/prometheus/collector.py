"""The same families for prometheus-client: a collector for whatever registry a program keeps, built anew each time.

Tens of times slower than ``rendering`` for a large fleet; the exporter answers ``?name[]=`` from it.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.registry import Collector

from consumers.prometheus.board import Board
from consumers.prometheus.families import FAMILIES, OF_THE_FLEET, PER_CHASSIS, Family, Kind
from consumers.prometheus.rendering import Rows
from consumers.prometheus.samples import GROUPS, Row
from consumers.prometheus.totals import Totals


class ProjectionCollector(Collector):
    """What a board says; ``rest`` gives the rows that are not the chassis'."""

    def __init__(self, board: Board, rest: Callable[[], Rows]) -> None:
        self._board = board
        self._rest = rest

    def describe(self) -> Iterable[Metric]:
        """All families without samples: a registry asks what names we have without reading a single chassis."""
        return [_metric(family) for family in FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """All families with their samples."""
        metrics = {family.name: _metric(family) for family in PER_CHASSIS}
        totals = Totals()
        for chassis, standing in self._board.standings().items():
            totals.put(None, standing)
            for group in GROUPS:
                for family, rows in zip(group.families, group.rows(standing), strict=True):
                    _add(metrics[family.name], family, rows, chassis)
        yield from metrics.values()
        for family, rows in (*zip(OF_THE_FLEET, totals.rows(), strict=True), *self._rest()):
            metric = _metric(family)
            _add(metric, family, rows)
            yield metric


def _metric(family: Family) -> Metric:
    # The library names a counter without its suffix, and adds it when it writes.
    name = family.name.removesuffix("_total") if family.kind is Kind.COUNTER else family.name
    return Metric(name, family.help, family.kind.value)


def _add(metric: Metric, family: Family, rows: Iterable[Row], *chassis: str) -> None:
    for row in rows:
        labels = dict(zip((*family.labels, "le"), (*chassis, *row.values), strict=False))
        metric.add_sample(f"{family.name}{row.suffix}", labels, row.value)
