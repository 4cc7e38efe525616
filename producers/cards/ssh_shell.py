"""What a card's host is asked with a command, where its account may run any: a digest, whether it may write.

An account may be confined to SFTP (``ForceCommand internal-sftp``): then both answer none, and the card does without.
"""

import asyncio
import re
import shlex
from hashlib import sha256

import asyncssh

from producers.cards.card import Tick
from producers.cards.ssh_session import SshSession

_DIGEST = re.compile(r"\\?([0-9a-f]{64}) ")
_DIGEST_OF_NOTHING = sha256().hexdigest()


class RemoteShell:
    """Commands on a card's host. Whether there are any is found out at the first use, and then remembered."""

    def __init__(self, session: SshSession) -> None:
        self._session = session
        self._is_there: bool | None = None

    def digest(self, path: str, tick: Tick, *, patience: float) -> str | None:
        """SHA-256 of a file by ``sha256sum`` there, which spares the way back; none if it cannot be told so."""
        if not self._check():
            return None
        work = _run(self._session.connection, f"sha256sum -- {shlex.quote(path)}")
        _, output = self._session.run(work, patience=patience, meanwhile=lambda: tick(0))
        found = _DIGEST.match(output)
        return None if found is None else found[1]

    def may_write(self, folder: str) -> bool | None:
        """Whether names can be made in a folder, by ``test`` there; none if it cannot be told so."""
        if not self._check():
            return None
        name = shlex.quote(folder)
        status, _ = self._session.run(_run(self._session.connection, f"test -w {name} -a -x {name}"))
        return {0: True, 1: False}.get(status)

    def _check(self) -> bool:
        # A forced command does not know the digest of nothing, and one that waits for more than that is left alone.
        if self._is_there is None:
            work = _run_soon(self._session.connection, "sha256sum", self._session.limits.answer / 2)
            self._is_there = self._session.run(work)[1].startswith(_DIGEST_OF_NOTHING)
        return self._is_there


async def _run_soon(connection: asyncssh.SSHClientConnection, command: str, limit: float) -> tuple[int, str]:
    try:
        async with asyncio.timeout(limit):
            return await _run(connection, command)
    except TimeoutError:
        return -1, ""


async def _run(connection: asyncssh.SSHClientConnection, command: str) -> tuple[int, str]:
    try:
        done = await connection.run(
            command, stdin=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL, request_pty=False, errors="surrogateescape"
        )
    except asyncssh.ChannelOpenError:  # one session at a time, which SFTP has
        return -1, ""
    status = -1 if done.exit_status is None else done.exit_status
    return status, str(done.stdout or "")
