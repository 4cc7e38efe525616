"""What does each fact change on the alarm list, alarm by alarm?

The stream of alarms: whoever keeps the newest state of each identity, and forgets an identity that has left, has the
alarm list. Subscribers and the compacted Kafka topic are fed from it.
"""

from collections.abc import Collection, Iterator

import msgspec

from events.envelope import Recorded
from events.facts import AlarmFact, Fact
from projections.alarm_list import HANDLED, AlarmList, identity
from projections.alarm_views import AlarmView, views_of
from projections.replaying import alarm_lists


class AlarmState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state of one alarm, as the fact at ``position`` left it."""

    chassis: str
    position: int
    alarm: AlarmView


class AlarmLeft(msgspec.Struct, frozen=True, kw_only=True):
    """The alarm named ``identity`` is no longer on the list: it was purged, or is an old cleared one."""

    chassis: str
    position: int
    identity: str


class AlarmChanges:
    """The alarm lists of all chassis, and what each fact changes on them.

    Facts are shown to it in the order of the record, from position 1.
    """

    def __init__(self) -> None:
        self.lists = alarm_lists()
        self._positions: dict[str, int] = {}

    def apply(self, recorded: Recorded) -> list[tuple[str, AlarmState | AlarmLeft]]:
        """Folds in the next fact of the record; returns each alarm that it changes, with its identity."""
        if type(recorded.fact) not in HANDLED:
            return []
        before = self.lists.of(recorded.chassis)
        self.lists.apply(recorded)
        changes = list(_changes(before, self.lists.of(recorded.chassis), recorded))
        for name, change in changes:
            if isinstance(change, AlarmLeft):
                self._positions.pop(name, None)
            else:
                self._positions[name] = change.position
        return changes

    def snapshot(self) -> list[tuple[str, AlarmState]]:
        """Every alarm that is on a list, with its identity, at the position that changed it last; in that order."""
        states = [
            (name, AlarmState(chassis=chassis, position=self._positions[name], alarm=view))
            for chassis, alarms in self.lists.states.items()
            for name, view in views_of(alarms, alarms.alarms).items()
        ]
        return sorted(states, key=lambda state: (state[1].position, state[0]))


def _changes(before: AlarmList, after: AlarmList, recorded: Recorded) -> Iterator[tuple[str, AlarmState | AlarmLeft]]:
    chassis, position = recorded.chassis, recorded.position
    touched = _touched(before, after, recorded.fact)
    known = views_of(before, [name for name in touched if name in before.alarms])
    for name, view in views_of(after, [name for name in touched if name in after.alarms]).items():
        if known.get(name) != view:
            yield name, AlarmState(chassis=chassis, position=position, alarm=view)
    added = sum(name in after.alarms and name not in before.alarms for name in touched)
    if len(after.alarms) < len(before.alarms) + added:
        for name in sorted(before.alarms.keys() - after.alarms.keys()):
            yield name, AlarmLeft(chassis=chassis, position=position, identity=name)


def _touched(before: AlarmList, after: AlarmList, fact: Fact) -> Collection[str]:
    """A card's fact may mask and back up every alarm; any other one touches the alarm that it names."""
    if before.removed != after.removed or before.in_service != after.in_service:
        return after.alarms.keys()
    return [identity(fact.alarm)] if isinstance(fact, AlarmFact) else []
