"""Logging in to a card's host: whose keys are used, how its host key is checked, and why a login failed."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from events.causes import Cause
from producers.cards.location import SSH_PORT, SshLocation
from producers.failure import SyncError

KEY_VARIABLE = "UNDERSTUDY_SSH_KEY"
KNOWN_HOSTS_VARIABLE = "UNDERSTUDY_KNOWN_HOSTS"

_KEEPALIVES = 3
_ALSO_OF_ANOTHER_KIND = (
    "+ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"
)
"""After the kinds of the known keys: or else a host with none of those would just hang up, which tells nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a host may take, in seconds: ``login`` for all of a login, ``answer`` for each answer after it.

    An answer for which the host has to read or flush a whole file may take longer, by the size of the file.
    """

    login: float = 15.0
    answer: float = 30.0


class _Watcher(asyncssh.SSHClient):
    """Passes on why a connection was lost, which is told here for sure and elsewhere at times."""

    def __init__(self, lost: Callable[[Exception], None]) -> None:
        self._lost = lost

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the library when a connection has ended; without ``exc`` either side meant it to."""
        if exc is not None:
            self._lost(exc)


async def log_in(
    location: SshLocation, limits: Limits, lost: Callable[[Exception], None]
) -> asyncssh.SSHClientConnection:
    """Connect with a key of ``~/.ssh``, of the agent, or the one that ``UNDERSTUDY_SSH_KEY`` names; never a password.

    ``~/.ssh/config`` is honoured. The host key has to stand in ``~/.ssh/known_hosts``, or in the file that
    ``UNDERSTUDY_KNOWN_HOSTS`` names. A peer that answers nothing is noticed after about ``limits.answer``, and ``lost``
    is called with why.

    Raises:
        SyncError: authentication-failed, for what can be told before anybody is asked.
        asyncssh.Error, OSError, ValueError: ``login_failure`` tells what it means.
    """
    key = os.environ.get(KEY_VARIABLE)
    options = asyncssh.SSHClientConnectionOptions(
        config=(),
        host=location.host,
        port=() if location.port == SSH_PORT else location.port,  # then ~/.ssh/config may name another
        username=location.user,
        client_keys=[key] if key else (),
        known_hosts=_known_hosts(),
        server_host_key_algs=_ALSO_OF_ANOTHER_KIND,
        password_auth=False,
        kbdint_auth=False,
        agent_forwarding=False,
        x11_forwarding=False,
        login_timeout=limits.login,
        keepalive_interval=limits.answer / _KEEPALIVES,
        keepalive_count_max=_KEEPALIVES,
    )
    if options.known_hosts is None:
        detail = (
            f"~/.ssh/config turns the check of host keys off for {location.host}: remove 'UserKnownHostsFile none'."
        )
        raise SyncError(Cause.AUTHENTICATION_FAILED, detail)
    return await asyncssh.connect(location.host, options.port, options=options, client_factory=lambda: _Watcher(lost))


def login_failure(location: SshLocation, error: Exception) -> SyncError:
    """What a failed login is recorded as: authentication-failed with what to do about it, or unreachable."""
    place = f"{location.user}@{location.host}"
    match error:
        case SyncError():
            return error
        case asyncssh.HostKeyNotVerifiable() | asyncssh.KeyExchangeFailed():
            return _refused(
                f"The host key of {location.host} is not trusted ({error.reason}). {_host_key_remedy(location)}"
            )
        case asyncssh.PermissionDenied():
            remedy = f"add a public key to its authorized_keys, or name the key to use in {KEY_VARIABLE}"
            return _refused(f"{place} accepted none of our keys: {remedy}.")
        case ValueError():
            return _refused(f"A key or ~/.ssh/config cannot be used for {place}: {error}.")
        case OSError() if error.filename is not None:
            return _refused(f"{error.filename} cannot be read: {error.strerror}.")
        case TimeoutError() if error.errno is None:
            return _unreachable(location, "it did not answer in time")
        case asyncio.IncompleteReadError() | asyncssh.SFTPConnectionLost():
            return _unreachable(location, "it offers no SFTP")
        case _:
            return _unreachable(location, _words(error))


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # in place of asyncio's "Connect call failed"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _known_hosts() -> str | tuple[()]:
    path = os.environ.get(KNOWN_HOSTS_VARIABLE)
    if not path:
        return ()
    if not Path(path).is_file():
        raise _refused(
            f"{path}, which {KNOWN_HOSTS_VARIABLE} names, is not a file: put the host keys of the cards there."
        )
    return path


def _host_key_remedy(location: SshLocation) -> str:
    known_hosts = os.environ.get(KNOWN_HOSTS_VARIABLE) or "~/.ssh/known_hosts"
    scan = f"ssh-keyscan -p {location.port} {location.host} >> {known_hosts}"
    return f"If it is new, compare its fingerprint and add it: {scan}; if it has changed, find out why first."


def _refused(detail: str) -> SyncError:
    return SyncError(Cause.AUTHENTICATION_FAILED, detail)


def _unreachable(location: SshLocation, why: str) -> SyncError:
    return SyncError(Cause.UNREACHABLE, f"{location.host} port {location.port} cannot be reached: {why}.")
