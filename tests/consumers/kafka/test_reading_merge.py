"""Merging partitions: whatever arrives when, the order is that of the record."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumers.kafka.reading_merge import Merge
from events.envelope import Recorded
from events.facts import CardInserted, Slot

MOMENT = datetime(2026, 1, 5, tzinfo=UTC)


def fact(position: int) -> Recorded:
    return Recorded(
        chassis="pe1",
        version=position,
        occurred_at=MOMENT,
        recorded_at=MOMENT,
        correlation="story",
        causation=0,
        fact=CardInserted(slot=Slot.A),
        position=position,
    )


@given(st.data(), st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 5))
def test_partitions_come_together_in_the_order_of_the_record(data: Any, homes: list[int], after: int) -> None:
    waiting = {number: [at for at, home in enumerate(homes, after + 1) if home == number] for number in range(4)}
    merge, delivered = Merge(range(4), after=after), list[int]()
    while any(waiting.values()):
        partition = data.draw(st.sampled_from([number for number, facts in waiting.items() if facts]))
        merge.add(partition, fact(waiting[partition].pop(0)))
        delivered += [one.position for one in merge.ready()]
    assert delivered == list(range(after + 1, after + len(homes) + 1))
    assert merge.missing() is None


@given(st.sets(st.integers(1, 20), min_size=1, max_size=19))
def test_what_is_missing_is_named_and_skipped_one_gap_at_a_time(there: set[int]) -> None:
    merge = Merge([0], after=0)
    for position in sorted(there):
        merge.add(0, fact(position))
    delivered, skipped = [one.position for one in merge.ready()], set[int]()
    while (missing := merge.missing()) is not None:
        skipped |= set(range(missing[0], missing[1] + 1))
        merge.skip()
        delivered += [one.position for one in merge.ready()]
    assert delivered == sorted(there)
    assert skipped == set(range(1, max(there))) - there


def test_what_was_delivered_or_waits_already_is_not_delivered_twice() -> None:
    merge = Merge([0, 1], after=2)
    for position in (1, 2, 3, 5, 3, 5):
        merge.add(0, fact(position))
    assert [one.position for one in merge.ready()] == [3]
    assert (merge.missing(), merge.ahead(1), merge.behind()) == ((4, 4), {0}, {1})
    merge.add(1, fact(4))
    assert [one.position for one in merge.ready()] == [4, 5]
    assert merge.ahead(1) == set()
