"""Which fact is meant by ``117``, ``attempt 5``, ``sync-5``, ``alarm 3`` or a part of an alarm's identity?"""

import re
from typing import NamedTuple

from events.envelope import Recorded
from events.errors import UnderstudyError
from events.facts import AlarmKey, SwitchoverStarted, SyncStarted
from projections.causality import Causality, Occurrence

_POSITION = re.compile(r"(?:(?:event|position)[ -]?)?(\d+)")
_ATTEMPT = re.compile(r"(?:attempt|sync)[ -]?(\d+)")
_SWITCHOVER = re.compile(r"switchover[ -]?(\d+)")
_ALARM = re.compile(r"alarm[ -]?(\d+)")
_NAMED = 8
"""How many alarms an error names at most."""


class NotInRecordError(UnderstudyError):
    """What was asked for is not in the record, or fits several things; the message says what there is instead."""


class Asked(NamedTuple):
    """The fact that is meant, and the occurrence of the alarm if an alarm is."""

    fact: Recorded
    alarm: Occurrence | None = None


def position_of(words: str) -> int | None:
    """The position that is asked for; none where something else is."""
    found = _POSITION.fullmatch(_plain(words))
    return int(found[1]) if found else None


def ask(chassis: str, causality: Causality, words: str) -> Asked:
    """What ``words`` mean among the facts of ``chassis``: a position, an attempt, a switchover, a story or an alarm.

    Raises:
        NotInRecordError: there is none such.
    """
    plain = _plain(words)
    position = position_of(plain)
    if position is not None:
        return _position(chassis, causality, position)
    for form, kind, name in (
        (_ATTEMPT, SyncStarted, "attempt"),
        (_SWITCHOVER, SwitchoverStarted, "switchover"),
    ):
        found = form.fullmatch(plain.lower())
        if found:
            return Asked(_numbered(chassis, causality, kind, name, int(found[1])))
    head = causality.head(plain)
    if head is not None:
        return Asked(head)
    return _alarm(find_alarm(chassis, causality, plain))


def find_alarm(chassis: str, causality: Causality, words: str) -> Occurrence:
    """The newest occurrence of the alarm that ``words`` mean: its identity, a part of that, or ``alarm INDEX``.

    Raises:
        NotInRecordError: no alarm fits, or several do.
    """
    plain = _plain(words)
    index = _ALARM.fullmatch(plain.lower())
    if index:
        return _indexed(chassis, causality, int(index[1]))
    wanted = plain.lower().removeprefix("alarm ")
    known = {alarm: named(alarm) for alarm in causality.alarms()}
    if not known:
        raise NotInRecordError(f"{chassis} has no {words!r}: no alarm was ever raised there.")
    fitting = _fitting({alarm: name.lower() for alarm, name in known.items()}, wanted)
    if len(fitting) == 1:
        return causality.lives(fitting[0])[-1]
    if fitting:
        raise NotInRecordError(f"{words!r} fits several alarms of {chassis}: {_list([*map(known.get, fitting)])}.")
    raise NotInRecordError(f"{chassis} has no {words!r}; its alarms: {_list([*known.values()])}.")


def named(alarm: AlarmKey) -> str:
    """The identity of an alarm as one types it: resource, type, and qualifier if it has one."""
    return " ".join(part for part in (alarm.resource, alarm.alarm_type, alarm.qualifier) if part)


def _plain(words: str) -> str:
    return " ".join(words.split())


def _fitting(known: dict[AlarmKey, str], wanted: str) -> list[AlarmKey]:
    """Those of whose name it is a part; else those that have each word in their name."""
    whole = [alarm for alarm, name in known.items() if wanted in name]
    return whole or [alarm for alarm, name in known.items() if all(word in name for word in wanted.split())]


def _list(names: list[str | None]) -> str:
    shown = "; ".join(name for name in names[:_NAMED] if name)
    return shown if len(names) <= _NAMED else f"{shown}; and {len(names) - _NAMED} more"


def _alarm(life: Occurrence) -> Asked:
    return Asked(life.raised, life)


def _position(chassis: str, causality: Causality, position: int) -> Asked:
    fact = causality.at(position)
    if fact is None:
        first, last = causality.facts[0].position, causality.facts[-1].position
        raise NotInRecordError(f"There is no event {position} of {chassis}; its events lie from {first} to {last}.")
    return Asked(fact, causality.life_of(fact))


def _numbered(
    chassis: str, causality: Causality, kind: type[SyncStarted | SwitchoverStarted], name: str, number: int
) -> Recorded:
    last = 0
    for one in causality.facts:
        if isinstance(one.fact, kind):
            last = one.fact.attempt if isinstance(one.fact, SyncStarted) else one.fact.switchover
            if last == number:
                return one
    there = f"its {name}s are 1 to {last}" if last else f"it has had no {name}"
    raise NotInRecordError(f"{chassis} has no {name} {number}: {there}.")


def _indexed(chassis: str, causality: Causality, index: int) -> Occurrence:
    known = len(causality.occurrences)
    if not 1 <= index <= known:
        there = f"its alarms have the indexes 1 to {known}" if known else "no alarm was ever raised there"
        raise NotInRecordError(f"{chassis} has no alarm {index}: {there}.")
    return causality.occurrences[index - 1]
