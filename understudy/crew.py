"""The supervisors of a process: one thread for each chassis."""

import threading
from collections.abc import Callable
from pathlib import Path

from events.errors import CommandRefusedError
from events.store import Record
from producers.attempts import Station
from producers.lock import ChassisBusyError
from producers.supervision import Settings, Supervisor


class Crew:
    """Supervises any number of chassis until it is stopped, or until one supervisor cannot go on."""

    def __init__(
        self, record: Record, locks: Path, settings: Settings, *, whenever_one_ends: Callable[[], None]
    ) -> None:
        self._record = record
        self._locks = locks
        self._settings = settings
        self._whenever_one_ends = whenever_one_ends
        self._supervisors: dict[str, tuple[Supervisor, threading.Thread]] = {}
        self._errors: list[Exception] = []

    def supervise(self, chassis: str) -> None:
        """Begins to supervise a chassis, unless it is supervised here already."""
        if chassis in self._supervisors:
            return
        supervisor = Supervisor(Station(self._record, chassis, self._locks), self._settings)
        thread = threading.Thread(target=self._run, args=(chassis, supervisor), name=f"supervise-{chassis}")
        self._supervisors[chassis] = supervisor, thread
        thread.start()

    def _run(self, chassis: str, supervisor: Supervisor) -> None:
        try:
            supervisor.run()
        except ChassisBusyError:
            self._errors.append(CommandRefusedError(f"{chassis} is supervised by another process already"))
        except Exception as error:  # noqa: BLE001 - raised again in the main thread, which stops the others first
            self._errors.append(error)
        finally:
            self._whenever_one_ends()

    def stop(self) -> None:
        """Tells all supervisors to stop."""
        for supervisor, _ in self._supervisors.values():
            supervisor.stop()

    def join(self) -> None:
        """Waits until all have stopped.

        Raises:
            Exception: what kept a supervisor from going on, if anything did.
        """
        for _, thread in self._supervisors.values():
            thread.join()
        if self._errors:
            raise self._errors[0]
