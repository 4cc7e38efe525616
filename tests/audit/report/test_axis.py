"""Moments on the axis, given a period."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.report.axis import MARGIN, MOST_TICKS, Axis
from projections.period_lanes import Span

BEGIN = datetime(2026, 1, 5, 22, 10, tzinfo=UTC)


def axis(**length: float) -> Axis:
    return Axis(Span(BEGIN, BEGIN + timedelta(**length)))


def test_the_period_fills_the_axis_between_its_margins() -> None:
    whole = axis(hours=2)
    assert [whole.x(BEGIN + timedelta(hours=hours)) for hours in (0, 1, 2)] == [MARGIN, 50, 100 - MARGIN]


def test_what_is_outside_the_period_lies_at_its_edge() -> None:
    whole = axis(hours=2)
    assert whole.x(BEGIN - timedelta(days=1)) == MARGIN
    assert whole.x(BEGIN + timedelta(days=1)) == 100 - MARGIN


def test_ticks_stand_at_round_times_and_name_the_day_when_it_begins() -> None:
    ticks = axis(hours=5).ticks()
    assert [tick.label for tick in ticks] == ["23:00", "00:00", "01:00", "02:00", "03:00"]
    assert [tick.date for tick in ticks] == ["2026-01-05", "2026-01-06", "", "", ""]


@pytest.mark.parametrize(
    ("length", "first"),
    [
        (timedelta(milliseconds=40), "22:10:00.000"),
        (timedelta(seconds=40), "22:10:00"),
        (timedelta(days=30), "2026-01-12"),
        (timedelta(days=4000), "2026-11-30"),
    ],
)
def test_ticks_are_as_fine_as_the_period(length: timedelta, first: str) -> None:
    assert Axis(Span(BEGIN, BEGIN + length)).ticks()[0].label == first


@given(st.timedeltas(timedelta(0), timedelta(days=36500)))
def test_any_period_has_few_ticks_in_order_and_within_it(length: timedelta) -> None:
    ticks = Axis(Span(BEGIN, BEGIN + length)).ticks()
    assert len(ticks) <= MOST_TICKS
    assert [tick.x for tick in ticks] == sorted({tick.x for tick in ticks})
    assert all(MARGIN <= tick.x <= 100 - MARGIN for tick in ticks)
