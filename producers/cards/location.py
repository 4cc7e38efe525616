"""Where a card lies, as the operator writes it: a folder, or ``ssh://user@host[:port]/folder``."""

import os
import posixpath
import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from events.errors import UnderstudyError

SSH_PORT = 22
_SCP_STYLE = re.compile(r"[^/\\]+@[^/\\]+:")


class BadLocationError(UnderstudyError):
    """A location that cannot be understood, or that asks for what is refused."""


@dataclass(frozen=True, slots=True)
class LocalLocation:
    """A folder on this machine; always absolute."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)


@dataclass(frozen=True, slots=True)
class SshLocation:
    """An absolute folder on another host; an IPv6 ``host`` stands without its brackets."""

    user: str
    host: str
    port: int
    folder: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == SSH_PORT else f":{self.port}"
        return f"ssh://{quote(self.user)}@{host}{port}{quote(self.folder)}"


Location = LocalLocation | SshLocation


def parse_location(text: str) -> Location:
    """Read a location; ``str()`` of the result is its one spelling, which reads back the same.

    Raises:
        BadLocationError: an empty text, another scheme than ssh, a password, or a host, user, port or folder amiss.
    """
    if not text.strip() or not text.isprintable():
        raise BadLocationError(
            "A location is a folder, or ssh://user@host[:port]/folder; this one is empty or unprintable."
        )
    if "://" in text:
        return _parse_ssh(text)
    if _SCP_STYLE.match(text):
        raise BadLocationError(f"{text!r} looks like a host: write it as ssh://user@host/folder.")
    return LocalLocation(Path(os.path.abspath(text)))  # noqa: PTH100 - resolve() would follow links


def _parse_ssh(text: str) -> SshLocation:
    try:
        url = urlsplit(text)
        port = SSH_PORT if url.port is None else url.port
    except ValueError as error:
        raise BadLocationError(f"The location cannot be read: {error}.") from error
    if url.password is not None:
        raise BadLocationError("A location holds no password: use an SSH key or the agent.")
    if url.scheme != "ssh":
        raise BadLocationError(f"{url.scheme}:// is not supported: a location is a folder, or ssh://user@host/folder.")
    if not url.username or not url.hostname or port == 0:
        raise BadLocationError(f"{text!r} lacks a user, a host or a port: write ssh://user@host[:port]/folder.")
    return SshLocation(user=unquote(url.username), host=url.hostname.rstrip("."), port=port, folder=_ssh_folder(url))


def _ssh_folder(url: SplitResult) -> str:
    folder = unquote(url.path)
    if url.query or url.fragment or not folder.isprintable():
        raise BadLocationError(
            "A folder's ?, # and unprintable characters are written as %3F, %23 ... in an ssh location."
        )
    if not folder.startswith("/"):
        raise BadLocationError("An ssh location names a folder: ssh://user@host[:port]/folder.")
    return posixpath.normpath("/" + folder.lstrip("/"))


def is_same_place(one: Location, other: Location) -> bool:
    """Whether two locations are one folder: two cards cannot share it.

    Folders of this machine are compared as they are on the disk, links followed; those of other hosts by host, port and
    path, whoever the user is. A folder and an SSH location are never taken for the same.
    """
    if isinstance(one, LocalLocation) and isinstance(other, LocalLocation):
        if one.folder.exists() and other.folder.exists():
            return one.folder.samefile(other.folder)
        return one.folder.resolve() == other.folder.resolve()
    if isinstance(one, SshLocation) and isinstance(other, SshLocation):
        return _place(one) == _place(other)
    return False


def _place(location: SshLocation) -> tuple[str, int, str]:
    try:
        host = str(ip_address(location.host))
    except ValueError:
        host = location.host.lower()
    return host, location.port, location.folder
