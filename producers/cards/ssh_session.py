"""One SSH connection with SFTP on it, on an event loop in a thread of its own, used by blocking calls."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from errno import ECONNRESET, ENOTCONN, ETIMEDOUT
from threading import Thread
from typing import Any, TypeVar

import asyncssh

from producers.cards.location import SshLocation
from producers.cards.ssh_login import Limits, log_in, login_failure
from producers.failure import is_connection_failure

Result = TypeVar("Result")

_CLOSING_LIMIT = 2.0
_BETWEEN_LOOKS = 0.2
_LOST = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)


def _rest() -> None:
    """What there is to do while waiting: nothing."""


class SshSession:
    """A connection that may be opened, lost and opened again; once lost, each use fails at once with the first reason.

    What the server answers with an error status is raised as ``asyncssh.SFTPError``; whatever speaks of the connection
    is an ``OSError`` (``ETIMEDOUT`` for a server that stopped answering, ``ECONNRESET`` ... for one that is gone).
    """

    def __init__(self, location: SshLocation, limits: Limits) -> None:
        self.limits = limits
        self._location = location
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._connection: asyncssh.SSHClientConnection | None = None
        self._sftp: asyncssh.SFTPClient | None = None
        self._lost: OSError | None = None
        self._broken: OSError | None = None

    def check_usable(self) -> None:
        """Raise ``OSError`` if there is no connection, or none any more: the first reason for which it was given up."""
        if self._lost is not None:
            raise OSError(self._lost.errno, self._lost.strerror)
        if self._sftp is None:
            raise OSError(ENOTCONN, os.strerror(ENOTCONN))

    @property
    def sftp(self) -> asyncssh.SFTPClient:
        """The SFTP client, whose coroutines are for ``run``; raises as ``check_usable``."""
        self.check_usable()
        assert self._sftp is not None
        return self._sftp

    @property
    def connection(self) -> asyncssh.SSHClientConnection:
        """The connection, whose coroutines are for ``run``; raises as ``check_usable``."""
        self.check_usable()
        assert self._connection is not None
        return self._connection

    def open(self) -> bool:
        """Log in, unless that is done and the connection holds; returns whether it was needed.

        Raises:
            SyncError: unreachable or authentication-failed.
        """
        if self._connection is not None and self._lost is None and not self._connection.is_closed():
            return False
        self.close()
        opened: Future[None] = Future()
        self._thread = Thread(target=self._run_loop, args=(opened,), name=f"ssh {self._location.host}", daemon=True)
        self._thread.start()
        try:
            opened.result()
        except Exception as error:
            self.close()
            raise login_failure(self._location, error) from error
        return True

    def close(self) -> None:
        """End the connection and the thread; does nothing if there is none."""
        if self._thread is None:
            return
        if self._loop is not None and self._closing is not None:
            with suppress(RuntimeError):  # the loop has ended by itself, since the login failed
                self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        self._thread = self._loop = self._closing = self._connection = self._sftp = None
        self._lost = self._broken = None

    def run(
        self, work: Coroutine[Any, Any, Result], *, patience: float = 0.0, meanwhile: Callable[[], None] = _rest
    ) -> Result:
        """Do one thing, within the time limit for an answer and ``patience`` seconds more.

        ``meanwhile`` is called now and then; it may raise, to end the waiting.
        """
        return self.result(self.start(work), patience=patience, meanwhile=meanwhile)

    def start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Begin something whose result is fetched later."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def result(self, future: Future[Result], *, patience: float = 0.0, meanwhile: Callable[[], None] = _rest) -> Result:
        """Wait for what was begun. After a silence that is too long the connection is given up."""
        limit = self.limits.answer + patience
        until = time.monotonic() + limit
        while not wait([future], max(0.0, min(_BETWEEN_LOOKS, until - time.monotonic()))).done:
            if time.monotonic() >= until:
                raise self._give_up(OSError(ETIMEDOUT, f"no answer within {limit:g} s"))
            meanwhile()
        try:
            return future.result()
        except asyncssh.SFTPError as error:
            if isinstance(error, _LOST):
                raise self._give_up(self._broken or _lost(error)) from error
            raise
        except asyncssh.Error as error:
            raise self._give_up(_lost(error)) from error
        except OSError as error:
            if is_connection_failure(error):
                raise self._give_up(error) from error
            raise

    def _give_up(self, error: OSError) -> OSError:
        if self._lost is None:
            self._lost = error
            if self._loop is not None and self._connection is not None:
                self._loop.call_soon_threadsafe(self._connection.abort)
        return OSError(self._lost.errno, self._lost.strerror)

    def _run_loop(self, opened: "Future[None]") -> None:
        with asyncio.Runner() as runner:
            runner.run(self._live(opened))

    async def _live(self, opened: "Future[None]") -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(_leave_to_the_waiting)
        try:
            async with asyncio.timeout(self.limits.login):
                self._connection = await log_in(self._location, self.limits, self._break)
                self._sftp = await self._connection.start_sftp_client(path_errors="surrogateescape")
        except Exception as error:  # noqa: BLE001 - it is raised by open(), in the thread that waits for it
            try:
                await self._hang_up()
            finally:
                opened.set_exception(error)
            return
        opened.set_result(None)
        await self._closing.wait()
        await self._hang_up()

    def _break(self, error: Exception) -> None:
        self._broken = _lost(error)

    async def _hang_up(self) -> None:
        if self._connection is None:
            return
        self._connection.close()
        try:
            async with asyncio.timeout(_CLOSING_LIMIT):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()


def _leave_to_the_waiting(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The library asks in parallel and passes on the first failure of many: the others say the same again."""
    if not isinstance(context.get("exception"), (asyncssh.Error, OSError)):
        loop.default_exception_handler(context)


def _lost(error: Exception) -> OSError:
    if isinstance(error, OSError) and is_connection_failure(error):
        return error
    number = ETIMEDOUT if "keepalive" in str(error) else ECONNRESET
    return OSError(number, str(error) or os.strerror(number))
