"""One attempt or switchover of a chassis at a time, whichever process runs it.

The operating system lets go of the lock when its process dies, however it dies: so an attempt that has no outcome in
the record and no holder of the lock was interrupted.
"""

import fcntl
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class ChassisBusyError(Exception):
    """Another process synchronises this chassis or switches it over."""


@contextmanager
def chassis_lock(folder: Path, chassis: str) -> Generator[None]:
    """Holds the lock of a chassis; the lock files lie in ``folder``.

    Raises:
        ChassisBusyError: another process, or another thread of this one, holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", chassis)
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChassisBusyError(chassis) from error
        yield
    finally:
        os.close(descriptor)
