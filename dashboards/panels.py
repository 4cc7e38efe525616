"""The kinds of panels that the dashboards are made of, each with our looks."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import bargauge, common, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from dashboards.queries import DATASOURCE

SEVERITIES = ("critical", "major", "minor", "warning", "indeterminate")
ATTEMPT_RESULTS = ("succeeded", "failed")
SWITCHOVER_RESULTS = ("completed", "failed", "refused")
RAISED_CLEARED = ("raised", "cleared")
COLOURS = {
    "critical": "dark-red",
    "major": "red",
    "minor": "orange",
    "warning": "yellow",
    "indeterminate": "blue",
    "succeeded": "green",
    "completed": "green",
    "failed": "red",
    "refused": "orange",
    "raised": "red",
    "cleared": "green",
}
"""What these words mean looks the same wherever they are a legend."""

Steps = Sequence[tuple[float | None, str]]
PLAIN: Steps = ((None, "text"),)
NONE_IS_GOOD: Steps = ((None, "green"), (1, "red"))
NONE_IS_BETTER: Steps = ((None, "green"), (1, "orange"))
ALL_IS_GOOD: Steps = ((None, "red"), (0.95, "orange"), (1, "green"))
YES_OR_NO: Steps = ((None, "red"), (1, "green"))
YES: ValueMapping = ValueMap(
    {
        "0": ValueMappingResult(text="no", color="red", index=0),
        "1": ValueMappingResult(text="yes", color="green", index=1),
    }
)


def _thresholds(steps: Steps) -> ThresholdsConfig:
    marks = [Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(marks)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def figure(
    title: str, description: str, query: Dataquery, *, width: int = 4, unit: str = "short", steps: Steps = PLAIN
) -> stat.Panel:
    """One number, large."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(4)
        .unit(unit)
        .thresholds(_thresholds(steps))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(_last())
        .with_target(query)
    )


def word(title: str, description: str, query: Dataquery, *, width: int = 4) -> stat.Panel:
    """One word, large: the legend of a series."""
    return figure(title, description, query, width=width).text_mode(BigValueTextMode.NAME)


def verdict(title: str, description: str, query: Dataquery, *, width: int = 4) -> stat.Panel:
    """Yes or no, large: 1 is yes, and good."""
    return figure(title, description, query, width=width, steps=YES_OR_NO).mappings([YES])


def graph(
    title: str,
    description: str,
    queries: Sequence[Dataquery],
    *,
    width: int = 12,
    unit: str = "short",
    stacked: bool = False,
    steps: bool = False,
    words: Sequence[str] = (),
) -> timeseries.Panel:
    """Lines over time; ``stacked`` where their sum means something, ``steps`` where nothing happens between samples.

    Legends that are ``words`` have their own colours.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(8)
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(40 if stacked else 10)
        .show_points(VisibilityMode.NEVER)
        .line_interpolation(LineInterpolation.STEP_AFTER if steps else LineInterpolation.LINEAR)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL if stacked else StackingMode.NONE).group("A"))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .targets(list(queries))
    )
    for name in words:
        panel.override_by_name(name, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": COLOURS[name]})])
    return panel


def bars(
    title: str,
    description: str,
    queries: Sequence[Dataquery],
    *,
    width: int = 12,
    unit: str = "short",
    words: Sequence[str] = (),
) -> timeseries.Panel:
    """How much of something happened in each interval."""
    panel = graph(title, description, queries, width=width, unit=unit, stacked=True, words=words)
    return panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80)


def lanes(title: str, description: str, queries: Sequence[Dataquery], *, width: int = 24) -> statetimeline.Panel:
    """A lane for each thing that is or is not so, over time."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(7)
        .mappings([YES])
        .merge_values(merge_values=True)
        .show_value(VisibilityMode.NEVER)
        .legend(common.VizLegendOptions().show_legend(show_legend=False))
        .targets(list(queries))
    )


def ranking(
    title: str, description: str, queries: Sequence[Dataquery], *, width: int = 12, unit: str = "short"
) -> bargauge.Panel:
    """A few things side by side, as bars."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(8)
        .unit(unit)
        .min(0)
        .no_value("none")
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(_last())
        .thresholds(_thresholds(((None, "blue"),)))
        .targets(list(queries))
    )


def listing(
    title: str,
    description: str,
    query: Dataquery,
    *,
    columns: Mapping[str, str],
    width: int = 12,
    unit: str = "short",
    link: str | None = None,
) -> table.Panel:
    """Rows, the largest value first.

    ``columns`` titles the labels that are shown, and Value, in their order. A chassis leads to ``link``.
    """
    order = {name: place for place, name in enumerate(columns)}
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(width)
        .height(8)
        .no_value("none")
        .with_target(query)
        .with_transformation(DataTransformerConfig("filterFieldsByName", options={"include": {"names": list(columns)}}))
        .with_transformation(DataTransformerConfig("organize", options={"indexByName": order}))
        .override_by_name("Value", [DynamicConfigValue("unit", unit)])
    )
    for name, heading in columns.items():
        panel.override_by_name(name, [DynamicConfigValue("displayName", heading)])
    if link is not None:
        panel.override_by_name("chassis", [DynamicConfigValue("links", [{"title": "This chassis", "url": link}])])
    return panel
