"""What stands in a lane, given bars and marks."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from audit.report.axis import Axis
from audit.report.items import COLUMN, MARK_COLUMN, items
from projections.period_lanes import Bar, Lane, LaneKind, Mark, MarkKind, Span

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
AXIS = Axis(Span(BEGIN, BEGIN + timedelta(days=1)))
NONE: frozenset[str] = frozenset()


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def bar(begin: float, end: float, state: str = "failed", position: int = 1) -> Bar:
    return Bar(state=state, begin=at(begin), end=at(end), since=at(begin), position=position, text=f"text {position}.")


def mark(minutes: float, kind: MarkKind = MarkKind.REPEATED, position: int = 1) -> Mark:
    return Mark(kind=kind, at=at(minutes), position=position, text=f"text {position}.")


def lane(*bars: Bar, marks: tuple[Mark, ...] = (), kind: LaneKind = LaneKind.ATTEMPTS) -> Lane:
    return Lane(kind=kind, name="lane", bars=bars, marks=marks)


def test_a_bar_tells_its_state_its_time_its_sentence_and_its_position() -> None:
    [item] = items(lane(bar(60, 150, position=7)), AXIS, NONE)
    assert item.told == (
        "failed from 2026-01-05 01:00:00.000 to 2026-01-05 02:30:00.000 (1 h 30 min)\nEvent 7: text 7."
    )


def test_bars_too_thin_to_be_told_apart_become_one_that_says_how_many() -> None:
    thin = [bar(60 + second / 60, 60 + second / 60, position=second) for second in range(1, 7)]
    wide = bar(100, 200, position=50)
    crowd, alone = items(lane(*thin, wide), AXIS, NONE)
    assert (crowd.count, crowd.look, crowd.width) == (6, "failed", COLUMN)
    assert crowd.heading.startswith("6 in a row from 2026-01-05 01:00:01.000")
    assert crowd.sentences[0] == "Event 1: text 1."
    assert crowd.sentences[-1] == "and 2 more events, the last one is 6."
    assert (alone.count, alone.look) == (1, "failed")


def test_thin_bars_of_different_states_look_like_the_worst_and_say_that_there_are_others() -> None:
    [crowd] = items(lane(bar(60, 60, "succeeded"), bar(60.1, 60.1, "failed")), AXIS, NONE)
    assert (crowd.look, crowd.mixed) == ("failed", True)
    assert crowd.heading.endswith("1 \N{MULTIPLICATION SIGN} succeeded, 1 \N{MULTIPLICATION SIGN} failed")


def test_marks_on_the_same_pixel_become_one_that_says_how_many() -> None:
    marks = (mark(60), mark(61, position=2), mark(62, MarkKind.CLEARED, 3), mark(300, MarkKind.CLEARED, 4))
    heap, alone = items(lane(marks=marks, kind=LaneKind.ALARM), AXIS, NONE)
    assert (heap.count, heap.look) == (3, "several")
    assert "3 events from" in heap.heading
    assert "2 \N{MULTIPLICATION SIGN} repeated, 1 \N{MULTIPLICATION SIGN} cleared" in heap.heading
    assert (alone.count, alone.look, alone.heading) == (1, "cleared", "cleared at 2026-01-05 05:00:00.000")


def test_an_item_leads_to_its_row_where_the_page_has_it() -> None:
    rows = frozenset({"attempts-7"})
    assert [item.row for item in items(lane(bar(1, 9, position=7), bar(100, 200, position=8)), AXIS, rows)] == [
        "attempts-7",
        "",
    ]


def test_a_word_stands_beside_an_attempt_only_where_nothing_else_would_be_covered() -> None:
    labels = [item.label for item in items(lane(bar(60, 70), bar(80, 90), bar(600, 700)), AXIS, NONE)]
    assert labels == ["", "failed", "failed"]


moments = st.lists(st.floats(0, 1440), max_size=300).map(sorted)


@given(moments, moments)
def test_any_lane_stays_drawable_loses_nothing_and_keeps_the_order(bars: list[float], marks: list[float]) -> None:
    drawn = items(
        lane(*(bar(one, one, position=number) for number, one in enumerate(bars)), marks=tuple(map(mark, marks))),
        AXIS,
        NONE,
    )
    assert sum(item.count for item in drawn if not item.mark) == len(bars)
    assert sum(item.count for item in drawn if item.mark) == len(marks)
    assert [item.x for item in drawn] == sorted(item.x for item in drawn)
    assert sum(not item.mark for item in drawn) <= 100 / COLUMN + 1
    assert sum(item.mark for item in drawn) <= 100 / MARK_COLUMN + 1
