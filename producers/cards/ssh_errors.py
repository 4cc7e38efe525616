"""What an SFTP error status stands for, as an error of the operating system.

OpenSSH sends one status, ``SSH_FX_FAILURE``, for a full disk, a read-only one, a name that is taken and much else
(sftp-server.c, ``errno_to_portable``), so what it stands for is found out by looking at the place afterwards.
"""

import os
import posixpath
import stat as modes
from collections.abc import Callable
from errno import (
    EACCES,
    EDQUOT,
    EEXIST,
    EINVAL,
    EIO,
    EISDIR,
    ELOOP,
    ENOENT,
    ENOSPC,
    ENOTDIR,
    ENOTEMPTY,
    EOPNOTSUPP,
    EROFS,
)

import asyncssh
from asyncssh.constants import FXE_STATVFS_ST_RDONLY

_ERRNO: dict[type[asyncssh.SFTPError], int] = {
    asyncssh.SFTPNoSuchFile: ENOENT,
    asyncssh.SFTPNoSuchPath: ENOENT,
    asyncssh.SFTPPermissionDenied: EACCES,
    asyncssh.SFTPBadMessage: EINVAL,
    asyncssh.SFTPOpUnsupported: EOPNOTSUPP,
    asyncssh.SFTPFileAlreadyExists: EEXIST,
    asyncssh.SFTPWriteProtect: EROFS,
    asyncssh.SFTPNoSpaceOnFilesystem: ENOSPC,
    asyncssh.SFTPQuotaExceeded: EDQUOT,
    asyncssh.SFTPDirNotEmpty: ENOTEMPTY,
    asyncssh.SFTPNotADirectory: ENOTDIR,
    asyncssh.SFTPFileIsADirectory: EISDIR,
    asyncssh.SFTPInvalidFilename: EINVAL,
    asyncssh.SFTPInvalidParameter: EINVAL,
    asyncssh.SFTPLinkLoop: ELOOP,
}

_ANSWERED: tuple[type[asyncssh.SFTPError], ...] = (asyncssh.SFTPFailure, *_ERRNO)

Likely = Callable[[int | None], int | None]
"""Given the mode of what is at a path (none for nothing): the errno that a bare failure there means, if it is plain."""


def taken(mode: int | None) -> int | None:
    """For what makes a new name: there was one."""
    return None if mode is None else EEXIST


def not_a_file(mode: int | None) -> int | None:
    """For what needs a file: there was a folder."""
    return EISDIR if mode is not None and modes.S_ISDIR(mode) else None


def not_a_folder(mode: int | None) -> int | None:
    """For what needs a folder: there was a file."""
    return ENOTDIR if mode is not None and not modes.S_ISDIR(mode) else None


def not_an_empty_folder(mode: int | None) -> int | None:
    """For what needs an empty folder: there was a file, or a folder with something in it."""
    return not_a_folder(mode) or (None if mode is None else ENOTEMPTY)


def nothing_plain(_mode: int | None) -> int | None:
    """For what may fail for any reason."""
    return None


async def explain(
    sftp: asyncssh.SFTPClient, error: asyncssh.SFTPError, path: str, likely: Likely = nothing_plain, needed: int = 1
) -> OSError:
    """The error of the operating system behind an SFTP status; ``needed`` is how many bytes were to be written.

    What cannot be told is ``EIO``.
    """
    number = _ERRNO.get(type(error))
    if number in {None, ENOENT}:  # OpenSSH takes ENOTDIR and ELOOP for ENOENT
        number = await _plain(sftp, path, likely) or number
    if number is None:
        number = await _below_a_file(sftp, path) or await _trouble_of_disk(sftp, path, needed) or EIO
    return OSError(number, os.strerror(number))


async def _plain(sftp: asyncssh.SFTPClient, path: str, likely: Likely) -> int | None:
    try:
        return likely((await sftp.lstat(path)).permissions)
    except _ANSWERED:
        return None


async def _below_a_file(sftp: asyncssh.SFTPClient, path: str) -> int | None:
    parent = posixpath.dirname(path)
    while parent not in {"/", ""}:
        try:
            mode = (await sftp.stat(parent)).permissions
        except asyncssh.SFTPNoSuchFile:
            return ENOENT
        except _ANSWERED:
            parent = posixpath.dirname(parent)
            continue
        return ENOTDIR if mode is not None and not modes.S_ISDIR(mode) else None
    return None


async def _trouble_of_disk(sftp: asyncssh.SFTPClient, path: str, needed: int) -> int | None:
    try:
        disk = await sftp.statvfs(posixpath.dirname(path))
    except _ANSWERED:
        return None
    if disk.flags & FXE_STATVFS_ST_RDONLY:
        return EROFS
    no_inode = disk.files > 0 and disk.favail == 0
    return ENOSPC if no_inode or disk.bavail * disk.frsize < needed else None
