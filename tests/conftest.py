"""Any history that decisions can make: for the tests of what holds of every history."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from events.causes import Cause, Scope, Stage
from events.commands import (
    AlarmAction,
    Command,
    Copied,
    Failed,
    FinishSwitchover,
    FinishSync,
    OperateAlarm,
    Provision,
    SeeCard,
    SeeCeased,
    SeeFlash,
    SeeVersions,
    StartSwitchover,
    StartSync,
)
from events.decisions import Decision, decide
from events.envelope import Recorded
from events.errors import CommandRefusedError
from events.facts import CardLocation, Slot, SwitchoverFailure, SwitchoverReason, Trigger
from events.state import ChassisState, Health

pytest_plugins = ["tests.servers.kafka", "tests.servers.postgresql", "tests.servers.prometheus"]

BEGAN = datetime(2026, 1, 5, 2, 13, tzinfo=UTC)
CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
PROVISION = Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc")

scopes, slots = st.sampled_from(Scope), st.sampled_from(Slot)
# A few causes come often, so that they meet their repetitions and their proofs.
often = st.sampled_from([Cause.STANDBY_ABSENT, Cause.STANDBY_NOT_READY, Cause.NO_SPACE, Cause.CHECKSUM_MISMATCH])
causes = often | st.sampled_from(Cause)
failures = st.builds(Failed, cause=causes, detail=st.just("it failed"), stage=st.none()) | st.builds(
    Failed, cause=st.just(Cause.INTERNAL_ERROR), detail=st.just("it failed"), stage=st.sampled_from(Stage)
)


class Attempt(NamedTuple):
    """A whole attempt."""

    scope: Scope
    outcome: Copied | Failed


class Act(NamedTuple):
    """An operator's act on one of the alarms that are on the list, or on a shelf."""

    action: AlarmAction
    number: int


outcomes = st.just(Copied(files=(), bytes_copied=0)) | failures
attempts = st.builds(Attempt, scopes, outcomes)
starts = st.builds(StartSync, scope=scopes, trigger=st.sampled_from(Trigger))
finishes = st.builds(FinishSync, attempt=st.just(0), outcome=outcomes, duration_ms=st.just(5))
probes = st.builds(
    SeeCeased, scope=scopes, causes=st.lists(causes, min_size=1, max_size=5).map(tuple), detail=st.just("probed")
)
cards = st.builds(SeeCard, slot=slots, health=st.sampled_from(Health), detail=st.just("seen"))
versions = st.sampled_from("12").map(lambda other: SeeVersions(active_version="1", standby_version=other))
flashes = st.builds(SeeFlash, slot=slots, flash=st.just("cf3:"), used_percent=st.sampled_from([50, 95]))
switchovers = st.builds(StartSwitchover, reason=st.sampled_from(SwitchoverReason), ignore_status=st.booleans())
takeovers = st.builds(
    FinishSwitchover,
    switchover=st.just(0),
    duration_ms=st.just(5),
    failure=st.none() | st.sampled_from(SwitchoverFailure),
    detail=st.just("it ended"),
)
acts = st.builds(Act, st.sampled_from(AlarmAction), st.integers(0, 9))
other_moves = starts | finishes | probes | cards | versions | flashes | switchovers | takeovers | acts
move = attempts | attempts | attempts | cards | cards | other_moves
# Short histories shrink well, long ones have many alarms at once.
moves = st.lists(move, max_size=6) | st.lists(move, min_size=15, max_size=40)

Move = Attempt | Act | Command


class Play:
    """One chassis, and all that was decided on it."""

    def __init__(self, chassis: str = "pe1") -> None:
        self.state = ChassisState(chassis)
        self.decided: list[tuple[Command, ChassisState, Decision]] = []
        self.recorded: list[Recorded] = []
        self.do(PROVISION)

    def move(self, move: Move) -> None:
        """Plays a move; what the present state does not allow is not played."""
        for command in self._commands(move):
            self.do(command)

    def _commands(self, move: Move) -> tuple[Command, ...]:
        state = self.state
        match move:
            case Attempt(scope, outcome):
                start = StartSync(scope=scope, trigger=Trigger.MANUAL)
                running = state.running.attempt if state.running else state.attempts + 1
                return start, FinishSync(attempt=running, outcome=outcome, duration_ms=5)
            case Act(action, number):
                known = sorted({*state.alarms, *state.shelves})
                chosen = known[number % len(known) :][:1] if known else []
                return tuple(OperateAlarm(action=action, alarm=key, operator="noc", text="why") for key in chosen)
            case FinishSync():
                return (replace(move, attempt=state.running.attempt),) if state.running else ()
            case FinishSwitchover():
                return (replace(move, switchover=state.switching.switchover),) if state.switching else ()
            case _:
                return (move,)

    def do(self, command: Command) -> None:
        before = self.state
        try:
            decision = decide(before, command)
        except CommandRefusedError:
            return
        self.decided.append((command, before, decision))
        self.state = decision.state
        for version, fact in enumerate(decision.facts, before.version + 1):
            self.recorded.append(
                Recorded(
                    chassis=before.chassis,
                    version=version,
                    occurred_at=BEGAN + timedelta(seconds=len(self.decided)),
                    recorded_at=BEGAN + timedelta(seconds=len(self.decided), milliseconds=3),
                    correlation=decision.correlation,
                    causation=decision.causation,
                    fact=fact,
                    position=version,
                )
            )


@st.composite
def _histories(draw: st.DrawFn) -> Play:
    play = Play()
    for move in draw(moves):
        play.move(move)
    return play


@pytest.fixture(scope="session")
def histories() -> st.SearchStrategy[Play]:
    """Any history of one chassis; draw from it with ``st.data()``."""
    return _histories()
