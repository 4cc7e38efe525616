"""The folds, given what decisions really record."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from events.causes import Cause, Scope, Stage
from events.commands import (
    AlarmAction,
    Command,
    Copied,
    Failed,
    FinishSync,
    OperateAlarm,
    Provision,
    SeeCard,
    SeeCeased,
    SeeFlash,
    StartSync,
)
from events.decisions import decide
from events.errors import CommandRefusedError
from events.facts import AlarmKey, CardLocation, Slot, Trigger
from events.state import ChassisState, Health
from projections import alarm_list, sync_history
from projections.alarm_views import Place, view_of
from projections.event_log import entry, format_entry

LOCATIONS = (CardLocation(slot=Slot.A, location="/a"), CardLocation(slot=Slot.B, location="/b"))
scopes, slots = st.sampled_from(Scope), st.sampled_from(Slot)
causes = st.sampled_from([Cause.NO_SPACE, Cause.UNREACHABLE, Cause.READ_ONLY, Cause.INTERRUPTED, Cause.STANDBY_ABSENT])
commands: st.SearchStrategy[Any] = st.one_of(
    st.builds(StartSync, scope=scopes, trigger=st.sampled_from(Trigger)),
    st.builds(Copied, files=st.just(()), bytes_copied=st.integers(0, 9)),
    st.builds(Failed, cause=causes, detail=st.just("it failed"), stage=st.sampled_from([None, *Stage])),
    st.builds(SeeCeased, scope=scopes, causes=st.tuples(causes), detail=st.just("seen")),
    st.builds(SeeCard, slot=slots, health=st.sampled_from(Health), detail=st.just("seen")),
    st.builds(SeeFlash, slot=slots, flash=st.just("cf3:"), used_percent=st.integers(80, 99)),
    st.tuples(st.sampled_from(AlarmAction), st.integers(0, 20)),
)


def _command(state: ChassisState, drawn: Any) -> Command | None:
    if isinstance(drawn, Copied | Failed):
        return FinishSync(attempt=state.running.attempt if state.running else 0, outcome=drawn, duration_ms=5)
    if isinstance(drawn, tuple):
        action, number = drawn
        known: list[AlarmKey] = sorted({*state.alarms, *state.shelves})
        alarm = known[number % len(known)] if known else None
        return alarm and OperateAlarm(action=action, alarm=alarm, operator="noc", text="")
    return drawn


@settings(max_examples=100, deadline=None)
@given(sequence=st.lists(commands, max_size=40))
def test_the_list_and_the_history_say_what_decisions_were_made_on(
    new_record: Callable[[], Any], sequence: list[Any]
) -> None:
    record = new_record()
    state = ChassisState(chassis="pe1")
    alarms, history = alarm_list.EMPTY, sync_history.EMPTY
    provision = Provision(cards=LOCATIONS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="operator")
    for drawn in [provision, *sequence]:
        command = _command(state, drawn)
        try:
            decision = decide(state, command) if command else None
        except CommandRefusedError:
            continue
        if decision is None:
            continue
        state = decision.state
        for recorded in record(*decision.facts):
            alarms = alarm_list.evolve(alarms, recorded)
            history = sync_history.evolve(history, recorded)
            assert format_entry(entry(recorded)).count("\n") == 1

        standing = {key for key, status in state.alarms.items() if status.standing}
        assert {alarm.key for alarm in alarms.alarms.values() if not alarm.is_cleared} == standing
        assert len(alarms.alarms) == len(state.alarms)
        for key, status in state.alarms.items():
            view = view_of(alarms, key)
            assert view is not None
            assert (view.count, view.place is Place.SHELVED) == (status.count, status.shelved)
        running = [attempt.attempt for attempt in history.running]
        assert running == ([state.running.attempt] if state.running else [])
        assert len(sync_history.attempts(history)) == state.attempts
