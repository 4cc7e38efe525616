"""Updates that follow from facts, given any history that decisions can make; and which of them are wanted."""

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.subscription.alarm_updates import AlarmUpdate, Change, folded, update
from consumers.subscription.choosing import wanted_updates
from consumers.subscription.stream import Entry
from events.alarm_types import sync_failed_key
from events.causes import Cause, Scope
from events.envelope import Recorded
from events.facts import AlarmCleared, AlarmRaised, Fact, Severity, Slot
from projections.alarm_changes import AlarmChanges
from projections.alarm_views import views_of

KEY = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE)
BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
Batches = Generator[list[Entry[Recorded]], None, None]


def batches(recorded: list[Recorded], size: int) -> Batches:
    for first in range(0, len(recorded), size):
        yield [Entry(one, (0, one.position)) for one in recorded[first : first + size]]


def keep(kept: dict[str, Any], told: AlarmUpdate) -> None:
    if told.alarm is None:
        del kept[told.identity]
    else:
        kept[told.identity] = told.alarm


def test_the_list_at_any_moment_and_what_comes_after_it_is_the_list(histories) -> None:
    @given(histories, st.data(), st.integers(1, 9))
    def property_(history: Any, data: Any, size: int) -> None:
        recorded = history.recorded
        head = data.draw(st.integers(0, len(recorded)))
        kept: dict[str, Any] = {}
        marks = [0]
        for batch in folded(batches(recorded, size), head=head, after=None):
            for told, mark in batch:
                if told is not None:
                    assert (told.change is Change.LISTED) == (told.position <= head)
                    assert (told.change is not Change.LISTED) or told.identity not in kept
                    keep(kept, told)
                if mark is not None:
                    assert mark[1] >= marks[-1]
                    marks.append(mark[1])
        changes = AlarmChanges()
        for one in recorded:
            changes.apply(one)
        alarms = changes.lists.of("pe1")
        assert kept == views_of(alarms, alarms.alarms)
        assert marks[-1] == len(recorded)

    property_()


def test_what_is_told_after_a_position_is_the_rest_of_what_is_told_from_the_beginning(histories) -> None:
    @given(histories, st.data())
    def property_(history: Any, data: Any) -> None:
        after = data.draw(st.integers(0, len(history.recorded)))
        whole, rest = (
            [told for batch in folded(batches(history.recorded, 3), head=0, after=begin) for told, _ in batch if told]
            for begin in (0, after)
        )
        assert rest == [told for told in whole if told.position > after]

    property_()


def told_of(*facts: Fact) -> list[AlarmUpdate]:
    changes, found = AlarmChanges(), list[AlarmUpdate]()
    for position, fact in enumerate(facts, 1):
        at = BEGAN + timedelta(seconds=position)
        recorded = Recorded(
            chassis="pe1",
            version=position,
            occurred_at=at,
            recorded_at=at,
            correlation="story",
            causation=0,
            fact=fact,
            position=position,
        )
        found += [update(identity, change) for identity, change in changes.apply(recorded)]
    return found


def raised(severity: Severity) -> AlarmRaised:
    return AlarmRaised(alarm=KEY, severity=severity, text="full")


@pytest.fixture
def wanted() -> Callable[[AlarmUpdate], bool]:
    return wanted_updates(None, Severity.MAJOR, whole_list=False)


def test_who_knows_an_alarm_as_severe_hears_that_it_is_not_any_more(wanted: Callable[[AlarmUpdate], bool]) -> None:
    told = told_of(raised(Severity.MINOR), raised(Severity.CRITICAL), raised(Severity.WARNING), raised(Severity.MINOR))
    assert [one.change for one in told] == [Change.RAISED, *[Change.CHANGED] * 3]
    assert [wanted(one) for one in told] == [False, True, True, False]


def test_an_alarm_that_was_severe_before_it_was_cleared_is_another_story(
    wanted: Callable[[AlarmUpdate], bool],
) -> None:
    cleared = AlarmCleared(alarm=KEY, evidence=1, proof="there is room")
    told = told_of(raised(Severity.MAJOR), cleared, raised(Severity.MINOR))
    assert [wanted(one) for one in told] == [True, True, False]
