"""Given these facts or commands, when this command is decided, then these facts follow."""

from collections.abc import Callable

import pytest

from events.causes import Scope
from events.commands import Command, Copied, FinishSync, Provision, StartSync
from events.decisions import Decision, decide
from events.errors import CommandRefusedError
from events.evolve import evolve
from events.facts import CardLocation, Fact, Slot, Trigger
from events.state import ChassisState

CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))


class Specification:
    """One chassis, pe1, at the level of decisions: no store, no clock."""

    def __init__(self) -> None:
        self.state = ChassisState("pe1")
        self.decision: Decision | None = None
        self.refusal: CommandRefusedError | None = None

    def given(self, *history: Fact | Command) -> None:
        """Facts are taken as recorded; commands are decided, and their facts taken as recorded."""
        for item in history:
            facts = (item,) if isinstance(item, Fact) else decide(self.state, item).facts
            for fact in facts:
                self.state = evolve(self.state, fact)

    def when(self, command: Command) -> None:
        before = self.state
        try:
            self.decision = decide(before, command)
        except CommandRefusedError as refusal:
            self.refusal = refusal
            return
        for fact in self.decision.facts:
            self.state = evolve(self.state, fact)
        assert self.state == self.decision.state, "a decision's state is its facts folded"
        assert decide(before, command) == self.decision, "a decision on the same state is the same decision"

    def then(self, *facts: Fact) -> None:
        assert self.refusal is None, self.refusal
        assert self.decision is not None
        assert self.decision.facts == facts

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, match: str) -> None:
        assert self.refusal is not None, self.decision
        assert match in str(self.refusal)

    def then_linked(self, correlation: str, causation: int) -> None:
        assert self.decision is not None
        assert (self.decision.correlation, self.decision.causation) == (correlation, causation)


@pytest.fixture
def spec() -> Specification:
    return Specification()


@pytest.fixture
def given(spec: Specification) -> Callable[..., None]:
    return spec.given


@pytest.fixture
def when(spec: Specification) -> Callable[[Command], None]:
    return spec.when


@pytest.fixture
def then(spec: Specification) -> Callable[..., None]:
    return spec.then


@pytest.fixture
def then_nothing(spec: Specification) -> Callable[[], None]:
    return spec.then_nothing


@pytest.fixture
def then_refused(spec: Specification) -> Callable[[str], None]:
    return spec.then_refused


@pytest.fixture
def then_linked(spec: Specification) -> Callable[[str, int], None]:
    return spec.then_linked


@pytest.fixture
def decided(spec: Specification) -> Callable[[], tuple[Fact, ...]]:
    """The facts of the newest decision."""

    def facts() -> tuple[Fact, ...]:
        assert spec.decision is not None
        return spec.decision.facts

    return facts


@pytest.fixture
def now(spec: Specification) -> Callable[[], ChassisState]:
    """The present state."""
    return lambda: spec.state


@pytest.fixture
def provisioned(spec: Specification) -> None:
    """Cards A (active) and B, both in service: versions 1 to 3."""
    spec.given(Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc"))


@pytest.fixture
def ready(spec: Specification, provisioned: None) -> None:  # noqa: ARG001 # it comes first
    """Also synchronised by attempt 1, boot-env and config: versions 4 to 7."""
    spec.given(StartSync(scope=Scope.BOOT_ENV, trigger=Trigger.MANUAL))
    spec.given(FinishSync(attempt=1, outcome=Copied(files=(), bytes_copied=0), duration_ms=1))
