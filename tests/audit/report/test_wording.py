"""Words for times and parts of them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from audit.report.wording import length, machine, moment, plural, share

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(0), "0 ms"),
        (timedelta(milliseconds=20), "20 ms"),
        (timedelta(seconds=2.5), "2.5 s"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(minutes=2, seconds=9), "2 min 9 s"),
        (timedelta(hours=5, minutes=20), "5 h 20 min"),
        (timedelta(days=400, hours=1), "400 d 1 h"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(span: timedelta, said: str) -> None:
    assert length(span) == said


def test_almost_all_is_not_said_to_be_all_nor_almost_nothing_nothing() -> None:
    assert [share(part, HOUR) for part in (HOUR, HOUR / 4, timedelta(0))] == ["100 %", "25 %", "0 %"]
    assert share(HOUR - timedelta(milliseconds=1), HOUR) == "> 99.99 %"
    assert share(timedelta(milliseconds=1), HOUR) == "< 0.01 %"
    assert share(timedelta(0), timedelta(0)) == "-"


def test_times_are_utc_whatever_zone_they_come_in() -> None:
    at = datetime(2026, 1, 5, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    assert (moment(at), machine(at)) == ("2026-01-06 01:30:00.000", "2026-01-06T01:30:00.000Z")
    assert moment(at) == moment(at.astimezone(UTC))


def test_one_is_not_many() -> None:
    assert [plural(count, "fact") for count in (0, 1, 2)] == ["0 facts", "1 fact", "2 facts"]
