"""How did redundancy, cards and supervision of a chassis stand through a period?"""

from enum import StrEnum

from events.envelope import Recorded
from events.evolve import evolve
from events.facts import AlarmFact, Slot, SupervisionStarted, SupervisionStopped
from events.state import ChassisState, Health, blockers
from projections.period_lanes import Course, Lane, LaneKind, Span


class RedundancyState(StrEnum):
    """Whether another card could take over."""

    READY = "ready"
    SYNCING = "syncing"
    NOT_READY = "not-ready"
    SINGLE = "single-card"


class Supervision(StrEnum):
    """Whether a process watched over the chassis."""

    WATCHED = "watched"
    UNWATCHED = "unwatched"
    UNKNOWN = "unknown"


class States:
    """The lanes of redundancy, of the active card and of both cards' health, in the words of ``show redundancy``."""

    def __init__(self, span: Span) -> None:
        self._state = ChassisState("")
        self._redundancy, self._active = Course(span), Course(span)
        self._cards: dict[Slot, Course] = {slot: Course(span) for slot in Slot}

    def apply(self, recorded: Recorded) -> None:
        """Folds in the next fact."""
        self._state = state = evolve(self._state, recorded.fact)
        if isinstance(recorded.fact, AlarmFact):
            return
        self._redundancy.change(recorded, _redundancy(state))
        self._active.change(recorded, state.active)
        for slot, course in self._cards.items():
            course.change(recorded, state.cards[slot].health)

    def lanes(self) -> tuple[Lane, ...]:
        """The lanes, redundancy first."""
        cards = (
            Lane(kind=LaneKind.CARD, name=f"Card {slot}", detail="health", bars=course.bars())
            for slot, course in self._cards.items()
        )
        return (
            Lane(kind=LaneKind.REDUNDANCY, name="Redundancy", bars=self._redundancy.bars()),
            Lane(kind=LaneKind.ACTIVE, name="Active card", bars=self._active.bars()),
            *cards,
        )


def _redundancy(state: ChassisState) -> RedundancyState:
    """What the standby is to the chassis, as ``projections.redundancy`` says it, and fast enough for every fact."""
    if state.cards[state.standby].health is not Health.IN_SERVICE:
        return RedundancyState.SINGLE
    if not blockers(state):
        return RedundancyState.READY
    return RedundancyState.SYNCING if state.running else RedundancyState.NOT_READY


class Watching:
    """The lane of supervision. Who is killed says nothing: when it ended is open until the next one begins."""

    def __init__(self, span: Span) -> None:
        self._course = Course(span)
        self._process = ""
        self._last: Recorded | None = None

    def apply(self, recorded: Recorded) -> None:
        """Folds in the next fact."""
        fact = recorded.fact
        if self._last is None:
            self._course.change(recorded, Supervision.UNWATCHED, "Nobody had begun to watch over the chassis.")
        if isinstance(fact, SupervisionStarted):
            if self._course.state == Supervision.WATCHED and self._last is not None:
                self._course.change(self._last, Supervision.UNKNOWN, self._silent(self._last))
            self._process = f"Process {fact.process} on {fact.host}"
            # Another process is another bar, also where one follows the other.
            self._course.change(recorded, Supervision.WATCHED)
        elif isinstance(fact, SupervisionStopped):
            self._course.change(recorded, Supervision.UNWATCHED)
        self._last = recorded

    def _silent(self, last: Recorded) -> str:
        return (
            f"It is not known whether anybody watched: {self._process} never said that it stopped, "
            f"and event {last.position} is the last one before the next process began."
        )

    def lane(self) -> Lane:
        """The lane."""
        return Lane(kind=LaneKind.SUPERVISION, name="Supervision", bars=self._course.bars())
