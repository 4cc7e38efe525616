"""Expressions and the targets of panels: over time, or of this moment."""

from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")


def over_time(expression: str, legend: str) -> Dataquery:
    """A line, or several: the legend may name labels, as in ``{{result}}``."""
    return Dataquery().expr(expression).legend_format(legend).range().datasource(DATASOURCE)


def now(expression: str, legend: str) -> Dataquery:
    """What holds at the end of the range that is shown."""
    return Dataquery().expr(expression).legend_format(legend).instant().datasource(DATASOURCE)


def rows(expression: str) -> Dataquery:
    """The same as rows of a table, a column for each label."""
    return Dataquery().expr(expression).format(PromQueryFormat.TABLE).instant().datasource(DATASOURCE)


SINCE = "Within the range that is shown; where Prometheus does not reach back so far, since the record began."


def within(counter: str, window: str, by: str) -> str:
    """How much a counter of the record grew within a window, by some labels.

    increase() does not see the step of a series that begins with 1, as each counter of a failure does. These counters
    never start over, so a difference is exact; of a series that was not there then, everything counts.
    """
    return f"sum by ({by}) ({counter}) - (sum by ({by}) ({counter} offset {window}) or 0 * sum by ({by}) ({counter}))"
