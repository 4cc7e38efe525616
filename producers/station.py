"""Where attempts and switchovers of a chassis are made: one at a time, and none left open when its process dies.

Whoever works on a chassis holds its lock. Outcomes are recorded under a second lock, so that who finds the chassis busy
can record that while it still is.
"""

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from events.causes import Cause
from events.commands import Failed, FinishSwitchover, FinishSync, StartSwitchover, StartSync
from events.envelope import Recorded
from events.errors import CommandRefusedError
from events.facts import Slot, SwitchoverFailure
from events.state import ChassisState
from events.store import Record
from producers.cards.card import Card
from producers.cards.opening import open_card
from producers.lock import ChassisBusyError, Purpose, chassis_lock

PATIENCE_SECONDS = 5.0
"""How long to wait for another process that has nothing under way: it is about to begin, or clears up."""
_BETWEEN_TRIES = 0.01


class Station(NamedTuple):
    """Where attempts and switchovers of one chassis are made: the record, the chassis, and the folder of the locks."""

    record: Record
    chassis: str
    locks: Path

    def state(self) -> ChassisState:
        """The present state of the chassis."""
        return self.record.state(self.chassis)

    def card(self, slot: Slot) -> Card:
        """The card in a slot, not yet connected."""
        return open_card(self.state().location(slot))


@contextmanager
def at_work(station: Station, *, patience: float) -> Generator[None]:
    """Alone at work on the chassis: what dead processes left open is settled first, and nothing is left open after.

    Raises:
        ChassisBusyError: another process has something under way, or does not end within ``patience`` seconds.
    """
    with ExitStack() as stack:
        _enter(stack, station, time.monotonic() + patience)
        settle(station)
        try:
            yield
        except BaseException:
            settle(station)
            raise


def _enter(stack: ExitStack, station: Station, until: float) -> None:
    while True:
        try:
            stack.enter_context(chassis_lock(station.locks, station.chassis))
        except ChassisBusyError:
            if _is_under_way(station.state()) or time.monotonic() >= until:
                raise
            time.sleep(_BETWEEN_TRIES)
        else:
            return


def _is_under_way(state: ChassisState) -> bool:
    return state.running is not None or state.switching is not None


def record_outcome(station: Station, finish: FinishSync | FinishSwitchover) -> list[Recorded]:
    """Records how the attempt or switchover that is under way ended."""
    with chassis_lock(station.locks, station.chassis, Purpose.OUTCOME, wait=True):
        return station.record.execute(station.chassis, finish)


def record_busy(station: Station, start: StartSync | StartSwitchover) -> list[Recorded]:
    """Records what could not begin because another process has something under way; that one is not disturbed.

    Raises:
        CommandRefusedError: nothing is under way any more, or a switchover is, beside which no attempt is recorded.
    """
    with chassis_lock(station.locks, station.chassis, Purpose.OUTCOME, wait=True):
        if not _is_under_way(station.state()):
            raise CommandRefusedError(f"{station.chassis}: another process is at work on this chassis; try again")
        return station.record.execute(station.chassis, start)


def settle(station: Station) -> None:
    """Records what was left open by a process that died; the caller holds the lock, so nobody is at it any more."""
    state = station.state()
    if state.running is not None:
        detail = "The process that ran the attempt ended before it recorded an outcome"
        outcome = Failed(cause=Cause.INTERRUPTED, detail=detail)
        record_outcome(station, FinishSync(attempt=state.running.attempt, outcome=outcome, duration_ms=0))
    if state.switching is not None:
        ended = FinishSwitchover(
            switchover=state.switching.switchover,
            failure=SwitchoverFailure.INTERRUPTED,
            detail="the process that ran it ended before it recorded an outcome",
            duration_ms=0,
        )
        record_outcome(station, ended)


def settle_if_idle(station: Station) -> bool:
    """``settle``, unless nothing is open or somebody is at work on the chassis; whether it was done."""
    if not _is_under_way(station.state()):
        return False
    try:
        with chassis_lock(station.locks, station.chassis):
            settle(station)
    except ChassisBusyError:
        return False
    return True
