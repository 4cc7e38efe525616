"""Why an attempt failed: the one error of the copying engine, and the one place where errno becomes a cause."""

import errno
from collections.abc import Generator
from contextlib import contextmanager

from events.causes import STAGE_OF, Cause, Stage
from events.facts import FileKind
from producers.cards.card import Card

_WRITING: dict[int, Cause] = {
    errno.ENOSPC: Cause.NO_SPACE,
    errno.EDQUOT: Cause.NO_SPACE,
    errno.EFBIG: Cause.FILE_TOO_LARGE,
    errno.EACCES: Cause.PERMISSION_DENIED,
    errno.EPERM: Cause.PERMISSION_DENIED,
    errno.EROFS: Cause.READ_ONLY,
    errno.ETIMEDOUT: Cause.TIMED_OUT,
    errno.ECONNRESET: Cause.CONNECTION_LOST,
    errno.ECONNABORTED: Cause.CONNECTION_LOST,
    errno.ECONNREFUSED: Cause.CONNECTION_LOST,
    errno.EPIPE: Cause.CONNECTION_LOST,
    errno.ENOTCONN: Cause.CONNECTION_LOST,
    errno.ESHUTDOWN: Cause.CONNECTION_LOST,
    errno.ENETDOWN: Cause.CONNECTION_LOST,
    errno.ENETUNREACH: Cause.CONNECTION_LOST,
    errno.ENETRESET: Cause.CONNECTION_LOST,
    errno.EHOSTDOWN: Cause.CONNECTION_LOST,
    errno.EHOSTUNREACH: Cause.CONNECTION_LOST,
}


_CONNECTION = {Cause.CONNECTION_LOST, Cause.TIMED_OUT}


class SyncError(Exception):
    """A failure of the world that ends an attempt: its cause, a sentence, and the file (router name) that is to blame.

    ``stage`` is the stage that the cause belongs to (``events.causes.STAGE_OF``). The two causes that may happen in any
    stage (interrupted, internal-error) take the stage that the attempt had reached; it is none until that is known.
    """

    def __init__(
        self,
        cause: Cause,
        detail: str,
        *,
        file: str | None = None,
        kind: FileKind | None = None,
        stage: Stage | None = None,
    ) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail
        self.file = file
        self.kind = kind
        self._stage = stage

    @property
    def stage(self) -> Stage | None:
        """The stage that this failure is recorded under."""
        return STAGE_OF.get(self.cause, self._stage)


def standby_cause(error: OSError) -> Cause:
    """The cause that an error of the operating system on the standby is recorded as; what has no name is io-error."""
    if error.errno is None and isinstance(error, TimeoutError):
        return Cause.TIMED_OUT
    if error.errno is None and isinstance(error, ConnectionError):
        return Cause.CONNECTION_LOST
    return _WRITING.get(error.errno or 0, Cause.IO_ERROR)


def is_connection_failure(error: OSError) -> bool:
    """Whether an error speaks of the way to the card, not of what is on it."""
    return standby_cause(error) in _CONNECTION


def reason(error: OSError) -> str:
    """The operating system's words for an error, without the Python around them."""
    return error.strerror or str(error) or type(error).__name__


@contextmanager
def reading_source(source: Card, file: str, kind: FileKind | None = None) -> Generator[None, None, None]:
    """Turn what goes wrong while the active card is read into a ``SyncError``.

    A card that has vanished altogether is no fault of the file: that attempt was interrupted.
    """
    try:
        yield
    except OSError as error:
        if not _answers(source):
            raise active_card_failed(source) from error
        cause = Cause.SOURCE_MISSING if isinstance(error, FileNotFoundError) else Cause.SOURCE_UNREADABLE
        remedy = "check its permissions and the flash"
        detail = f"{file} on {source.describe()} cannot be read: {reason(error)}; {remedy}."
        raise SyncError(cause, detail, file=file, kind=kind) from error


def active_card_failed(source: Card) -> SyncError:
    """The failure of an attempt whose source is gone."""
    return SyncError(Cause.INTERRUPTED, f"The active card failed during the attempt: {source.describe()} is gone.")


@contextmanager
def asking_standby(standby: Card) -> Generator[None, None, None]:
    """Turn what goes wrong before anything is written on the standby into a ``SyncError``.

    It may only be a cause of a stage that is not behind us yet (``events.causes``): so a lost connection means
    unreachable here, and whatever else keeps the standby from answering means that it is not in service.
    """
    try:
        yield
    except OSError as error:
        raise _not_usable(standby, error) from error


@contextmanager
def writing_standby(standby: Card, file: str | None = None) -> Generator[None, None, None]:
    """Turn what goes wrong while the standby is written into a ``SyncError``."""
    try:
        yield
    except OSError as error:
        raise standby_failure(standby, error, file) from error


def standby_failure(standby: Card, error: OSError, file: str | None = None) -> SyncError:
    """The failure that an error of the operating system on the standby is recorded as, from the transfer on."""
    gone = _what_keeps_it_out(standby) if isinstance(error, FileNotFoundError) else None
    if gone is not None:
        return gone
    what = "" if file is None else f"{file}: "
    return SyncError(standby_cause(error), f"{what}writing on {standby.describe()} failed: {reason(error)}.", file=file)


def _not_usable(standby: Card, error: OSError) -> SyncError:
    if is_connection_failure(error):
        return _connection_broke(standby, error)
    not_ready = SyncError(Cause.STANDBY_NOT_READY, f"{standby.describe()} is not in service: {reason(error)}.")
    return _what_keeps_it_out(standby) or not_ready


def _what_keeps_it_out(standby: Card) -> SyncError | None:
    """Why the standby as a whole cannot be used; none if it can, so that one of its files is to blame."""
    try:
        if not standby.is_present():
            return SyncError(Cause.STANDBY_ABSENT, f"{standby.describe()} is gone.")
        trouble = standby.check_in_service()
    except OSError as error:
        return _connection_broke(standby, error)
    if trouble is None:
        return None
    return SyncError(Cause.STANDBY_NOT_READY, f"{standby.describe()} is not in service: {trouble}")


def _connection_broke(standby: Card, error: OSError) -> SyncError:
    return SyncError(Cause.UNREACHABLE, f"The connection to {standby.describe()} broke: {reason(error)}.")


def _answers(card: Card) -> bool:
    try:
        return card.is_present()
    except OSError:
        return False
