"""The supervisors of a process: one thread for each chassis."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from events.errors import CommandRefusedError, RecordAwayError
from events.store import Record
from producers.lock import ChassisBusyError, LockLostError, Locks, Purpose
from producers.station import Station
from producers.supervision import Settings, Supervisor

STAND_BY_SECONDS = 0.5
"""How often a chassis that another process supervises is tried again."""
_LOOKS = 5
_BETWEEN_LOOKS_SECONDS = 0.02

_log = logging.getLogger(__name__)


def check_free(locks: Locks, chassis: Iterable[str]) -> None:
    """Makes sure that a crew would not end at once.

    Raises:
        CommandRefusedError: another process supervises one of them, and one cannot stand by here.
    """
    for name in chassis if not locks.shared else ():
        # Who only looks has the lock for a moment, too.
        for _ in range(_LOOKS):
            if not locks.is_held(name, Purpose.SUPERVISION):
                break
            time.sleep(_BETWEEN_LOOKS_SECONDS)
        else:
            raise CommandRefusedError(_busy(name))


def _busy(chassis: str) -> str:
    return f"{chassis} is supervised by another process already"


class Crew:
    """Supervises any number of chassis until it is stopped, or until one supervisor cannot go on.

    Where the locks are shared by several machines, it stands by for what others supervise, and takes it over when they
    end, however they do. A context manager, whose end stops all. ``when_over`` is called when it comes to that, from
    any thread.
    """

    def __init__(self, record: Record, locks: Locks, settings: Settings, *, when_over: Callable[[], None]) -> None:
        self._record = record
        self._locks = locks
        self._settings = settings
        self._when_over = when_over
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._supervisors: dict[str, Supervisor] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._errors: list[Exception] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for thread in self._threads.values():
            thread.join()

    def supervise(self, chassis: str, *, if_free: bool = False) -> None:
        """Begins to supervise a chassis, unless it is supervised here already, or to stand by for it.

        Where one cannot stand by and another process supervises it, that ends the crew; with ``if_free``, the chassis
        is left to that one.
        """
        with self._lock:
            if self._stopped.is_set() or chassis in self._threads:
                return
            thread = threading.Thread(target=self._run, args=(chassis, if_free), name=f"supervise-{chassis}")
            self._threads[chassis] = thread
            thread.start()

    def _run(self, chassis: str, if_free: bool) -> None:
        try:
            if self._locks.shared:
                self._stand_by(chassis)
            else:
                self._serve(chassis)
        except ChassisBusyError:
            if if_free:
                _log.warning("%s", _busy(chassis))
                return
            self._errors.append(CommandRefusedError(_busy(chassis)))
        except Exception as error:  # noqa: BLE001 - raised again in the main thread, which stops the others first
            self._errors.append(error)
        self._when_over()

    def _serve(self, chassis: str) -> None:
        with self._lock:
            if self._stopped.is_set():
                return
            supervisor = Supervisor(Station(self._record, chassis, self._locks), self._settings)
            self._supervisors[chassis] = supervisor
        supervisor.run()

    def _stand_by(self, chassis: str) -> None:
        """Supervises when nobody else does; a supervisor that has lost its lock begins anew, behind the others."""
        said = ""
        while not self._stopped.is_set():
            why = ""
            try:
                self._serve(chassis)
            except ChassisBusyError:
                why = f"{chassis} is supervised by another process"
            except LockLostError as error:
                why = str(error)
            except RecordAwayError:
                why = said  # whoever follows the record says so, once for all chassis
            if why and why != said and not self._stopped.is_set():
                _log.warning("%s; standing by", why)
            said = why
            self._stopped.wait(STAND_BY_SECONDS)

    def stop(self) -> None:
        """Tells all supervisors to stop; from now on none begins, and nothing waits for a database that is away."""
        with self._lock:
            self._stopped.set()
            for supervisor in self._supervisors.values():
                supervisor.stop()
        self._record.hurry()
        self._locks.hurry()
        self._when_over()

    def check(self) -> None:
        """Raises what kept a supervisor from going on, if anything did."""
        if self._errors:
            raise self._errors[0]
