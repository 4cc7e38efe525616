"""Where this installation keeps its record, who is at the keyboard, and which chassis is meant."""

import getpass
import os
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from events.errors import RecordMissingError, UnderstudyError
from events.facts import AUDIT_STREAM
from events.store import Record
from events.store.place import Place, show_place

if TYPE_CHECKING:
    from producers.lock import Locks
    from producers.station import Station


def default_home() -> Path:
    """``$XDG_STATE_HOME/understudy``, which is ``~/.local/state/understudy`` if that is not set."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "understudy"


class Home:
    """The folder of one installation, and its record: a file in there or a database, opened when it is first needed."""

    def __init__(self, folder: Path, chassis: str | None) -> None:
        self.folder = folder
        self.wanted = chassis
        self.store: Place | None = None
        self.typed: set[str] = set()
        """Which of the options that say all this were on the command line."""
        self._record: Record | None = None
        self._locks: Locks | None = None

    @property
    def place(self) -> Place:
        """Where the record lies; see ``show_place`` for how to say so."""
        return self.store or self.folder / "record.sqlite"

    @property
    def locks(self) -> "Locks":
        """The chassis' locks, which lie where the record does."""
        if self._locks is None:
            self._locks = _locks(self.place)
        return self._locks

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
            if create and isinstance(self.place, Path):
                self._make_folder()
            try:
                self._record = Record(self.place, lambda: datetime.now(UTC), create=create)
            except RecordMissingError as error:
                option = "--home" if isinstance(self.place, Path) else "--store"
                where = show_place(self.place)
                raise click.UsageError(
                    f"There is no record at {where}: provision a chassis, or name its {option}."
                ) from error
        return self._record

    def has_record(self) -> bool:
        """Whether there is a record; it is open then."""
        try:
            self.record()
        except click.UsageError:
            return False
        return True

    def tell_gaps(self) -> None:
        """Says on standard error what the record lacks of all that was read of it."""
        for stream, version in sorted(self._record.missing.items() if self._record else ()):
            text = f"the record lacks version {version} of {stream}: see understudy audit verify"
            click.echo(f"{click.style('Warning:', fg='yellow')} {text}", err=True)

    def close(self) -> None:
        """Lets go of the record and of all locks."""
        if self._record is not None:
            self._record.close()
        if self._locks is not None:
            self._locks.close()

    def pick(self) -> str:
        """The chassis that is meant: the one named by ``--chassis``, or the only one there is."""
        if self.wanted is not None and self._has(self.wanted):
            return self.wanted
        known = self.record().chassis()
        listed = ", ".join(known) or "none"
        if self.wanted is not None:
            raise click.UsageError(f"Chassis {self.wanted!r} is not provisioned; provisioned: {listed}.")
        if len(known) == 1:
            return known[0]
        if not known:
            raise click.UsageError("No chassis is provisioned yet; see: understudy provision --help")
        raise click.UsageError(f"Several chassis are provisioned; pick one with --chassis: {listed}.")

    def _has(self, chassis: str) -> bool:
        """Whether a chassis is provisioned; asked of its own stream, because a record may have a thousand others."""
        return chassis != AUDIT_STREAM and bool(self.record().recorder.select_stream(chassis, limit=1))

    def station(self) -> "Station":
        """Where attempts and switchovers of the chassis that is meant are made."""
        # Whoever only reads does not wait for what makes attempts.
        from producers.station import Station  # noqa: PLC0415

        return Station(self.record(), self.pick(), self.locks)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnderstudyError(f"The folder {self.folder} cannot be made: {error.strerror}; see --home.") from error


def _locks(place: Place) -> "Locks":
    if isinstance(place, Path):
        from producers.file_locks import FileLocks  # noqa: PLC0415 - as in ``station``

        return FileLocks(place.parent / "locks")
    # Whose record is a file needs nothing of what this one needs.
    from producers.advisory_locks import AdvisoryLocks  # noqa: PLC0415

    return AdvisoryLocks(place)
