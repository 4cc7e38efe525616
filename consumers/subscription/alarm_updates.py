"""What subscribers of alarms are told: first the alarms that are on the list, then what happens to each."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from enum import StrEnum

import msgspec

from consumers.subscription.stream import Batches, Entry
from events.envelope import Recorded
from projections.alarm_changes import AlarmChanges, AlarmLeft, AlarmState
from projections.alarm_entries import OperatorState
from projections.alarm_views import AlarmView, Place


class Change(StrEnum):
    """What happened to an alarm, as far as its state tells.

    ``listed``: nothing, it was on the list when the subscription began. ``changed``: its severity or text. ``masked``:
    it stands on a card that was removed. ``left``: it is on the list no more. ``updated``: anything else, for example
    that its condition was seen once more, or that its removed card is back.
    """

    LISTED = "listed"
    RAISED = "raised"
    CLEARED = "cleared"
    CHANGED = "changed"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    COMMENTED = "commented"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    MASKED = "masked"
    UPDATED = "updated"
    LEFT = "left"


class AlarmUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm as the fact at ``position`` left it; ``alarm`` is none where it has left the list."""

    position: int
    chassis: str
    change: Change
    identity: str
    alarm: AlarmView | None


_OPERATORS = {
    OperatorState.ACK: Change.ACKNOWLEDGED,
    OperatorState.CLOSED: Change.CLOSED,
    OperatorState.SHELVED: Change.SHELVED,
    OperatorState.UN_SHELVED: Change.UNSHELVED,
    OperatorState.NONE: Change.COMMENTED,
}


def update(identity: str, change: AlarmState | AlarmLeft) -> AlarmUpdate:
    """What is told of a change. It follows from the state alone, so whoever resumes is told the same."""
    if isinstance(change, AlarmLeft):
        return _update(identity, change, Change.LEFT, None)
    return _update(identity, change, _happened(change.alarm, change.position), change.alarm)


def listed(states: Iterable[tuple[str, AlarmState]]) -> list[AlarmUpdate]:
    """What is told of the alarms that are on the list, in the order in which they came to be as they are."""
    told = [_update(identity, state, Change.LISTED, state.alarm) for identity, state in states]
    return sorted(told, key=lambda one: (one.position, one.identity))


def _update(identity: str, change: AlarmState | AlarmLeft, what: Change, alarm: AlarmView | None) -> AlarmUpdate:
    return AlarmUpdate(position=change.position, chassis=change.chassis, change=what, identity=identity, alarm=alarm)


def _happened(alarm: AlarmView, position: int) -> Change:
    if alarm.raised_position == position:
        return Change.RAISED
    if alarm.clearance is not None and alarm.clearance.position == position:
        return Change.CLEARED
    said = alarm.operator_state_change
    if any(one.position == position for one in said):
        states = [*(one.state for one in said[:2]), OperatorState.NONE]
        return Change.COMMENTED if states[0] is states[1] else _OPERATORS[states[0]]
    if any(one.position == position for one in alarm.status_change):
        return Change.CHANGED
    return Change.MASKED if alarm.place is Place.MASKED else Change.UPDATED


def folded(facts: Batches[Recorded], *, head: int, after: int | None) -> Batches[AlarmUpdate]:
    """The updates that follow from facts, which begin at position 1.

    With ``after``, those of later facts; without, the list as it is at ``head``, then those of later facts. Each fact's
    last update carries the fact's mark.
    """
    changes, begin = AlarmChanges(), head if after is None else after
    pending = after is None
    if pending and head == 0:
        pending = False
        yield [Entry(None, (0, 0))]
    with closing(facts):
        for batch in facts:
            found: list[Entry[AlarmUpdate]] = []
            for recorded in (one.item for one in batch if one.item is not None):
                if pending and recorded.position > head:
                    # The fact at the head itself is not there: somebody said to go on without what is missing.
                    found += _marked(listed(changes.snapshot()), head)
                    pending = False
                updates = [update(identity, change) for identity, change in changes.apply(recorded)]
                if recorded.position > begin:
                    found += _marked(updates, recorded.position)
                if pending and recorded.position == head:
                    found += _marked(listed(changes.snapshot()), head)
                    pending = False
            yield found


def _marked(updates: list[AlarmUpdate], position: int) -> Iterator[Entry[AlarmUpdate]]:
    yield from (Entry(one) for one in updates)
    yield Entry(None, (0, position))
