"""What a group that reads the record remembers: a file with the position that it last handled, and a lock."""

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from consumers.subscription.errors import GroupBusyError, SubscriptionError, SubscriptionUsageError

NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}")


class Handled(NamedTuple):
    """The position that a group has last handled, and what tells the fact there from another, if that was known."""

    position: int
    digest: str | None = None


class Memory:
    """The position of one group in one stream. Only one process is its member at a time.

    Raises:
        SubscriptionUsageError: the name cannot be that of a group.
        SubscriptionError: the file is damaged, or may not be written.
        GroupBusyError: another process is its member.
    """

    def __init__(self, folder: Path, group: str, stream: str) -> None:
        if not NAME.fullmatch(group):
            raise SubscriptionUsageError(
                f"{group!r} cannot be the name of a group: write letters, digits, '.', '_' and '-'"
            )
        self._group = group
        self._folder = folder
        self._file = folder / f"{group}.{stream}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / f"{group}.{stream}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SubscriptionError(
                f"group {group} cannot be remembered in {folder}: {error.strerror}. Let this user write there, "
                "or leave --group away, and say --from"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise GroupBusyError(
                f"another process follows {stream} as group {group}: end it, or name another group; "
                "several members of one group need Kafka"
            ) from error

    @property
    def file(self) -> Path:
        """Where it lies."""
        return self._file

    def handled(self) -> Handled | None:
        """What was handled last; none where the group is new. A person may have written the position alone."""
        try:
            text = self._file.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        position, _, digest = text.strip().partition(" ")
        if not position.isdecimal():
            raise SubscriptionError(f"{self._file} is no position but {text[:40]!r}: write one into it, or remove it")
        return Handled(int(position), digest or None)

    def remember(self, handled: Handled) -> None:
        """Replaces what was handled last; when this returns, it survives a power loss."""
        beside = self._file.with_name(f"{self._file.name}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, f"{handled.position} {handled.digest or ''}".strip().encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(self._file)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Lets another process be the member."""
        if self._lock >= 0:
            with suppress(OSError):  # closed or not, it is not ours any more
                os.close(self._lock)
            self._lock = -1
