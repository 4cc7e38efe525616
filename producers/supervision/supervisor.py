"""Watching over one chassis: look, record what is seen, synchronise what is due, take over from a failed card."""

import logging
import os
import socket
import threading
import time
from contextlib import ExitStack, suppress

from events.commands import Command, StartSupervision, StopSupervision
from events.errors import CommandRefusedError, RecordAwayError, RecordUnreadableError, UnderstudyError
from events.facts import Slot, SwitchoverReason
from events.state import ChassisState, Health
from producers.attempts import attempt, undo_unfinished
from producers.cards.card import Card
from producers.failure import SyncError
from producers.lock import ChassisBusyError, Held, Purpose
from producers.observer import Observer
from producers.station import Station, settle_if_idle
from producers.supervision.drift import Drift
from producers.supervision.looking import look_at, look_inside
from producers.supervision.noticing import Noticing
from producers.supervision.retries import Retries
from producers.supervision.schedule import Settings, backoff, due
from producers.switchover import switch_over

DEFAULT = Settings()

_REASONS = {Health.ABSENT: SwitchoverReason.CARD_REMOVED, Health.FAILED: SwitchoverReason.CARD_FAILED}
_REST_AFTER_LOOKING_INSIDE = 9
"""How many times as long as a look inside took until the next one: so it takes at most a tenth of the time."""

_TRIES_TO_BEGIN = 4
_BETWEEN_TRIES_SECONDS = 0.05

_log = logging.getLogger(__name__)


class Supervisor:
    """Supervises one chassis until it is stopped; one per chassis and record, which a lock ensures."""

    def __init__(self, station: Station, settings: Settings = DEFAULT, *, observer: Observer | None = None) -> None:
        self.watching = threading.Event()
        """Set when everything has been looked at once, so that a change made from now on is noticed as one."""
        self._station = station
        self._settings = settings
        self._observer = observer
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._nudged = threading.Event()
        self._cards: dict[Slot, Card] = {}
        self._drift = Drift(station)
        self._noticing = Noticing(self._nudge, settling=settings.settling)
        self._missed: dict[Slot, int] = dict.fromkeys(Slot, 0)
        self._missed_at: dict[Slot, float] = {}
        self._healths: list[Health] = []
        self._look_inside_at = 0.0
        self._retries = Retries(settings)
        self._no_takeover_before = 0.0
        self._takeovers_failed = 0
        self._left_at_version = 0
        self._trouble = ""
        self._undone = False

    def stop(self) -> None:
        """Ends ``run`` soon, from any thread; an attempt under way ends as interrupted, with the standby as it was."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Supervises until stopped.

        Raises:
            ChassisBusyError: another process supervises this chassis.
            LockLostError: another process may supervise it by now.
            RecordAwayError: the record cannot be reached to begin with.
            UnknownChassisError: it was never provisioned.
        """
        host, process = socket.gethostname(), os.getpid()
        with ExitStack() as stack:
            post = self._begin(stack)
            self._record(StartSupervision(host=host, process=process))
            stack.callback(self._let_go)
            self._follow(stack)
            while not self._stop.is_set():
                post.check()
                self._nudged.clear()
                version = self._try_step()
                self.watching.set()
                self._rest(version)
            self._let_go()
            post.check()
            self._record(StopSupervision(host=host, process=process))

    def _begin(self, stack: ExitStack) -> Held:
        """Takes the lock of supervision; who only looks whether a file is locked has it for a moment, too."""
        for _ in range(0 if self._station.locks.shared else _TRIES_TO_BEGIN):
            with suppress(ChassisBusyError):
                return stack.enter_context(self._station.lock(Purpose.SUPERVISION))
            self._stop.wait(_BETWEEN_TRIES_SECONDS)
        return stack.enter_context(self._station.lock(Purpose.SUPERVISION))

    def _follow(self, stack: ExitStack) -> None:
        """What other processes record (a new mode, say) wakes us like what we see ourselves."""
        recorder = self._station.record.recorder
        recorder.listen(self._wake)
        stack.callback(recorder.unlisten, self._wake)

    def _nudge(self) -> None:
        self._nudged.set()
        self._wake.set()

    def _rest(self, version: int | None) -> None:
        """Until the next probe is due, or there is news of this chassis: also our own, from which more may follow."""
        until = time.monotonic() + self._settings.probe_interval
        while not (self._stop.is_set() or self._nudged.is_set()) and self._version() in {version, None}:
            left = until - time.monotonic()
            if left <= 0:
                return
            self._wake.wait(left)
            self._wake.clear()

    def _version(self) -> int | None:
        """The version of the chassis' stream; none while the record cannot be read."""
        try:
            return self._station.state().version
        except (OSError, RecordUnreadableError):
            return None

    def _try_step(self) -> int | None:
        """One step; what goes wrong in the world must not end supervision, which is there for just that.

        A record that cannot be written for a while, its disk being full, is of the world, too. Returns the version that
        the step began with.
        """
        trouble, version = "", self._version()
        try:
            self._step()
        except (OSError, SyncError, UnderstudyError) as error:
            # That the record is away is told once by the store, and not for each chassis.
            trouble = "" if isinstance(error, RecordAwayError) else str(error)
            # What was noticed may not have been recorded: the next look compares the cards themselves.
            self._noticing.forget()
            self._drift.forget()
        if trouble and trouble != self._trouble:
            _log.warning("%s: %s; supervision goes on", self._station.chassis, trouble)
        self._trouble = trouble
        return version

    def _step(self) -> None:
        if settle_if_idle(self._station):
            self._undone = False
        state = self._look()
        if not self._undone and state.cards[state.standby].health is Health.IN_SERVICE:
            self._undone = undo_unfinished(self._station)
        if state.cards[state.active].health is not Health.IN_SERVICE:
            self._take_over(state)
        elif not self._missed[state.active]:  # else what is read from it now may be half of what is there
            self._takeovers_failed = 0
            self._record(*self._noticing.look(self._cards, state))
            if not self._missed[state.standby]:
                self._serve_standby()

    def _serve_standby(self) -> None:
        if self._noticing.known is not None:
            self._record(*self._drift.look(self._cards, self._noticing.known))
        self._synchronize()

    # Looking

    def _look(self) -> ChassisState:
        state = self._station.state()
        for slot in (state.active, state.standby):
            self._look_at_card(slot)
        self._look_inside(self._station.state())
        state = self._station.state()
        healths = [state.cards[slot].health for slot in Slot]
        if healths != self._healths:
            self._healths = healths
            self._retries.forget()
            self._no_takeover_before = 0.0
        return state

    def _look_at_card(self, slot: Slot) -> None:
        card = self._cards.get(slot) or self._station.card(slot)
        self._cards[slot] = card
        known = self._station.state().cards[slot].health
        seen = look_at(card, known)
        if seen.health is Health.IN_SERVICE:
            self._missed[slot] = 0
        else:
            card.close()
            self._count_miss(slot)
            # One bad look may be a hiccup; only a row of them makes a card that served fail.
            if known is Health.IN_SERVICE and self._missed[slot] < self._settings.probe_failures:
                return
        self._record(seen)

    def _count_miss(self, slot: Slot) -> None:
        """Counts at the pace of probes: whatever else makes us look must not make a hiccup a failure."""
        now = time.monotonic()
        if not self._missed[slot] or now - self._missed_at[slot] >= self._settings.probe_interval:
            self._missed[slot] += 1
            self._missed_at[slot] = now

    def _look_inside(self, state: ChassisState) -> None:
        began = time.monotonic()
        if state.running is not None or began < self._look_inside_at:
            return
        seen = look_inside(self._cards, state)
        self._look_inside_at = time.monotonic() + _REST_AFTER_LOOKING_INSIDE * (time.monotonic() - began)
        self._record(*self._retries.believe(seen))

    # What follows

    def _synchronize(self) -> None:
        what = due(self._station.state(), self._retries.waits())
        if what is None or self._stop.is_set():
            return
        with suppress(CommandRefusedError):  # somebody else is at work on the chassis: look again
            recorded = attempt(
                self._station, what.scope, what.trigger, observer=self._observer, stop=self._stop, patience=0.0
            )
            self._retries.attempted(recorded)

    def _take_over(self, state: ChassisState) -> None:
        self._noticing.forget()
        # It is tried again after a while; and at once when anything was recorded since: it may have been in the way.
        if time.monotonic() < self._no_takeover_before and state.version == self._left_at_version:
            return
        if self._missed[state.standby] and state.cards[state.standby].health is Health.IN_SERVICE:
            return  # it is about to count as gone, or serves again at the next look: nobody can take over meanwhile
        # A last look: nobody shall take over with files that somebody has taken away.
        self._record(*self._drift.look(self._cards, None))
        with suppress(CommandRefusedError):  # somebody else is at work on the chassis: look again
            switch_over(self._station, _REASONS[state.cards[state.active].health], patience=0.0)
        after = self._station.state()
        self._left_at_version = after.version
        if after.active is state.active:
            self._takeovers_failed += 1
            self._no_takeover_before = time.monotonic() + backoff(self._takeovers_failed, self._settings)
        else:
            self._takeovers_failed = 0
            self._retries.forget()

    def _let_go(self) -> None:
        self._noticing.forget()
        for card in self._cards.values():
            card.close()

    def _record(self, *commands: Command) -> None:
        if commands:
            chassis = self._station.chassis
            self._station.record.execute_all([(chassis, command) for command in commands])
