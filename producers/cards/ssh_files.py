"""Files of a card on another host, read ahead and written behind so that the way there is kept busy."""

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from errno import EFBIG, EIO
from typing import Any

import asyncssh

from producers.cards.card import FileStat
from producers.cards.ssh_errors import explain
from producers.cards.ssh_session import SshSession

MOST_IN_FLIGHT = 4
"""How many blocks, of the size that the caller reads or writes at once, are under way; SFTP splits each further."""

SLOWEST_FLASH = 1024 * 1024
"""Bytes a second that a host may be as slow as when it reads or flushes a whole file."""

LARGEST_ON_FAT = 2**32 - 1
_SMALLEST_BLOCK = 4096
_LATEST_TIME = 2**32 - 1
_AS_IT_IS = asyncssh.SFTPAttrs()


class SshReader:
    """An open file; ``MOST_IN_FLIGHT`` blocks ahead at most, and more only as they are asked for."""

    def __init__(self, session: SshSession, file: asyncssh.SFTPClientFile, path: str) -> None:
        self._session = session
        self._file = file
        self._path = path
        self._pending: deque[tuple[int, Future[bytes]]] = deque()
        self._ahead = 1
        self._offset = 0
        self._ended = False
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        if not self._rest and not self._ended:
            self._rest = self._next_block(max(size, _SMALLEST_BLOCK))
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def close(self) -> None:
        """Close the file, when all that is under way has come in."""
        close_quietly(self._session, self._file, [future for _, future in self._pending])

    def _next_block(self, size: int) -> bytes:
        while len(self._pending) < self._ahead:
            self._session.check_usable()
            self._pending.append((size, self._session.start(read_file(self._file, size, self._offset))))
            self._offset += size
        self._ahead = min(2 * self._ahead, MOST_IN_FLIGHT)
        asked, future = self._pending.popleft()
        try:
            block = self._session.result(future)
        except asyncssh.SFTPError as error:
            raise self._session.run(explain(self._session.sftp, error, self._path)) from error
        self._ended = len(block) < asked
        return block


class SshWriter:
    """A new file; what goes wrong with a block shows a few blocks later, at the latest in ``sync``."""

    def __init__(self, session: SshSession, file: asyncssh.SFTPClientFile, path: str, like: FileStat) -> None:
        self._session = session
        self._file = file
        self._path = path
        self._like = like
        self._pending: deque[tuple[int, Future[int]]] = deque()
        self._written = 0
        self._arrived = 0

    def check_size(self) -> None:
        """See whether the file system has files so large; room for them cannot be set aside over SFTP.

        Only beyond what FAT has, the file system of compact flashes: below, it would write so many zeros.
        """
        if self._like.size > LARGEST_ON_FAT:
            try:
                self._session.run(self._file.truncate(self._like.size))
            except asyncssh.SFTPError as error:
                raise self._explained(error, size=self._like.size) from error

    def write(self, data: bytes, /) -> None:
        """Append all of ``data``."""
        while len(self._pending) >= MOST_IN_FLIGHT:
            self._settle_oldest()
        self._session.check_usable()
        self._pending.append((len(data), self._session.start(self._file.write(data, self._written))))
        self._written += len(data)

    def sync(self) -> None:
        """Give the file the time (in whole seconds) and permission bits of ``like``, and flush it to the disk."""
        self.settle()
        seconds = min(max(0, self._like.mtime_ns // 10**9), _LATEST_TIME)
        try:
            with suppress(asyncssh.SFTPPermissionDenied):  # a FAT flash has no permission bits to give
                self._session.run(self._file.chmod(self._like.mode))
            self._session.run(self._file.utime((seconds, seconds)))
            with suppress(asyncssh.SFTPOpUnsupported):  # then the server flushes when it sees fit
                self._session.run(self._file.fsync(), patience=self._written / SLOWEST_FLASH)
        except asyncssh.SFTPError as error:
            raise self._explained(error) from error

    def settle(self) -> None:
        """Wait until all that was written has arrived."""
        while self._pending:
            self._settle_oldest()

    def close(self) -> None:
        """Close the file."""
        try:
            self._session.run(self._file.close())
        except asyncssh.SFTPError as error:
            raise self._explained(error) from error

    def abandon(self) -> None:
        """Close the file after a failure, which is the one that counts."""
        close_quietly(self._session, self._file, [future for _, future in self._pending])

    def _settle_oldest(self) -> None:
        size, future = self._pending.popleft()
        try:
            self._session.result(future)
        except asyncssh.SFTPError as error:
            raise self._explained(error, needed=size, size=self._arrived + size) from error
        self._arrived += size

    def _explained(self, error: asyncssh.SFTPError, *, needed: int = 1, size: int = 0) -> OSError:
        told = self._session.run(explain(self._session.sftp, error, self._path, needed=needed))
        if told.errno == EIO and size > 0 and self._cannot_grow(size):
            return OSError(EFBIG, os.strerror(EFBIG))
        return told

    def _cannot_grow(self, size: int) -> bool:
        """Whether the file cannot even be made so large without writing anything."""
        try:
            self._session.run(self._file.truncate(size))
        except asyncssh.SFTPFailure:
            return True
        except asyncssh.SFTPError:
            return False
        return False


def close_quietly(session: SshSession, file: asyncssh.SFTPClientFile, pending: Sequence[Future[Any]]) -> None:
    """Close a file once nothing is under way for it; whatever fails in that is not worth telling any more."""
    for future in pending:
        with suppress(OSError, asyncssh.SFTPError):
            session.result(future)
    with suppress(OSError, asyncssh.SFTPError):
        session.check_usable()
        session.run(file.close())


async def open_file(
    sftp: asyncssh.SFTPClient, path: str, mode: str, attrs: asyncssh.SFTPAttrs = _AS_IT_IS
) -> asyncssh.SFTPClientFile:
    """Open a file with a mode as Python's (``rb``, ``xb``); ``attrs`` are those of a new file."""
    return await sftp.open(path, mode, attrs)


async def read_file(file: asyncssh.SFTPClientFile, size: int, offset: int) -> bytes:
    """Read a part of a file, by many requests at once; less than ``size`` only at its end."""
    data: bytes = await file.read(size, offset)
    return data
