"""One process at a time: for an attempt or switchover of a chassis, for its outcome, and for its supervision.

The operating system lets go of a lock when its process dies, however it dies: so an attempt that has no outcome in
the record and no holder of the lock was interrupted.
"""

import fcntl
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path


class Purpose(StrEnum):
    """What a lock of a chassis is held for; the last part of its file's name, so that no two names are ever alike."""

    WORK = "work"
    OUTCOME = "outcome"
    SUPERVISION = "supervision"


class ChassisBusyError(Exception):
    """Another process, or another thread of this one, holds the lock."""


def is_held(folder: Path, chassis: str, purpose: Purpose) -> bool:
    """Whether some process of this host holds a lock of a chassis; nothing is made if there is no such lock yet."""
    if not (folder / _file_name(chassis, purpose)).exists():
        return False
    try:
        with chassis_lock(folder, chassis, purpose):
            return False
    except ChassisBusyError:
        return True


def _file_name(chassis: str, purpose: Purpose) -> str:
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', chassis)}.{purpose}.lock"


@contextmanager
def chassis_lock(folder: Path, chassis: str, purpose: Purpose = Purpose.WORK, *, wait: bool = False) -> Generator[None]:
    """Holds a lock of a chassis; the lock files lie in ``folder``. ``wait`` is for locks that are held for a moment.

    Raises:
        ChassisBusyError: somebody else holds it, and we are not to wait.
        OSError: the lock file cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _file_name(chassis, purpose), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise ChassisBusyError(chassis) from error
        yield
    finally:
        os.close(descriptor)
