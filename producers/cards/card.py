"""What a card can do: blocking access to its flashes by relative POSIX path, such as ``cf3/pe1.cfg``.

A card speaks the language of the operating system: whatever fails raises ``OSError`` with ``errno`` set (``ENOENT``,
``EACCES``, ``EROFS``, ``ENOSPC``, ``EFBIG``, ``ECONNRESET`` for a lost connection, ``ETIMEDOUT`` ...). Whoever knows
whether the card is the source or the standby turns that into a cause (``producers.failure``). Only ``connect`` raises
``SyncError``.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from events.facts import Slot

FLASHES = ("cf1", "cf2", "cf3")
BOOT_FLASH = "cf3"
CHUNK = 1024 * 1024

Tick = Callable[[int], None]
"""Called with the number of bytes done since the last call; it may raise, to stop what is under way."""


class NotSupportedError(OSError):
    """The card's file system cannot do this (a hard link, for example); nothing was changed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder; ``is_dir`` and ``size`` are of what it leads to (False and 0 for a link to nothing)."""

    name: str
    is_dir: bool
    size: int


@dataclass(frozen=True, slots=True)
class FileStat:
    """What tells one content from another, links followed; ``inode`` is 0 and ``mtime_ns`` in seconds where unknown."""

    size: int
    mtime_ns: int
    inode: int
    is_dir: bool
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes free for this user and bytes in all; flashes with the same ``pool`` share them."""

    free: int
    total: int
    pool: str


class Writability(StrEnum):
    """What can be seen, without leaving a trace, about writing on a flash."""

    WRITABLE = "writable"
    READ_ONLY = "read-only"
    DENIED = "denied"
    UNKNOWN = "unknown"


class Reader(Protocol):
    """An open file of a card."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        ...


class Writer(Protocol):
    """A new file of a card."""

    def write(self, data: bytes, /) -> None:
        """Append all of ``data``."""
        ...

    def sync(self) -> None:
        """Give the file its time and permission bits, and flush it to the disk; called once, after the last write."""
        ...


class Card(Protocol):
    """One control card. Not yet connected when made; leaving the ``with`` block closes it.

    One thread uses a card at a time; two cards may be used by two threads. Paths are relative to the location, spelt
    exactly as on the card (``producers.cards.names`` finds the spelling), and begin with a flash.
    """

    @property
    def slot(self) -> Slot:
        """The slot of the chassis that the card is in."""
        ...

    @property
    def location(self) -> str:
        """Where the card is, as the operator wrote it."""
        ...

    def describe(self) -> str:
        """The card in a message, for example ``card B (/srv/pe1/b)``."""
        ...

    def connect(self) -> None:
        """Make the card usable; does nothing if it is.

        Raises:
            SyncError: unreachable or authentication-failed, for a card on another host.
        """
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice, and never raises for a connection that is lost already."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def is_present(self) -> bool:
        """Whether anything is at the location. Raises ``OSError`` only if that cannot be told."""
        ...

    def check_in_service(self) -> str | None:
        """None if the location is a folder and its ``cf3`` one that can be listed; otherwise why not, in a sentence."""
        ...

    def entries(self, path: str) -> list[Entry]:
        """The names in a folder, links to nothing included, in no order."""
        ...

    def stat(self, path: str) -> FileStat | None:
        """What is at ``path`` (links followed); none if nothing is, or a part of the path is no folder."""
        ...

    def open_read(self, path: str) -> AbstractContextManager[Reader]:
        """Open a file for reading; a folder is ``EISDIR``."""
        ...

    def create(self, path: str, like: FileStat) -> AbstractContextManager[Writer]:
        """A new file (``EEXIST`` if the name is taken), with room for ``like.size`` bytes if that can be had at once.

        ``Writer.sync`` gives it the permission bits and the time of ``like``. The file stays if the block fails.
        """
        ...

    def digest(self, path: str, tick: Tick) -> str:
        """SHA-256 of a file's content in hexadecimal, in constant memory."""
        ...

    def link(self, existing: str, new: str) -> None:
        """A second name for a file (a link is not followed); ``NotSupportedError`` where there are no hard links."""
        ...

    def replace(self, old: str, new: str) -> None:
        """Rename, over whatever file has the new name, in one step (POSIX ``rename``)."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file."""
        ...

    def make_folder(self, path: str) -> None:
        """Make one folder; its parent must be there, and ``EEXIST`` if the name is taken."""
        ...

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        ...

    def sync_folder(self, path: str) -> None:
        """Flush a folder's names to the disk; does nothing where the card cannot."""
        ...

    def space(self, flash: str) -> Space:
        """Room on a flash (``cf3``)."""
        ...

    def writability(self, flash: str) -> Writability:
        """Whether a flash could be written, told without writing."""
        ...
