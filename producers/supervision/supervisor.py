"""Watching over one chassis: look, record what is seen, synchronise what is due, take over from a failed card."""

import os
import socket
import threading
import time
from contextlib import ExitStack, suppress

from events.causes import Scope
from events.commands import Command, SeeCeased, SeeChange, StartSupervision, StopSupervision
from events.errors import CommandRefusedError
from events.facts import Slot, SwitchoverReason, Watch
from events.state import ChassisState, Health
from producers.attempts import Station, attempt, settle_if_idle
from producers.cards.card import Card
from producers.cards.location import LocalLocation, parse_location
from producers.failure import SyncError
from producers.lock import chassis_lock
from producers.observer import Observer
from producers.supervision.looking import look_at, look_inside
from producers.supervision.schedule import Settings, backoff, due
from producers.supervision.watch import FolderWatch, Snapshot, changes, out_of_step_by_scope, take_snapshot
from producers.switchover import switch_over

_REASONS = {Health.ABSENT: SwitchoverReason.CARD_REMOVED, Health.FAILED: SwitchoverReason.CARD_FAILED}


DEFAULT = Settings()


class Supervisor:
    """Supervises one chassis until it is stopped; one per chassis and record, which a lock ensures."""

    def __init__(
        self,
        station: Station,
        settings: Settings = DEFAULT,
        *,
        observer: Observer | None = None,
    ) -> None:
        self.watching = threading.Event()
        """Set when everything has been looked at once, so that a change made from now on is noticed as one."""
        self._station = station
        self._settings = settings
        self._observer = observer
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._told = threading.Event()
        self._bad_looks: dict[Slot, int] = dict.fromkeys(Slot, 0)
        self._not_before: dict[Scope, float] = {}
        self._no_takeover_before = 0.0
        self._takeovers_failed = 0
        self._snapshot: Snapshot | None = None
        self._cards: dict[Slot, Card] = {}
        self._watch: FolderWatch | None = None
        self._watched: Slot | None = None

    def stop(self) -> None:
        """Ends ``run`` soon, from any thread; an attempt under way ends as interrupted, with the standby as it was."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Supervises until stopped.

        Raises:
            ChassisBusyError: another process supervises this chassis.
            UnknownChassisError: it was never provisioned.
        """
        host, process = socket.gethostname(), os.getpid()
        with ExitStack() as stack:
            stack.enter_context(chassis_lock(self._station.locks, f"{self._station.chassis}.supervision"))
            self._record(StartSupervision(host=host, process=process))
            stack.callback(self._record, StopSupervision(host=host, process=process))
            stack.callback(self._let_go)
            self._follow(stack)
            settle_if_idle(self._station)
            while not self._stop.is_set():
                self._step()
                self.watching.set()
                self._wake.wait(self._settings.probe_interval)
                self._wake.clear()

    def _follow(self, stack: ExitStack) -> None:
        """What other processes record (a new mode, say) wakes us like what we see ourselves."""
        recorder = self._station.record.recorder
        recorder.listen(self._wake)
        stack.callback(recorder.unlisten, self._wake)

    def _step(self) -> None:
        state = self._look()
        if self._bad_looks[state.active] and state.cards[state.active].health is Health.IN_SERVICE:
            return  # it missed a look: whatever is read from it now may be half of what is there
        if state.cards[state.active].health is Health.IN_SERVICE:
            self._takeovers_failed = 0
            self._notice(state)
            self._synchronize()
        else:
            self._take_over(state)

    # Looking

    def _look(self) -> ChassisState:
        for slot in Slot:
            self._look_at_card(slot)
        state = self._station.state()
        ceased = look_inside(self._cards, state)
        self._record(*ceased)
        for seen in ceased:
            if isinstance(seen, SeeCeased):
                self._not_before.pop(seen.scope, None)
        return self._station.state()

    def _look_at_card(self, slot: Slot) -> None:
        card = self._cards.get(slot) or self._station.card(slot)
        self._cards[slot] = card
        seen = look_at(card)
        if seen.health is Health.IN_SERVICE:
            self._bad_looks[slot] = 0
        else:
            card.close()
            self._bad_looks[slot] += 1
            known = self._station.state().cards[slot].health
            # One bad look may be a hiccup; only a row of them makes a card that served fail.
            if known is Health.IN_SERVICE and self._bad_looks[slot] < self._settings.probe_failures:
                return
        self._record(seen)

    # Changes on the active card

    def _notice(self, state: ChassisState) -> None:
        self._watch_active(state)
        before, seen = self._snapshot, take_snapshot(self._cards[state.active], self._snapshot)
        if seen is None:
            return
        self._snapshot = seen
        if before is None:
            self._compare_cards(state)
            return
        how = Watch.NOTIFIED if self._told.is_set() else Watch.POLLED
        self._told.clear()
        self._record(
            *(SeeChange(scope=scope, files=files, noticed=how) for scope, files in changes(before, seen).items())
        )

    def _compare_cards(self, state: ChassisState) -> None:
        """What changed while nobody watched: only the cards themselves can tell, once there is something to compare."""
        if not any(status.synchronized for status in state.scopes.values()):
            return
        if state.cards[state.standby].health is not Health.IN_SERVICE:
            return
        with suppress(SyncError, OSError):  # the attempt that is due anyway says what is wrong
            for scope, files in out_of_step_by_scope(self._cards[state.active], self._cards[state.standby]).items():
                self._record(SeeChange(scope=scope, files=files, noticed=Watch.START_UP))

    def _watch_active(self, state: ChassisState) -> None:
        if self._watched is state.active:
            return
        self._unwatch()
        self._snapshot = None
        self._watched = state.active
        location = parse_location(state.location(state.active).location)
        if isinstance(location, LocalLocation):
            self._watch = FolderWatch(location.folder, self._tell, settling=self._settings.settling)
            self._watch.__enter__()

    def _tell(self) -> None:
        self._told.set()
        self._wake.set()

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch = None
        self._watched = None

    # What follows

    def _synchronize(self) -> None:
        now = time.monotonic()
        wait = {scope: due_at - now for scope, due_at in self._not_before.items()}
        what = due(self._station.state(), wait)
        if what is None or self._stop.is_set():
            return
        with suppress(CommandRefusedError):  # somebody else is at work on the chassis: look again
            attempt(self._station, what.scope, what.trigger, observer=self._observer, stop=self._stop)
        failures = self._station.state().scopes[what.scope].failures
        self._not_before[what.scope] = time.monotonic() + (backoff(failures, self._settings) if failures else 0.0)

    def _take_over(self, state: ChassisState) -> None:
        self._unwatch()
        if time.monotonic() < self._no_takeover_before:
            return
        reason = _REASONS[state.cards[state.active].health]
        with suppress(CommandRefusedError):  # somebody else is at work on the chassis: look again
            switch_over(self._station, reason)
        if self._station.state().active is state.active:
            self._takeovers_failed += 1
            self._no_takeover_before = time.monotonic() + backoff(self._takeovers_failed, self._settings)
        else:
            self._takeovers_failed = 0
            self._not_before.clear()
            self._wake.set()

    def _let_go(self) -> None:
        self._unwatch()
        for card in self._cards.values():
            card.close()

    def _record(self, *commands: Command) -> None:
        if commands:
            chassis = self._station.chassis
            self._station.record.execute_all([(chassis, command) for command in commands])
