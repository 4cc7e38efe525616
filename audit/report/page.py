"""The page: what the template is given, and the policy that keeps it from reaching for anything else."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from audit.report import looks, wording
from audit.report.axis import Axis
from audit.report.items import Item, items, row_of, shade
from projections.event_log import printable
from projections.period import LATE, Period
from projections.period_lanes import Bar, Lane, LaneKind
from projections.period_states import RedundancyState, Supervision

MOST_ROWS = 1000
"""Rows that a table shows; it says how many it leaves out."""


class Written(NamedTuple):
    """When the page was written and by what."""

    at: datetime
    version: str


class LaneView(NamedTuple):
    """A lane as it is drawn: items, and behind them the times when nobody watched and when its alarm was shelved."""

    id: str
    lane: Lane
    items: list[Item]
    gaps: list[tuple[float, float]]
    shelved: list[tuple[float, float]]
    summary: str


def render(period: Period, written: Written) -> str:
    """The page, whole: it loads nothing, and its policy forbids it to."""
    axis = Axis(period.span)
    style, script = _asset("report.css"), _asset("report.js")
    template = _environment().get_template("report.html")
    return template.render(
        period=period,
        written=written,
        chassis=printable(period.chassis),
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704 - ours, a file of this package
        script=Markup(script),  # noqa: S704 - ours, a file of this package
        ticks=axis.ticks(),
        lanes=_lanes(period, axis),
        shares=_shares(period),
        states=RedundancyState,
        watching=Supervision,
        late_after=wording.length(LATE),
        looks=looks,
        most=MOST_ROWS,
        none=timedelta(),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("audit.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = ("moment", "brief", "machine", "length", "whole", "share", "milliseconds", "words", "size", "plural")
    environment.filters.update({word: getattr(wording, word) for word in words})
    return environment


def _asset(name: str) -> str:
    return files("audit.report").joinpath(name).read_text(encoding="utf-8").strip()


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _lanes(period: Period, axis: Axis) -> list[LaneView]:
    rows = _rows(period)
    watching = next(lane for lane in period.lanes if lane.kind is LaneKind.SUPERVISION)
    gaps = shade((bar for bar in watching.bars if bar.state != Supervision.WATCHED), axis)
    return [
        LaneView(
            id=f"lane-{number}",
            lane=lane,
            items=items(lane, axis, rows),
            gaps=[] if lane.kind is LaneKind.SUPERVISION else gaps,
            shelved=shade(lane.shelved, axis),
            summary=_summary(lane),
        )
        for number, lane in enumerate(period.lanes, 1)
    ]


def _rows(period: Period) -> frozenset[str]:
    """The ids of the rows that the tables of the page have."""
    tables: tuple[tuple[LaneKind, Sequence[Any], str], ...] = (
        (LaneKind.ALARM, period.alarms, "raised_position"),
        (LaneKind.ATTEMPTS, period.attempts, "started_position"),
        (LaneKind.SWITCHOVERS, period.switchovers, "started_position"),
        (LaneKind.LATE, period.late, "position"),
    )
    return frozenset(row_of(kind, getattr(row, name)) for kind, rows, name in tables for row in rows[:MOST_ROWS])


def _summary(lane: Lane) -> str:
    states = {bar.state: None for bar in lane.bars}
    times = [f"{wording.words(state)} {wording.length(_time(lane.bars, state))}" for state in states]
    if lane.marks:
        times.append(wording.plural(len(lane.marks), "mark"))
    return ", ".join(times) or "nothing in this period"


def _time(bars: Sequence[Bar], state: str) -> timedelta:
    return sum((bar.end - bar.begin for bar in bars if bar.state == state), timedelta())


def _shares(period: Period) -> list[tuple[str, float, float]]:
    """State, place and width of the parts of the small bar that sums redundancy up, in percent."""
    figures, x = period.figures, 0.0
    parts: list[tuple[str, float, float]] = []
    for state, time in figures.redundancy.items():
        if time:
            width = 100 * (time / figures.known)
            parts.append((state, round(x, 3), round(width, 3)))
            x += width
    return parts
