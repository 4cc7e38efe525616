"""The supervisors of a process: one thread for each chassis."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from events.errors import CommandRefusedError
from events.store import Record
from producers.lock import ChassisBusyError
from producers.station import Station
from producers.supervision import Settings, Supervisor

_log = logging.getLogger(__name__)


class Crew:
    """Supervises any number of chassis until it is stopped, or until one supervisor cannot go on.

    A context manager, whose end stops all. ``when_over`` is called when it comes to that, from any thread.
    """

    def __init__(self, record: Record, locks: Path, settings: Settings, *, when_over: Callable[[], None]) -> None:
        self._record = record
        self._locks = locks
        self._settings = settings
        self._when_over = when_over
        self._lock = threading.Lock()
        self._stopped = False
        self._supervisors: dict[str, tuple[Supervisor, threading.Thread]] = {}
        self._errors: list[Exception] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for _, thread in self._supervisors.values():
            thread.join()

    def supervise(self, chassis: str, *, if_free: bool = False) -> None:
        """Begins to supervise a chassis, unless it is supervised here already.

        If another process does, that ends the crew; with ``if_free``, the chassis is left to it.
        """
        with self._lock:
            if self._stopped or chassis in self._supervisors:
                return
            supervisor = Supervisor(Station(self._record, chassis, self._locks), self._settings)
            thread = threading.Thread(
                target=self._run, args=(chassis, supervisor, if_free), name=f"supervise-{chassis}"
            )
            self._supervisors[chassis] = supervisor, thread
            thread.start()

    def _run(self, chassis: str, supervisor: Supervisor, if_free: bool) -> None:
        try:
            supervisor.run()
        except ChassisBusyError:
            busy = f"{chassis} is supervised by another process already"
            if if_free:
                _log.warning(busy)
                return
            self._errors.append(CommandRefusedError(busy))
        except Exception as error:  # noqa: BLE001 - raised again in the main thread, which stops the others first
            self._errors.append(error)
        self._when_over()

    def stop(self) -> None:
        """Tells all supervisors to stop; from now on none begins."""
        with self._lock:
            self._stopped = True
            for supervisor, _ in self._supervisors.values():
                supervisor.stop()
        self._when_over()

    def check(self) -> None:
        """Raises what kept a supervisor from going on, if anything did."""
        if self._errors:
            raise self._errors[0]
