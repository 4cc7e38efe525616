"""The locks of a record that is a file: files beside it, locked by the operating system, for processes of one host."""

import fcntl
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from producers.lock import ChassisBusyError, Held, Purpose


class _HeldFile:
    def check(self) -> None:
        """The operating system takes no lock away."""


class FileLocks:
    """The lock files in a folder."""

    shared = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def hold(self, chassis: str, purpose: Purpose = Purpose.WORK, *, wait: bool = False) -> Generator[Held]:
        """See ``Locks``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file(chassis, purpose), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError as error:
                raise ChassisBusyError(chassis) from error
            yield _HeldFile()
        finally:
            os.close(descriptor)

    def is_held(self, chassis: str, purpose: Purpose) -> bool:
        """See ``Locks``; nothing is made if there is no such lock yet."""
        if not self._file(chassis, purpose).exists():
            return False
        try:
            with self.hold(chassis, purpose):
                return False
        except ChassisBusyError:
            return True

    def hurry(self) -> None:
        """A file answers at once."""

    def close(self) -> None:
        """Each was let go of by whoever held it."""

    def _file(self, chassis: str, purpose: Purpose) -> Path:
        # The purpose comes last, so that no two names are ever alike.
        return self.folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', chassis)}.{purpose}.lock"
