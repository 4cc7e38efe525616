"""How did a story go, in a sentence or two: how often was an alarm seen, how many attempts were made, what ended it?"""

from collections.abc import Iterator

from events.causes import Scope
from events.envelope import Recorded
from events.facts import (
    AlarmCleared,
    SwitchoverCompleted,
    SwitchoverRefused,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
)
from projections.asking import Asked, named
from projections.causality import Causality, Occurrence
from projections.durations import lasting
from projections.refusals import put_in_the_way
from projections.wording import counted, times

_WHOLE_STORIES = ("sync-", "switchover-", "card-", "refusal-")
"""Stories that are told as a whole. The others are either one decision or, like a flash's, never come to an end."""


def story_of(causality: Causality, one: Recorded) -> list[Recorded]:
    """The facts of the story that a fact belongs to; none where it is not one that is told as a whole."""
    return causality.story(one.correlation) if one.correlation.startswith(_WHOLE_STORIES) else []


def end_of(causality: Causality, scope: Scope, failed: Recorded) -> Recorded | None:
    """What ended the failures of a scope: its next success, or a switchover that came before; none as yet."""
    for one in causality.after(failed):
        fact = one.fact
        if isinstance(fact, SwitchoverCompleted):
            return one
        if isinstance(fact, SyncSucceeded) and fact.scope in {scope, Scope.BOOT_ENV}:
            return one
    return None


def summary_of(causality: Causality, asked: Asked) -> Iterator[str]:
    """How it went with the alarm that was asked for, and with the attempts of the story that the fact belongs to."""
    if asked.alarm is not None:
        yield _alarm_sentence(causality, asked.alarm)
        yield from _other_lives(causality, asked.alarm)
    story = story_of(causality, asked.fact)
    for refused in (one for one in story if isinstance(one.fact, SwitchoverRefused)):
        yield from _refusal_sentence(causality, refused)
    attempts = [one for one in story if isinstance(one.fact, SyncStarted)]
    if attempts:
        yield _story_sentence(causality, attempts[0])


def _alarm_sentence(causality: Causality, life: Occurrence) -> str:
    count = 1 + len(life.repeats)
    said = f"Alarm {named(life.alarm)} was raised by event {life.raised.position} and seen {times(count)}"
    if life.ended is None:
        return f"{said}; it stands, as far as the record goes (event {causality.facts[-1].position})."
    how = "was cleared" if isinstance(life.ended.fact, AlarmCleared) else "was purged from the list"
    later = lasting(life.ended.occurred_at - life.raised.occurred_at)
    return f"{said}; it {how} {later} later, by event {life.ended.position}."


def _other_lives(causality: Causality, life: Occurrence) -> Iterator[str]:
    raises = [other.raised.position for other in causality.lives(life.alarm)]
    for when, others in (
        ("before", [position for position in raises if position < life.raised.position]),
        ("again", [position for position in raises if position > life.raised.position]),
    ):
        if others:
            newest = others[-1] if when == "before" else others[0]
            nearest = f"event {newest}" if len(others) == 1 else f"the nearest by event {newest}"
            yield f"It was raised {times(len(others))} {when}, {nearest}."


def _refusal_sentence(causality: Causality, refused: Recorded) -> Iterator[str]:
    assert isinstance(refused.fact, SwitchoverRefused)
    found = put_in_the_way(causality, refused)
    if found:
        events = " and ".join(f"event {one.position}" for one in found)
        why = ", ".join(refused.fact.blockers)
        yield f"What event {refused.position} was refused for ({why}) goes back to {events}."


def _story_sentence(causality: Causality, first: Recorded) -> str:
    story = causality.story(first.correlation)
    attempts = sum(isinstance(one.fact, SyncStarted) for one in story)
    failures = [one for one in story if isinstance(one.fact, SyncFailed)]
    tried = f"Story {first.correlation}: {_counted(attempts, 'attempt')}, {_counted(len(failures), 'failure')}"
    success = next((one for one in story if isinstance(one.fact, SyncSucceeded)), None)
    if success is not None:
        return (
            f"{tried}, success with event {success.position} after {lasting(success.occurred_at - first.occurred_at)}."
        )
    if not failures:
        return f"{tried}; it has no outcome yet."
    assert isinstance(failures[-1].fact, SyncFailed)
    end = end_of(causality, failures[-1].fact.scope, failures[-1])
    if end is None:
        return f"{tried}, no success as far as the record goes (event {causality.facts[-1].position})."
    what = "a switchover" if isinstance(end.fact, SwitchoverCompleted) else "a success"
    return f"{tried}; it was ended by {what} of another story, event {end.position} ({end.correlation})."


def _counted(number: int, what: str) -> str:
    return counted(number, what) if number else f"no {what}s"
