"""Attempts as the record sees them: started, run, ended; and what is done about those whose process died.

What is lost if the process dies: before the start is recorded, nothing has happened. Between start and outcome, the
attempt: the next run records it as interrupted and puts the standby back as it was. Between outcome and clearing up,
only disk space on the standby, which the next run gives back.
"""

import threading
import time
from collections.abc import Callable

from events.causes import STANDBY_ITSELF, Cause, Scope, Stage
from events.commands import Copied, Failed, FinishSync, StartSync
from events.envelope import Recorded
from events.facts import Slot, SyncStarted, SyncSucceeded, Trigger
from producers.admission import admit_standby
from producers.cards.card import Card
from producers.failure import SyncError
from producers.lock import ChassisBusyError, Held
from producers.observer import Observer, Silent
from producers.staging import discard, recover
from producers.station import PATIENCE_SECONDS, Station, at_work, record_busy, record_outcome
from producers.synchronizer import synchronize


def attempt(
    station: Station,
    scope: Scope,
    trigger: Trigger,
    *,
    operator: str | None = None,
    observer: Observer | None = None,
    stop: threading.Event | None = None,
    patience: float = PATIENCE_SECONDS,
) -> list[Recorded]:
    """Makes one attempt and records it; returns the facts of its outcome.

    ``patience`` is how long, in seconds, to wait for a process that holds the chassis and has nothing under way.

    Raises:
        CommandRefusedError: the chassis is unknown, is being switched over, or is held by another process; no attempt
            was made.
        LockLostError: the attempt was left open; whoever is at work next records it as interrupted and undoes it.
    """
    start = StartSync(scope=scope, trigger=trigger, operator=operator)
    try:
        with at_work(station, patience=patience) as work:
            started = station.record.execute(station.chassis, start)
            guarded = _Guarded(observer or Silent(), work)
            return _run(station, _number_of(started), scope, guarded, stop or threading.Event())
    except ChassisBusyError:
        return record_busy(station, start)


def _number_of(recorded: list[Recorded]) -> int:
    return next(one.fact.attempt for one in recorded if isinstance(one.fact, SyncStarted))


class _Guarded:
    """Lets an observer look on for as long as the lock of the attempt is held; most of all not into the activation."""

    def __init__(self, observer: Observer, work: Held) -> None:
        self._observer = observer
        self.work = work

    def stage(self, stage: Stage) -> None:
        self.work.check()
        self._observer.stage(stage)

    def file(self, name: str, size: int) -> None:
        self.work.check()
        self._observer.file(name, size)

    def copied(self, count: int) -> None:
        self._observer.copied(count)


def _run(station: Station, number: int, scope: Scope, observer: _Guarded, stop: threading.Event) -> list[Recorded]:
    state, began = station.state(), time.monotonic()
    with station.card(state.active) as source, station.card(state.standby) as standby:
        outcome = _recovered(station, standby) or synchronize(
            source, standby, scope, number, observer=observer, stop=stop
        )
        finish = FinishSync(attempt=number, outcome=outcome, duration_ms=_milliseconds_since(began))
        recorded = record_outcome(station, finish, observer.work)
        if isinstance(outcome, Copied):
            _give_up_backups(standby, number)
    return recorded


def _recovered(station: Station, standby: Card) -> Failed | None:
    """Clears up after earlier attempts; a failure if that cannot be done, since nothing may be built on what they left.

    Such a failure is one of admission, whatever went wrong: the attempt has seen nothing of the later stages.
    """
    try:
        admit_standby(standby)
        recover(standby, succeeded_on(station, standby.slot))
    except SyncError as error:
        if error.cause in STANDBY_ITSELF:
            return Failed(cause=error.cause, detail=error.detail)
        detail = f"An earlier attempt could not be undone ({error.cause}): {error.detail}"
        return Failed(cause=Cause.STANDBY_NOT_READY, detail=detail)
    return None


def undo_unfinished(station: Station) -> bool:
    """Puts the standby back as it was before attempts that died; whether that is done, or was not needed.

    An attempt does so by itself. This is for when none is made: nobody shall take over with half of one.
    """
    try:
        with station.lock(), station.card(station.state().standby) as standby:
            recover(standby, succeeded_on(station, standby.slot))
    except (ChassisBusyError, SyncError):
        return False
    return True


def _give_up_backups(standby: Card, number: int) -> None:
    try:
        discard(standby, number)
    except SyncError:
        # The outcome stands in the record; the next attempt's recovery gives the space back.
        return


def succeeded_on(station: Station, standby: Slot) -> Callable[[int], bool]:
    """Answers whether an attempt to ``standby`` is recorded as a success; reads the record when first asked."""
    successes: set[int] | None = None

    def succeeded(number: int) -> bool:
        nonlocal successes
        if successes is None:
            facts = (recorded.fact for recorded in station.record.read_chassis(station.chassis))
            successes = {fact.attempt for fact in facts if isinstance(fact, SyncSucceeded) and fact.standby is standby}
        return number in successes

    return succeeded


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
