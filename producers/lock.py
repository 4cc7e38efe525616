"""One process at a time: for an attempt or switchover of a chassis, for its outcome, and for its supervision.

A lock ends with the process that holds it, however that dies: so an attempt that has no outcome in the record and no
holder of the lock was interrupted.
"""

from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

from events.errors import UnderstudyError

NOTICE_SECONDS = 0.2
"""How soon whoever runs a switchover's executable notices that its lock was lost, and ends it."""


class Purpose(StrEnum):
    """What a lock of a chassis is held for."""

    WORK = "work"
    OUTCOME = "outcome"
    SUPERVISION = "supervision"


class ChassisBusyError(Exception):
    """Another process, or another thread of this one, holds the lock."""


class LockLostError(UnderstudyError):
    """A lock ended while it was held, so that somebody else may hold it by now: nothing more may be done under it."""


class Held(Protocol):
    """A lock, while it is held."""

    def check(self) -> None:
        """Makes sure that it is held still.

        Raises:
            LockLostError: it is not.
        """
        ...


class Locks(Protocol):
    """The locks of all chassis of a record."""

    @property
    def shared(self) -> bool:
        """Whether processes of several machines have them: who finds a chassis supervised stands by there."""
        ...

    def hold(
        self, chassis: str, purpose: Purpose = Purpose.WORK, *, wait: bool = False
    ) -> AbstractContextManager[Held]:
        """Holds a lock of a chassis. ``wait`` is for locks that are held for a moment.

        Raises:
            ChassisBusyError: somebody else holds it, and we are not to wait.
            OSError: the lock file cannot be made.
            RecordAwayError: the database that has the locks cannot be reached.
        """
        ...

    def is_held(self, chassis: str, purpose: Purpose) -> bool:
        """Whether some process holds a lock of a chassis."""
        ...

    def hurry(self) -> None:
        """From now on nothing waits for long for a server that does not answer: this process comes to its end."""
        ...

    def close(self) -> None:
        """Lets go of all of them."""
        ...
