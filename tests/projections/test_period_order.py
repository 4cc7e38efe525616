"""The order in which things happened, given facts in the order in which they became known."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from events.envelope import Recorded
from events.facts import CardInserted, Slot
from projections.period_order import in_order_of_happening, survey

Record = Callable[..., list[Recorded]]
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
CARD = CardInserted(slot=Slot.A)


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40))
def test_any_record_comes_in_the_order_of_its_moments_and_whole(
    new_record: Callable[[], Record], seconds: list[int]
) -> None:
    record = new_record()
    recorded = [one for second in seconds for one in record(CARD, at=at(second))]
    extent = survey(recorded)
    assert extent is not None
    happened = list(in_order_of_happening(recorded, extent))
    assert happened == sorted(recorded, key=lambda one: (one.occurred_at, one.version))
    assert (extent.first, extent.last, extent.head) == (at(min(seconds)), at(max(seconds)), len(seconds))


def test_only_what_was_recorded_behind_others_is_kept(record: Record) -> None:
    recorded = [one for second in (1, 5, 5, 3, 9, 4) for one in record(CARD, at=at(second))]
    extent = survey(recorded)
    assert extent is not None
    assert [one.position for one in extent.behind] == [4, 6]


def test_a_record_that_grew_meanwhile_is_read_as_far_as_it_was_surveyed(record: Record) -> None:
    recorded = record(CARD, CARD)
    extent = survey(recorded)
    assert extent is not None
    record(CARD)
    assert [one.position for one in in_order_of_happening(record.everything, extent)] == [1, 2]


def test_from_a_position_on_the_period_begins_with_the_moment_of_that_fact(record: Record) -> None:
    recorded = [one for second in (1, 5, 8, 3) for one in record(CARD, at=at(second))]
    extent = survey(recorded, from_position=2)
    assert extent is not None
    assert (extent.first, extent.last) == (at(5), at(8))
    assert survey(recorded, from_position=5) is None
    assert survey([]) is None
