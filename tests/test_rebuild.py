"""The record is the only truth: what is rebuilt from it, from position 1, is what is live."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from events.codec import decode, encode
from events.envelope import Recorded
from events.facts import AlarmKey
from projections import alarm_list, sync_history
from projections.alarm_list import AlarmList
from projections.alarm_views import AlarmView, active, cleared, listing, masked, shelved


def stored_and_read(recorded: Recorded) -> Recorded:
    name, body = encode(recorded)
    return decode(name, body, chassis=recorded.chassis, version=recorded.version, position=recorded.position)


def key(view: AlarmView) -> AlarmKey:
    return AlarmKey(resource=view.resource, alarm_type=view.alarm_type_id, qualifier=view.alarm_type_qualifier)


def standing(alarms: AlarmList) -> list[AlarmKey]:
    on_shelves = [view for view in shelved(alarms) if not view.is_cleared]
    return sorted(key(view) for view in (*active(alarms), *masked(alarms), *on_shelves))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_list_rebuilt_from_the_record_equals_the_live_one(
    histories: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    play = data.draw(histories)
    live, rebuilt = alarm_list.EMPTY, alarm_list.EMPTY
    for recorded in play.recorded:
        live = alarm_list.evolve(live, recorded)
    for recorded in play.recorded:
        rebuilt = alarm_list.evolve(rebuilt, stored_and_read(recorded))
    assert rebuilt == live
    assert listing(rebuilt) == listing(live)
    assert standing(rebuilt) == play.state.standing()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_list_has_at_every_moment_the_alarms_that_decisions_are_made_on(
    histories: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    play, alarms, read = data.draw(histories), alarm_list.EMPTY, 0
    for _, before, decision in play.decided:
        for recorded in play.recorded[read : read + len(decision.facts)]:
            alarms = alarm_list.evolve(alarms, recorded)
        read += len(decision.facts)
        assert standing(alarms) == decision.state.standing(), before
        counts = {key(view): view.count for view in active(alarms)}
        assert counts == {alarm: decision.state.alarms[alarm].count for alarm in counts}
        shown = {key(view) for view in (*active(alarms), *masked(alarms), *shelved(alarms), *cleared(alarms))}
        assert shown == decision.state.alarms.keys()
        assert {key(view) for view in shelved(alarms)} == decision.state.shelves & decision.state.alarms.keys()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_history_rebuilt_from_the_record_equals_the_live_one(
    histories: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    play = data.draw(histories)
    live, rebuilt = sync_history.EMPTY, sync_history.EMPTY
    for recorded in play.recorded:
        live = sync_history.evolve(live, recorded)
        rebuilt = sync_history.evolve(rebuilt, stored_and_read(recorded))
    assert rebuilt == live
