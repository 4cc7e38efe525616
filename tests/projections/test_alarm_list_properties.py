"""What holds for the alarm list after any sequence of facts."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from events.alarm_types import INVENTORY, SCOPE_OF, card_resource, flash_resource
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmClosed,
    AlarmCommented,
    AlarmCompressed,
    AlarmKey,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    AlarmShelved,
    AlarmUnshelved,
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    Fact,
    Severity,
    Slot,
)
from projections.alarm_list import EMPTY, evolve
from projections.alarm_views import active, cleared, counts, masked, shelved, summary

_FLASHES = [flash_resource("pe1", slot, flash) for slot in Slot for flash in ("cf1:", "cf3:")]
_CARDS = [card_resource("pe1", slot) for slot in Slot]
KEYS = [
    AlarmKey(resource=resource, alarm_type=alarm_type, qualifier=qualifier)
    for alarm_type, qualifier in INVENTORY
    for resource in (_FLASHES if alarm_type == "flash-full" else _CARDS)
    if alarm_type not in SCOPE_OF or qualifier in {"no-space", "unreachable"}
]

keys = st.sampled_from(KEYS)
texts = st.sampled_from(["", "full", "no answer"])
slots = st.sampled_from(Slot)
acts = st.sampled_from(
    [
        AlarmAcknowledged,
        AlarmClosed,
        AlarmCommented,
        AlarmCompressed,
        AlarmPurged,
        AlarmShelved,
        AlarmUnshelved,
    ]
)
facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(AlarmRaised, alarm=keys, severity=st.sampled_from(Severity), text=texts),
    st.builds(AlarmRaised, alarm=keys, severity=st.just(Severity.MAJOR), text=texts),
    st.builds(AlarmRepeated, alarm=keys, count=st.integers(2, 9), text=texts),
    st.builds(AlarmCleared, alarm=keys, evidence=st.just(0), proof=texts),
    st.builds(lambda act, key, text: act(alarm=key, operator="noc", text=text), acts, keys, texts),
    st.builds(CardRemoved, slot=slots, detail=texts),
    st.builds(CardFailed, slot=slots, detail=texts),
    st.builds(CardInserted, slot=slots),
    st.builds(CardRecovered, slot=slots),
)


@settings(max_examples=150, deadline=None)
@given(sequence=st.lists(facts, max_size=40))
def test_every_alarm_is_in_one_place_indices_grow_and_counts_add_up(
    new_record: Callable[[], Any], sequence: list[Fact]
) -> None:
    state, listed = EMPTY, set[AlarmKey]()
    for recorded in new_record()(*sequence):
        before, state = state, evolve(state, recorded)
        fact = recorded.fact
        if isinstance(fact, AlarmRaised):
            listed.add(fact.alarm)
        elif isinstance(fact, AlarmPurged):
            listed.discard(fact.alarm)

        places = [active(state), cleared(state), shelved(state), masked(state)]
        shown = [(view.resource, view.alarm_type_id, view.alarm_type_qualifier) for place in places for view in place]
        assert sorted(shown) == sorted((key.resource, key.alarm_type, key.qualifier) for key in listed)

        assert before.last_index <= state.last_index <= before.last_index + 1
        indices = [alarm.index for alarm in state.alarms.values()]
        assert len(set(indices)) == len(indices)
        assert max(indices, default=0) <= state.last_index

        rows = summary(state).alarm_summary
        assert sum(row.total for row in rows) == len(places[0]) + len(places[1])
        assert sum(row.not_cleared for row in rows) == counts(state).total == len(places[0])
        for row in rows:
            assert row.total == row.not_cleared + row.cleared
            assert row.cleared == row.cleared_closed + row.cleared_not_closed
            assert row.not_cleared == row.not_cleared_closed + row.not_cleared_not_closed
        assert summary(state).shelves_active == bool(places[2])

        for view in (view for place in places for view in place):
            newest = view.status_change[0]
            assert view.is_cleared == (newest.perceived_severity == "cleared") == (view.clearance is not None)
            assert newest.alarm_text == view.alarm_text
            assert view.time_created <= view.last_raised <= view.last_changed
            positions = [change.position for change in view.status_change]
            assert positions == sorted(set(positions), reverse=True)


@settings(max_examples=50, deadline=None)
@given(sequence=st.lists(facts, max_size=40))
def test_folding_never_changes_an_earlier_state(new_record: Callable[[], Any], sequence: list[Fact]) -> None:
    recorded = new_record()(*sequence)
    states = [EMPTY]
    for each in recorded:
        states.append(evolve(states[-1], each))
    again = [EMPTY]
    for each in recorded:
        again.append(evolve(again[-1], each))
    assert states == again
    assert EMPTY.alarms == {}
    assert EMPTY.shelves == {}
