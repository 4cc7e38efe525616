"""A decision in the making: the facts so far, and the state as they leave it."""

import msgspec

from events.alarm_types import SINGLE_CARD, STANDBY_SYNC_LOST, alarm_type_of, card_resource
from events.evolve import evolve
from events.facts import (
    AlarmCleared,
    AlarmKey,
    AlarmRaised,
    AlarmRepeated,
    Blocker,
    Fact,
    RedundancyLost,
    StandbyLost,
    StandbyReady,
)
from events.state import ChassisState, Health, blockers

_IN_THE_WAY: dict[Blocker, str] = {
    Blocker.NOT_EQUIPPED: "the card is not there",
    Blocker.FAILED: "the card failed",
    Blocker.NEVER_SYNCHRONIZED: "the card has not been synchronised since it became the standby or its files changed",
    Blocker.SYNCHRONIZING: "a synchronisation is running",
    Blocker.SWITCHOVER_IN_PROGRESS: "a switchover is running",
}


class Decision(msgspec.Struct, frozen=True):
    """Facts that are recorded together, in order and without others of their chassis between them.

    The first has ``causation`` as its cause, the others have the first one; ``state`` is the state after them.
    """

    facts: tuple[Fact, ...]
    state: ChassisState
    correlation: str = ""
    causation: int = 0


class Draft:
    """Collects the facts of one decision. Nothing outside sees it change, so decisions stay pure."""

    __slots__ = ("before", "facts", "state")

    def __init__(self, state: ChassisState) -> None:
        self.before = state
        self.state = state
        self.facts: list[Fact] = []

    def add(self, fact: Fact) -> int:
        """Adds a fact; returns the version that it will have."""
        self.facts.append(fact)
        self.state = evolve(self.state, fact)
        return self.state.version

    def see(self, key: AlarmKey, text: str) -> None:
        """The alarm's condition was seen: raises it, or counts one that stands already."""
        status = self.state.alarms.get(key)
        if status is not None and status.standing:
            self.add(AlarmRepeated(alarm=key, count=status.count + 1, text=text))
        else:
            self.add(AlarmRaised(alarm=key, severity=alarm_type_of(key).severity, text=text))

    def clear(self, key: AlarmKey, *, evidence: int, proof: str) -> None:
        """The alarm's condition was disproved by the fact with version ``evidence``: clears it if it stands."""
        status = self.state.alarms.get(key)
        if status is not None and status.standing:
            self.add(AlarmCleared(alarm=key, evidence=evidence, proof=proof))

    def finish(self, correlation: str, causation: int = 0) -> Decision:
        """Adds what follows for the redundancy of the chassis, and closes the decision."""
        before, after = self.before, self.state
        # Readiness was settled by the decision before this one; only these can unsettle it.
        if after.scopes is not before.scopes or after.cards is not before.cards or after.active is not before.active:
            self._redundancy()
        return Decision(tuple(self.facts), self.state, correlation, causation)

    def _redundancy(self) -> None:
        state, hindrances = self.state, blockers(self.state)
        if state.ready and (hindrances or state.active is not self.before.active):
            self._lost(explain(hindrances) or "it has just become the standby")
        elif not state.ready and not hindrances:
            self._regained()
        if hindrances:
            self._single_card()

    def _lost(self, detail: str) -> None:
        standby = self.state.standby
        self.add(StandbyLost(slot=standby, detail=detail))
        key = AlarmKey(resource=card_resource(self.state.chassis, standby), alarm_type=STANDBY_SYNC_LOST)
        self.see(key, f"Card {standby} can no longer take over: {detail}.")

    def _regained(self) -> None:
        chassis, standby = self.state.chassis, self.state.standby
        ready = self.add(StandbyReady(slot=standby))
        lost = AlarmKey(resource=card_resource(chassis, standby), alarm_type=STANDBY_SYNC_LOST)
        for key in (lost, AlarmKey(resource=chassis, alarm_type=SINGLE_CARD)):
            self.clear(key, evidence=ready, proof=f"card {standby} is ready to take over")

    def _single_card(self) -> None:
        state = self.state
        if state.single or state.cards[state.standby].health is Health.IN_SERVICE:
            return
        if state.cards[state.active].health is Health.IN_SERVICE:
            self.add(RedundancyLost(remaining=state.active))
            key = AlarmKey(resource=state.chassis, alarm_type=SINGLE_CARD)
            self.see(key, f"Card {state.active} runs the chassis alone: there is no standby card in service.")


def explain(hindrances: tuple[Blocker, ...]) -> str:
    """What is in the way, in words."""
    return "; ".join(_IN_THE_WAY[hindrance] for hindrance in hindrances)
