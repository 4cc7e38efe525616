"""Why did this happen, and what came of it? The chain of facts that led to one fact and away from it, as a tree."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from events.causes import Cause, Stage
from events.envelope import Recorded
from events.facts import (
    AlarmCleared,
    AlarmRaised,
    AlarmRepeated,
    SyncFailed,
)
from projections.asking import Asked, ask, named
from projections.causality import Causality, Occurrence
from projections.durations import milliseconds
from projections.event_log import entry
from projections.refusals import put_in_the_way
from projections.roles import Role, role_of
from projections.stories import end_of, story_of, summary_of
from projections.unrecorded import unrecorded


class ExplainedAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """One life of an alarm. Positions are those of its raise and of its clear or purge (none while it stands).

    ``count`` is how often its condition was seen, ``index`` that of ``show system alarms``; ``earlier`` and ``later``
    have the positions of the other raises of the same alarm.
    """

    identity: str
    index: int
    raised_position: int
    raised_at: datetime
    count: int
    ended_position: int | None
    ended_at: datetime | None
    lasted_ms: int | None
    earlier: tuple[int, ...]
    later: tuple[int, ...]


class ExplainedFact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of the tree, in the words of the log; what it led to are its ``children``, in the order of the record.

    ``after_ms`` is the time since the fact above it, at the source; none for the first of a chain. ``causation`` is the
    position of the fact that the envelope names as its cause, none for none: that of a retry is the failure before it,
    while it stands beside it. ``stage`` and ``cause`` are those of a failed synchronisation. ``unrecorded`` says what
    of its cause the record does not know.
    """

    position: int
    type: str
    role: Role
    occurred_at: datetime
    recorded_at: datetime
    after_ms: int | None
    sentence: str
    asked: bool
    correlation: str
    causation: int | None
    stage: Stage | None
    cause: Cause | None
    unrecorded: str
    children: tuple["ExplainedFact", ...]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: what was asked for (``position``), the alarm if one was, sentences on how it went, and the chains.

    There is more than one chain where, for example, an alarm that one story raised was cleared by another one.
    """

    chassis: str
    position: int
    alarm: ExplainedAlarm | None
    summary: tuple[str, ...]
    chains: tuple[ExplainedFact, ...]


def explain(chassis: str, facts: Iterable[Recorded], words: str) -> Explanation:
    """The explanation of what ``words`` name among the facts of a chassis, which are all there are, in order.

    Raises:
        NotInRecordError: they name nothing, or several things; the message says what there is instead.
    """
    causality = Causality(facts)
    asked = ask(chassis, causality, words)
    relevant = _relevant(causality, asked)
    tree = _Tree(causality, relevant, asked.fact.version)
    return Explanation(
        chassis=chassis,
        position=asked.fact.position,
        alarm=None if asked.alarm is None else _alarm(causality, asked.alarm),
        summary=tuple(summary_of(causality, asked)),
        chains=tuple(tree.chains()),
    )


def _relevant(causality: Causality, asked: Asked) -> set[int]:
    """The versions of all facts that belong to the answer."""
    core = {one.version: one for one in (asked.fact, *causality.below(asked.fact), *story_of(causality, asked.fact))}
    if asked.alarm is not None:
        core |= {one.version: one for one in asked.alarm.facts()}
    for one in [*core.values()]:
        if isinstance(one.fact, AlarmRaised | AlarmRepeated):
            core |= {other.version: other for other in _fate(causality.life_of(one))}
    for end in _ends(causality, [core[version] for version in sorted(core)]):
        core[end.version] = end
    for refused in [*core.values()]:
        core |= {one.version: one for one in put_in_the_way(causality, refused)}
    found = set(core)
    for one in core.values():
        for above in causality.above(one):
            if above.version in found:
                break
            found.add(above.version)
    return found


def _fate(life: Occurrence | None) -> Iterator[Recorded]:
    if life is not None:
        yield from life.acts
        if life.ended is not None:
            yield life.ended


def _ends(causality: Causality, core: Iterable[Recorded]) -> Iterator[Recorded]:
    """What ended the failures that are told of: for each scope the next success, or a switchover that came before."""
    last = {one.fact.scope: one for one in core if isinstance(one.fact, SyncFailed)}
    for scope, failed in last.items():
        end = end_of(causality, scope, failed)
        if end is not None:
            yield end


class _Tree:
    """Builds the chains of the relevant facts."""

    def __init__(self, causality: Causality, relevant: set[int], asked: int) -> None:
        self._causality = causality
        self._relevant = relevant
        self._asked = asked

    def chains(self) -> Iterator[ExplainedFact]:
        for version in sorted(self._relevant):
            if self._causality.cause(self._causality.version(version)).version not in self._relevant:
                yield self._fact(self._causality.version(version), None)

    def _fact(self, one: Recorded, above: Recorded | None) -> ExplainedFact:
        effects = self._causality.effects(one)
        shown = [effect for effect in effects if effect.version in self._relevant]
        said, cause = entry(one), self._causality.cause(one)
        proves = any(isinstance(effect.fact, AlarmCleared) for effect in effects)
        fact = one.fact
        failure = fact if isinstance(fact, SyncFailed) else None
        return ExplainedFact(
            position=one.position,
            type=fact.TYPE,
            role=role_of(fact, proves=proves, triggers=bool(effects)),
            occurred_at=said.time,
            recorded_at=said.recorded_at,
            after_ms=None if above is None else milliseconds(one.occurred_at - above.occurred_at),
            sentence=said.message,
            asked=one.version == self._asked,
            correlation=one.correlation,
            causation=self._causality.position(one.causation),
            stage=None if failure is None else failure.stage,
            cause=None if failure is None else failure.cause,
            unrecorded=unrecorded(one, cause.version, known=cause.known),
            children=tuple(self._fact(effect, one) for effect in shown),
        )


def _alarm(causality: Causality, life: Occurrence) -> ExplainedAlarm:
    others = [other.raised.position for other in causality.lives(life.alarm)]
    position, ended = life.raised.position, life.ended
    return ExplainedAlarm(
        identity=named(life.alarm),
        index=life.index,
        raised_position=position,
        raised_at=life.raised.occurred_at.astimezone(UTC),
        count=1 + len(life.repeats),
        ended_position=None if ended is None else ended.position,
        ended_at=None if ended is None else ended.occurred_at.astimezone(UTC),
        lasted_ms=None if ended is None else milliseconds(ended.occurred_at - life.raised.occurred_at),
        earlier=tuple(other for other in others if other < position),
        later=tuple(other for other in others if other > position),
    )
