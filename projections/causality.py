"""Which fact led to which? The facts of one chassis, tied together by what the record says of their causes."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast, get_args

import msgspec

from events.envelope import Recorded
from events.facts import (
    AlarmCleared,
    AlarmKey,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    Slot,
    SyncStarted,
    Trigger,
)
from events.facts.alarms import AlarmFact

CardSighting = CardInserted | CardRecovered | CardRemoved | CardFailed

# Sets, because asking each of a union in turn costs more than the rest; made of the unions, so complete.
_SIGHTINGS: frozenset[type] = frozenset(get_args(CardSighting))
_ALARM_FACTS: frozenset[type] = frozenset(get_args(AlarmFact))


class Cause(NamedTuple):
    """The version of the fact that led to another one, 0 if the record has none; ``known`` if it is at hand."""

    version: int
    known: bool


class Occurrence(msgspec.Struct):
    """One life of an alarm: from a raise to its clear or purge, with all sightings and acts of operators.

    ``index`` is that of ``show system alarms``: it numbers the raises of the chassis.
    """

    alarm: AlarmKey
    index: int
    raised: Recorded
    repeats: list[Recorded] = []
    acts: list[Recorded] = []
    ended: Recorded | None = None

    def facts(self) -> Iterator[Recorded]:
        """All of its facts, by kind."""
        yield self.raised
        yield from self.repeats
        yield from self.acts
        if self.ended is not None:
            yield self.ended


class Causality:
    """The facts of one chassis in their order, each with its cause and its effects.

    Causes are those of the envelope, with three exceptions that make stories readable and are as true: a clear has its
    evidence as its cause; a retry hangs on the first attempt of its story and not on the failure before it; and what
    is seen of a card hangs on its loss, until it is in service again, while a loss has no cause: that the card was
    seen in service before did not lead to it.
    """

    def __init__(self, facts: Iterable[Recorded]) -> None:
        self.facts = list(facts)
        self.occurrences: list[Occurrence] = []
        self._lives: dict[AlarmKey, list[Occurrence]] = {}
        self._life_of: dict[int, Occurrence] = {}
        self._lost: dict[Slot, Recorded] = {}
        self._back: dict[Slot, tuple[Recorded, str]] = {}
        self._heads: dict[str, Recorded] = {}
        self._attempts: dict[str, Recorded] = {}
        self._stories: dict[str, list[Recorded]] = {}
        self._causes: dict[int, Cause] = {}
        self._effects: dict[int, list[Recorded]] = {}
        self._by_version = {one.version: one for one in self.facts}
        for one in self.facts:
            self._add(one)

    def _add(self, one: Recorded) -> None:
        self._heads.setdefault(one.correlation, one)
        self._stories.setdefault(one.correlation, []).append(one)
        if isinstance(one.fact, SyncStarted):
            self._attempts.setdefault(one.correlation, one)
        version = self._cause_of(one)
        if version >= one.version:  # no decision records that; a record that has it must not send readers in circles
            version = 0
        cause = Cause(version, version in self._by_version)
        self._causes[one.version] = cause
        if cause.known:
            self._effects.setdefault(version, []).append(one)
        if type(one.fact) in _ALARM_FACTS:
            self._add_alarm(one, cast("AlarmFact", one.fact))

    def _cause_of(self, one: Recorded) -> int:
        fact = one.fact
        if isinstance(fact, AlarmCleared):
            return fact.evidence
        if type(fact) in _SIGHTINGS:
            return self._sighting(one, cast("CardSighting", fact))
        if isinstance(fact, SyncStarted) and fact.trigger is Trigger.RETRY:
            first = self._attempts[one.correlation]
            return one.causation if first is one else first.version
        return one.causation

    def _sighting(self, one: Recorded, fact: CardSighting) -> int:
        """A loss begins the story of its card, unless the card had not come back in service since another loss."""
        begun = self._lost.get(fact.slot)
        if isinstance(fact, CardInserted | CardRecovered):
            self._back[fact.slot] = self._lost.pop(fact.slot, one), one.correlation
            return begun.version if begun is not None else one.causation
        # A card that is put in and does not serve is inserted and fails in one decision.
        first, correlation = self._back.get(fact.slot, (one, ""))
        if begun is None and correlation == one.correlation:
            begun = first
        self._lost[fact.slot] = begun or one
        return begun.version if begun is not None else 0

    def _add_alarm(self, one: Recorded, fact: AlarmFact) -> None:
        lives = self._lives.setdefault(fact.alarm, [])
        life = lives[-1] if lives else None
        if isinstance(fact, AlarmRaised) and (life is None or life.ended is not None):
            life = Occurrence(fact.alarm, len(self.occurrences) + 1, one)
            self.occurrences.append(life)
            lives.append(life)
        elif life is None:
            return
        elif isinstance(fact, AlarmRaised | AlarmRepeated):
            life.repeats.append(one)
        elif isinstance(fact, AlarmCleared | AlarmPurged) and life.ended is None:
            life.ended = one
        else:
            life.acts.append(one)
        self._life_of[one.version] = life

    def alarms(self) -> list[AlarmKey]:
        """Every alarm that was ever raised, in the order of its first raise."""
        return [key for key, lives in self._lives.items() if lives]

    def lives(self, alarm: AlarmKey) -> list[Occurrence]:
        """Every occurrence of an alarm, oldest first."""
        return self._lives.get(alarm, [])

    def life_of(self, one: Recorded) -> Occurrence | None:
        """The occurrence that a fact about an alarm belongs to; none for any other fact."""
        return self._life_of.get(one.version)

    def cause(self, one: Recorded) -> Cause:
        """Which fact led to this one."""
        return self._causes[one.version]

    def effects(self, one: Recorded) -> list[Recorded]:
        """What this fact led to, at once, in order."""
        return self._effects.get(one.version, [])

    def version(self, version: int) -> Recorded:
        """The fact with that version; it is at hand."""
        return self._by_version[version]

    def position(self, version: int) -> int | None:
        """The position of the fact with that version; none where it is not at hand."""
        one = self._by_version.get(version)
        return None if one is None else one.position

    def at(self, position: int) -> Recorded | None:
        """The fact at that position; none where it is of another chassis, or not there."""
        found = bisect_left(self.facts, position, key=_position)
        return self.facts[found] if found < len(self.facts) and self.facts[found].position == position else None

    def after(self, one: Recorded) -> Iterator[Recorded]:
        """The facts after this one, in order."""
        for number in range(bisect_left(self.facts, one.position, key=_position) + 1, len(self.facts)):
            yield self.facts[number]

    def before(self, one: Recorded) -> Iterator[Recorded]:
        """The facts before this one, the newest first."""
        for number in range(bisect_left(self.facts, one.position, key=_position) - 1, -1, -1):
            yield self.facts[number]

    def head(self, story: str) -> Recorded | None:
        """The fact that the story of that correlation begins with."""
        return self._heads.get(story)

    def story(self, correlation: str) -> list[Recorded]:
        """All facts of a story, in order."""
        return self._stories.get(correlation, [])

    def above(self, one: Recorded) -> Iterator[Recorded]:
        """What led to this fact: its cause, the cause of that, and so on, as far as the record knows."""
        cause = self._causes[one.version]
        while cause.known:
            above = self._by_version[cause.version]
            yield above
            cause = self._causes[above.version]

    def below(self, one: Recorded) -> Iterator[Recorded]:
        """What this fact led to: its effects, the effects of those, and so on."""
        waiting = list(self.effects(one))
        while waiting:
            effect = waiting.pop()
            yield effect
            waiting += self.effects(effect)


def _position(one: Recorded) -> int:
    return one.position
