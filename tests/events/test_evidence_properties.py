"""Clearing on evidence, whatever happens: an alarm stands exactly while its condition was seen and not disproved.

The oracle knows nothing of states. It lists what was seen and what was proved, in order, from a table of words, and
asks of each condition whether a proof came after it was last seen.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import event, given, settings
from hypothesis import strategies as st

from events.codec import decode, encode
from events.commands import Command, Copied, Failed, FinishSwitchover, FinishSync, SeeCard, SeeCeased, StartSync
from events.decisions import Decision
from events.evolve import evolve
from events.facts import (
    AlarmCleared,
    AlarmFact,
    AlarmKey,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    Slot,
    SwitchoverCompleted,
)
from events.state import ChassisState, Health

THE_STANDBY = {
    "admit": ["standby-absent", "standby-not-ready", "already-running"],
    "reach": ["unreachable", "authentication-failed"],
}
ITS_FILES = {
    "read": ["source-missing", "source-unreadable", "invalid-bof"],
    "reserve": ["no-space", "file-too-large"],
    "transfer": ["permission-denied", "read-only", "connection-lost", "timed-out", "source-changed", "io-error"],
    "verify": ["checksum-mismatch"],
    "activate": ["replace-failed"],
}
STAGES = {**THE_STANDBY, **ITS_FILES}
ANY_STAGE = ["interrupted", "internal-error"]
EVERY_CAUSE = [*(cause for causes in STAGES.values() for cause in causes), *ANY_STAGE]
BOTH = ["config", "boot-env"]


class Condition(NamedTuple):
    """What an alarm of a failed synchronisation stands for."""

    slot: str
    scope: str
    cause: str


def about_the_standby(slot: str, cause: str) -> list[Condition]:
    return [Condition(slot, scope, cause) for scope in BOTH]


def proved_by_passing(slot: str, scope: str, stages: list[str]) -> Iterator[Condition]:
    """What an attempt proves that got past these stages."""
    for stage in stages:
        for cause in STAGES[stage]:
            if stage in THE_STANDBY:
                yield from about_the_standby(slot, cause)
            else:
                yield Condition(slot, scope, cause)


def proved_by_success(slot: str, scope: str) -> Iterator[Condition]:
    for covered in BOTH if scope == "boot-env" else ["config"]:
        yield from proved_by_passing(slot, covered, list(STAGES))
        yield from (Condition(slot, covered, cause) for cause in ANY_STAGE)


class Oracle:
    """Everything that was seen and proved, in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, Condition]] = []
        self.proved: list[tuple[int, Condition]] = []
        self.clock = 0

    def standing(self) -> set[Condition]:
        return {
            condition
            for when, condition in self.seen
            if not any(later > when and disproved == condition for later, disproved in self.proved)
        }

    def learn(self, command: Command, before: ChassisState, decision: Decision) -> None:
        """What a command that was allowed told."""
        self.clock += 1
        standby = before.active.other.value
        match command:
            case StartSync(scope=scope) if before.running:
                self._see(Condition(standby, scope.value, "already-running"))
            case FinishSync(outcome=Copied()) if before.running:
                self._prove(proved_by_success(standby, before.running.scope.value))
            case FinishSync(outcome=Failed(cause=cause, stage=stage)) if before.running:
                if cause.value != "already-running":
                    self._prove(about_the_standby(standby, "already-running"))
                self._failed(Condition(standby, before.running.scope.value, cause.value), stage and stage.value)
            case SeeCeased(scope=scope, causes=causes):
                for cause in causes:
                    speaks_of = BOTH if any(cause in of for of in THE_STANDBY.values()) else [scope.value]
                    self._prove(Condition(standby, each, cause.value) for each in speaks_of)
            case SeeCard():
                self._card(command, before)
            case FinishSwitchover(failure=None):
                self._prove(Condition(standby, scope, cause) for scope in BOTH for cause in EVERY_CAUSE)
            case _:
                pass
        purged = [fact.alarm for fact in decision.facts if isinstance(fact, AlarmPurged)]
        self._prove(condition for key in purged if (condition := condition_of(key)))

    def _failed(self, condition: Condition, told: str | None) -> None:
        own = [stage for stage, causes in STAGES.items() if condition.cause in causes]
        names = list(STAGES)
        reached = own[0] if own else told
        if reached == "reach":
            self._prove(about_the_standby(condition.slot, "already-running"))
        elif reached:
            self._prove(proved_by_passing(condition.slot, condition.scope, names[: names.index(reached)]))
        self._see(condition)

    def _card(self, seen: SeeCard, before: ChassisState) -> None:
        if before.cards[seen.slot].health is seen.health:
            return
        slot = seen.slot.value
        if seen.health is not Health.ABSENT and before.cards[seen.slot].health is Health.ABSENT:
            self._prove(about_the_standby(slot, "standby-absent"))
        if seen.health is Health.IN_SERVICE:
            self._prove(about_the_standby(slot, "standby-absent"))
            self._prove(about_the_standby(slot, "standby-not-ready"))

    def _see(self, condition: Condition) -> None:
        self.seen.append((self.clock, condition))

    def _prove(self, conditions: Iterator[Condition] | list[Condition]) -> None:
        self.proved += [(self.clock, condition) for condition in conditions]


def condition_of(key: AlarmKey) -> Condition | None:
    scope, _, rest = key.alarm_type.partition("-sync-failed")
    return Condition(key.resource.removeprefix("pe1/"), scope, key.qualifier) if not rest and key.qualifier else None


def sync_alarms(state: ChassisState) -> set[Condition]:
    return {condition for key in state.standing() if (condition := condition_of(key))}


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_an_alarm_stands_exactly_while_its_condition_was_seen_and_not_disproved(
    histories: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    play, oracle = data.draw(histories), Oracle()
    for command, before, decision in play.decided:
        oracle.learn(command, before, decision)
        assert sync_alarms(decision.state) == oracle.standing(), command
    event(f"sync alarms at the end: {min(len(oracle.standing()), 4)}")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_nothing_is_raised_twice_or_cleared_twice(histories: st.SearchStrategy[Any], data: st.DataObject) -> None:
    play = data.draw(histories)
    standing: dict[AlarmKey, int] = {}
    for fact in (recorded.fact for recorded in play.recorded):
        match fact:
            case AlarmRaised(alarm=alarm):
                assert alarm not in standing, "raised while it stands"
                standing[alarm] = 1
            case AlarmRepeated(alarm=alarm, count=count):
                assert count == standing[alarm] + 1, "counted one by one, and only while it stands"
                standing[alarm] = count
            case AlarmCleared(alarm=alarm):
                assert standing.pop(alarm), "cleared while it stands"
            case AlarmPurged(alarm=alarm):
                standing.pop(alarm, None)
            case _:
                pass
    assert sorted(standing) == play.state.standing()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_evidence_of_every_clear_is_an_earlier_fact_of_the_same_decision_that_is_no_alarm(
    histories: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    decided: list[tuple[Command, ChassisState, Decision]] = data.draw(histories).decided
    for _, before, decision in decided:
        facts = dict(enumerate(decision.facts, before.version + 1))
        for version, fact in facts.items():
            if isinstance(fact, AlarmCleared):
                assert before.version < fact.evidence < version
                assert not isinstance(facts[fact.evidence], AlarmFact)
                assert fact.proof


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_state_folded_from_what_is_stored_is_the_live_one(
    histories: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    play = data.draw(histories)
    state = ChassisState("pe1")
    for recorded in play.recorded:
        name, stored = encode(recorded)
        again = decode(name, stored, chassis="pe1", version=recorded.version, position=recorded.position)
        assert again == recorded
        state = evolve(state, again.fact)
    assert state == play.state


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_roles_follow_the_completed_switchovers_alone(
    histories: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    play = data.draw(histories)
    done = [recorded.fact for recorded in play.recorded if isinstance(recorded.fact, SwitchoverCompleted)]
    assert play.state.active is (done[-1].active if done else Slot.A)
