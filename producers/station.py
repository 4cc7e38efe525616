"""Where attempts and switchovers of a chassis are made: one at a time, and none left open when its process dies.

Whoever works on a chassis holds its lock. Outcomes are recorded under a second lock, so that who finds the chassis busy
can record that while it still is.
"""

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
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
from producers.lock import NOTICE_SECONDS, ChassisBusyError, Held, LockLostError, Locks, Purpose

PATIENCE_SECONDS = 5.0
"""How long to wait for another process that has nothing under way: it is about to begin, or clears up."""
_BETWEEN_TRIES = 0.01


class Station(NamedTuple):
    """Where attempts and switchovers of one chassis are made: the record, the chassis, and the locks."""

    record: Record
    chassis: str
    locks: Locks

    def state(self) -> ChassisState:
        """The present state of the chassis."""
        return self.record.state(self.chassis)

    def card(self, slot: Slot) -> Card:
        """The card in a slot, not yet connected."""
        return open_card(self.state().location(slot))

    def lock(self, purpose: Purpose = Purpose.WORK, *, wait: bool = False) -> AbstractContextManager[Held]:
        """Holds a lock of the chassis; see ``Locks``."""
        return self.locks.hold(self.chassis, purpose, wait=wait)


@contextmanager
def at_work(station: Station, *, patience: float) -> Generator[Held]:
    """Alone at work on the chassis: what dead processes left open is settled first, and nothing is left open after.

    Raises:
        ChassisBusyError: another process has something under way, or does not end within ``patience`` seconds.
        LockLostError: somebody else may be at work by now, and settles what we leave open.
    """
    with ExitStack() as stack:
        work = _enter(stack, station, time.monotonic() + patience)
        settle(station, work)
        try:
            yield work
        except LockLostError:
            raise
        except BaseException:
            settle(station, work)
            raise


def _enter(stack: ExitStack, station: Station, until: float) -> Held:
    while True:
        try:
            return stack.enter_context(station.lock())
        except ChassisBusyError:
            if _is_under_way(station.state()) or time.monotonic() >= until:
                raise
            time.sleep(_BETWEEN_TRIES)


def _is_under_way(state: ChassisState) -> bool:
    return state.running is not None or state.switching is not None


def record_outcome(station: Station, finish: FinishSync | FinishSwitchover, work: Held) -> list[Recorded]:
    """Records how the attempt or switchover that is under way ended; ``work`` is the lock that it is made under.

    Raises:
        LockLostError: it is not ours to record any more.
    """
    with station.lock(Purpose.OUTCOME, wait=True):
        work.check()
        return station.record.execute(station.chassis, finish)


def record_busy(station: Station, start: StartSync | StartSwitchover) -> list[Recorded]:
    """Records what could not begin because another process has something under way; that one is not disturbed.

    Raises:
        CommandRefusedError: nothing is under way any more, or a switchover is, beside which no attempt is recorded.
    """
    with station.lock(Purpose.OUTCOME, wait=True):
        if not _is_under_way(station.state()):
            raise CommandRefusedError(f"{station.chassis}: another process is at work on this chassis; try again")
        return station.record.execute(station.chassis, start)


def settle(station: Station, work: Held) -> None:
    """Records what was left open by a process that died; the caller holds the lock ``work``, so nobody is at it."""
    state = station.state()
    if state.running is not None:
        detail = "The process that ran the attempt ended before it recorded an outcome"
        outcome = Failed(cause=Cause.INTERRUPTED, detail=detail)
        record_outcome(station, FinishSync(attempt=state.running.attempt, outcome=outcome, duration_ms=0), work)
    if state.switching is not None:
        if station.locks.shared:
            # Its process may live, have lost the lock, and be about to end the executable that it runs.
            time.sleep(2 * NOTICE_SECONDS)
        ended = FinishSwitchover(
            switchover=state.switching.switchover,
            failure=SwitchoverFailure.INTERRUPTED,
            detail="the process that ran it ended before it recorded an outcome",
            duration_ms=0,
        )
        record_outcome(station, ended, work)


def settle_if_idle(station: Station) -> bool:
    """``settle``, unless nothing is open or somebody is at work on the chassis; whether it was done."""
    if not _is_under_way(station.state()):
        return False
    try:
        with station.lock() as work:
            settle(station, work)
    except ChassisBusyError:
        return False
    return True
