"""A card whose flashes are folders on another host, over SFTP."""

import hashlib
import os
import posixpath
import stat as modes
from collections.abc import Generator
from contextlib import contextmanager, suppress
from errno import EINVAL, EIO, EISDIR, EMLINK, EOPNOTSUPP
from types import TracebackType
from typing import Self

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_SYMLINK, FILEXFER_TYPE_UNKNOWN, FXE_STATVFS_ST_RDONLY

from events.facts import Slot
from producers.cards.card import BOOT_FLASH, CHUNK, Entry, FileStat, NotSupportedError, Space, Tick, Writability
from producers.cards.location import SshLocation
from producers.cards.ssh_errors import (
    Likely,
    explain,
    not_a_file,
    not_a_folder,
    not_an_empty_folder,
    nothing_plain,
    taken,
)
from producers.cards.ssh_files import SLOWEST_FLASH, SshReader, SshWriter, close_quietly, open_file
from producers.cards.ssh_login import Limits
from producers.cards.ssh_session import SshSession
from producers.cards.ssh_shell import RemoteShell
from producers.failure import is_connection_failure

CHEAPLY_READ = CHUNK
"""Bytes that are read over SFTP in less time than a command takes to start on a host."""

_PERMISSION_BITS = 0o777
_UNTIL_SYNC = asyncssh.SFTPAttrs(permissions=0o600)
_NOT_TOLD = 2**63 - 1
_NANOSECONDS = 10**9


class SshCard:
    """A card in a folder of another host.

    It asks OpenSSH's ``sftp-server`` for what the protocol lacks (``posix-rename``, ``hardlink``, ``fsync``,
    ``statvfs``); times are whole seconds and there are no inode numbers. A connection that was lost, or given up
    because an answer did not come, stays lost until ``connect``.
    """

    def __init__(self, slot: Slot, location: SshLocation, limits: Limits | None = None) -> None:
        self._slot = slot
        self._location = location
        self._session = SshSession(location, limits or Limits())
        self._shell = RemoteShell(self._session)

    @property
    def slot(self) -> Slot:
        """The slot of the chassis that the card is in."""
        return self._slot

    @property
    def location(self) -> str:
        """The card's folder on its host."""
        return str(self._location)

    def describe(self) -> str:
        """The card in a message."""
        return f"card {self._slot} ({self._location})"

    def connect(self) -> None:
        """Log in to the host, unless that is done and the connection holds.

        Raises:
            SyncError: unreachable or authentication-failed.
        """
        if self._session.open():
            self._shell = RemoteShell(self._session)

    def close(self) -> None:
        """End the connection."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def is_present(self) -> bool:
        """Whether anything is at the location."""
        return self.stat("") is not None

    def check_in_service(self) -> str | None:
        """None if the card can be used; otherwise why not. A lost connection is raised."""
        for path, name in (("", self._location.folder), (BOOT_FLASH, f"{BOOT_FLASH}:")):
            try:
                self.entries(path)
            except OSError as error:
                if is_connection_failure(error):
                    raise
                return f"{name} cannot be listed: {error.strerror}."
        return None

    def entries(self, path: str) -> list[Entry]:
        """The names in a folder, links to nothing included, in no order."""
        with self._explaining(path, not_a_folder):
            return self._session.run(_entries(self._session.sftp, self._real(path)))

    def stat(self, path: str) -> FileStat | None:
        """What is at ``path`` (links followed); none if nothing is."""
        try:
            with self._explaining(path):
                found = self._session.run(self._session.sftp.stat(self._real(path)))
        except (FileNotFoundError, NotADirectoryError):
            return None
        mode = found.permissions or 0
        return FileStat(
            size=found.size or 0,
            mtime_ns=(found.mtime or 0) * _NANOSECONDS,
            inode=0,
            is_dir=modes.S_ISDIR(mode),
            mode=modes.S_IMODE(mode) & _PERMISSION_BITS,
        )

    @contextmanager
    def open_read(self, path: str) -> Generator[SshReader, None, None]:
        """Open a file for reading; it is read ahead."""
        self._check_regular(path)
        with self._explaining(path):
            file = self._session.run(open_file(self._session.sftp, self._real(path), "rb"))
        reader = SshReader(self._session, file, self._real(path))
        try:
            yield reader
        finally:
            reader.close()

    @contextmanager
    def create(self, path: str, like: FileStat) -> Generator[SshWriter, None, None]:
        """A new file; SFTP cannot set room aside, so a full flash shows while writing. Until ``sync`` it is private."""
        with self._explaining(path, taken):
            file = self._session.run(open_file(self._session.sftp, self._real(path), "xb", _UNTIL_SYNC))
        writer = SshWriter(self._session, file, self._real(path), like)
        try:
            writer.check_size()
            yield writer
            writer.settle()
        except BaseException:
            writer.abandon()
            raise
        writer.close()

    def digest(self, path: str, tick: Tick) -> str:
        """SHA-256 of a file's content in hexadecimal: a large one's is computed on the host, if the account may."""
        size = self._check_regular(path)
        if size > CHEAPLY_READ:
            told = self._shell.digest(self._real(path), tick, patience=size / SLOWEST_FLASH)
            if told is not None:
                tick(size)
                return told
        sha256 = hashlib.sha256()
        with self.open_read(path) as file:
            while block := file.read(CHUNK):
                sha256.update(block)
                tick(len(block))
        return sha256.hexdigest()

    def link(self, existing: str, new: str) -> None:
        """A second name for a file. A refusal is taken for a file system without hard links: SFTP does not tell."""
        try:
            with self._explaining(new, taken):
                self._session.run(self._session.sftp.link(self._real(existing), self._real(new)))
        except OSError as error:
            if error.errno in {EIO, EOPNOTSUPP} or isinstance(error, PermissionError):
                raise NotSupportedError(error.errno or EMLINK, error.strerror) from error
            raise

    def replace(self, old: str, new: str) -> None:
        """Rename, over whatever file has the new name, in one step."""
        with self._explaining(new, not_a_file):
            self._session.run(self._session.sftp.posix_rename(self._real(old), self._real(new)))

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self._explaining(path, not_a_file):
            self._session.run(self._session.sftp.remove(self._real(path)))

    def make_folder(self, path: str) -> None:
        """Make one folder."""
        with self._explaining(path, taken):
            self._session.run(self._session.sftp.mkdir(self._real(path)))

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        with self._explaining(path, not_an_empty_folder):
            self._session.run(self._session.sftp.rmdir(self._real(path)))

    def sync_folder(self, path: str) -> None:
        """Flush a folder's names to the disk. SFTP has no such thing, but OpenSSH opens a folder as it does a file."""
        try:
            folder = self._session.run(open_file(self._session.sftp, self._real(path), "rb"))
        except asyncssh.SFTPFailure:  # a server that does not open folders flushes them when it sees fit
            return
        except asyncssh.SFTPError as error:
            raise self._explained(error, path) from error
        try:
            with self._explaining(path), suppress(asyncssh.SFTPOpUnsupported):
                self._session.run(folder.fsync())
        finally:
            close_quietly(self._session, folder, [])

    def space(self, flash: str) -> Space:
        """Room on a flash; without end if the server cannot tell, so that a full one shows while writing."""
        try:
            with self._explaining(flash):
                disk = self._session.run(self._session.sftp.statvfs(self._real(flash)))
        except OSError as error:
            if error.errno != EOPNOTSUPP:
                raise
            return Space(free=_NOT_TOLD, total=_NOT_TOLD, pool=flash)
        free = disk.bavail * disk.frsize
        used = (disk.blocks - disk.bfree) * disk.frsize
        return Space(free=free, total=used + free, pool=f"device {disk.fsid} of {disk.blocks} blocks")

    def writability(self, flash: str) -> Writability:
        """Whether a flash could be written, told from its mount flags, and asked on the host if the account may."""
        with self._explaining(flash), suppress(asyncssh.SFTPOpUnsupported):
            disk = self._session.run(self._session.sftp.statvfs(self._real(flash)))
            if disk.flags & FXE_STATVFS_ST_RDONLY:
                return Writability.READ_ONLY
        told = self._shell.may_write(self._real(flash))
        if told is None:
            return Writability.UNKNOWN
        return Writability.WRITABLE if told else Writability.DENIED

    def _real(self, path: str) -> str:
        return posixpath.join(self._location.folder, path) if path else self._location.folder

    def _check_regular(self, path: str) -> int:
        """The size of a file; opening a pipe that nobody writes to would stop the server for ever."""
        with self._explaining(path):
            found = self._session.run(self._session.sftp.stat(self._real(path)))
        mode = found.permissions or modes.S_IFREG
        if modes.S_ISDIR(mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if not modes.S_ISREG(mode):
            raise OSError(EINVAL, "Not a regular file")
        return found.size or 0

    @contextmanager
    def _explaining(self, path: str, likely: Likely = nothing_plain) -> Generator[None, None, None]:
        try:
            yield
        except asyncssh.SFTPError as error:
            raise self._explained(error, path, likely) from error

    def _explained(self, error: asyncssh.SFTPError, path: str, likely: Likely = nothing_plain) -> OSError:
        return self._session.run(explain(self._session.sftp, error, self._real(path), likely))


async def _entries(sftp: asyncssh.SFTPClient, folder: str) -> list[Entry]:
    names = [name for name in await sftp.readdir(folder) if name.filename not in {".", ".."}]
    return [await _entry(sftp, folder, str(name.filename), name.attrs) for name in names]


async def _entry(sftp: asyncssh.SFTPClient, folder: str, name: str, attrs: asyncssh.SFTPAttrs) -> Entry:
    if attrs.type in {FILEXFER_TYPE_SYMLINK, FILEXFER_TYPE_UNKNOWN}:
        try:
            attrs = await sftp.stat(posixpath.join(folder, name))
        except asyncssh.SFTPError as error:
            if isinstance(error, (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)):
                raise
            return Entry(name=name, is_dir=False, size=0)  # a link to nothing: still a name
    return Entry(name=name, is_dir=modes.S_ISDIR(attrs.permissions or 0), size=attrs.size or 0)
