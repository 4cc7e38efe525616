"""Where this installation keeps its record, who is at the keyboard, and which chassis is meant."""

import getpass
import os
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import click

from events.errors import UnderstudyError
from events.store import Record
from producers.station import Station


def default_home() -> Path:
    """``$XDG_STATE_HOME/understudy``, which is ``~/.local/state/understudy`` if that is not set."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "understudy"


class Home:
    """The folder of one installation. The record is opened when it is first needed."""

    def __init__(self, folder: Path, chassis: str | None) -> None:
        self.folder = folder
        self.wanted = chassis
        self._record: Record | None = None

    @property
    def path(self) -> Path:
        """Where the record lies."""
        return self.folder / "record.sqlite"

    @property
    def locks(self) -> Path:
        """The folder of the chassis' locks."""
        return self.folder / "locks"

    @cached_property
    def operator(self) -> str:
        """Who acts: ``UNDERSTUDY_OPERATOR``, or the name of the user who is logged in."""
        return os.environ.get("UNDERSTUDY_OPERATOR") or getpass.getuser()

    def record(self, *, create: bool = False) -> Record:
        """The record, open.

        Raises:
            UnderstudyError: there is none, it cannot be read, or the folder cannot be made.
        """
        if self._record is None:
            if create:
                self._make_folder()
            elif not self.path.exists():
                raise click.UsageError(f"There is no record at {self.path}: provision a chassis, or name its --home.")
            self._record = Record(self.path, lambda: datetime.now(UTC), create=create)
        return self._record

    def close(self) -> None:
        """Lets go of the record."""
        if self._record is not None:
            self._record.close()

    def pick(self) -> str:
        """The chassis that is meant: the one named by ``--chassis``, or the only one there is."""
        known = self.record().chassis()
        listed = ", ".join(known) or "none"
        if self.wanted is not None:
            if self.wanted not in known:
                raise click.UsageError(f"Chassis {self.wanted!r} is not provisioned; provisioned: {listed}.")
            return self.wanted
        if len(known) == 1:
            return known[0]
        if not known:
            raise click.UsageError("No chassis is provisioned yet; see: understudy provision --help")
        raise click.UsageError(f"Several chassis are provisioned; pick one with --chassis: {listed}.")

    def station(self) -> Station:
        """Where attempts and switchovers of the chassis that is meant are made."""
        return Station(self.record(), self.pick(), self.locks)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnderstudyError(f"The folder {self.folder} cannot be made: {error.strerror}; see --home.") from error
