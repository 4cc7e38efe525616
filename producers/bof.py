r"""The boot option file ``cf3:\bof.cfg``: which images and configurations a card boots from. Pure; it reads no file.

A line is a keyword and its value (``primary-image cf3:\TiMOS-20.10.R3``); ``#`` begins a comment. Keywords other than
the six that name files are none of our business and are passed over.
"""

import re
from dataclasses import dataclass

from events.facts import FileKind
from producers.cards.names import InvalidNameError, to_name, to_path

MOST_BYTES = 64 * 1024
LONGEST_LINE = 300

KEYWORDS: dict[str, FileKind] = {
    f"{rank}-{kind}": kind
    for kind in (FileKind.IMAGE, FileKind.CONFIG)
    for rank in ("primary", "secondary", "tertiary")
}
"""The keywords that name files, in the order in which a card tries them, images first."""

_URL = re.compile(r"[a-z][a-z0-9+.-]*://.", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^:/@]*):.*@")


class InvalidBofError(Exception):
    """A BOF that a card would not boot from; ``line`` counts from 1, and is 0 where the whole file is meant."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BofEntry:
    """One file or folder that the BOF names. ``path`` is none for a URL; ``name`` never shows a URL's password."""

    keyword: str
    name: str
    path: str | None

    @property
    def kind(self) -> FileKind:
        """An image or a configuration."""
        return KEYWORDS[self.keyword]

    @property
    def is_primary(self) -> bool:
        """Whether a card needs it: the others stand in where it fails."""
        return self.keyword.startswith("primary-")


@dataclass(frozen=True, slots=True)
class Bof:
    """What a BOF names, images first, primary before secondary before tertiary."""

    entries: tuple[BofEntry, ...]

    def software_version(self) -> str | None:
        """The software that the primary image's name tells (``TiMOS-20.10.R3``); none without a primary image.

        It is the last part of the name, or the folder's if that part is a ``.tim`` file in one.
        """
        for entry in self.entries:
            if entry.keyword == "primary-image":
                parts = [part for part in re.split(r"[\\/]", entry.name) if part and not part.endswith(":")]
                is_file = parts[-1].casefold().endswith(".tim")
                return parts[-2] if is_file and len(parts) > 1 else parts[-1]
        return None


def read_bof(content: bytes) -> Bof:
    """Parse a BOF as it is on the flash.

    Raises:
        InvalidBofError: over 64 KiB, not UTF-8, or as ``parse_bof``.
    """
    if len(content) > MOST_BYTES:
        raise InvalidBofError(0, f"it is larger than {MOST_BYTES} bytes")
    try:
        return parse_bof(content.decode().removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise InvalidBofError(content.count(b"\n", 0, error.start) + 1, "it is not UTF-8 text") from error


def parse_bof(text: str) -> Bof:
    """Parse a BOF.

    Raises:
        InvalidBofError: a line of over 300 characters or with a control character; a keyword for a file that stands
            twice, or has no value, several, or one that is neither a URL nor a name on cf1:, cf2: or cf3:; no such
            keyword at all. The message never repeats a value, which may hold a password.
    """
    found: dict[str, BofEntry] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        words = _words(number, line.removesuffix("\r"))
        keyword = words[0].lower() if words else ""
        if keyword not in KEYWORDS:
            continue
        if keyword in found:
            raise InvalidBofError(number, f"{keyword} stands twice")
        if len(words) != 2:  # noqa: PLR2004 - a keyword and its value
            raise InvalidBofError(number, f"{keyword} needs one value, and has {len(words) - 1}")
        found[keyword] = _entry(number, keyword, words[1])
    if not found:
        raise InvalidBofError(0, "it names neither an image nor a configuration; was it cut short?")
    return Bof(tuple(found[keyword] for keyword in KEYWORDS if keyword in found))


def _words(number: int, line: str) -> list[str]:
    if len(line) > LONGEST_LINE:
        raise InvalidBofError(number, f"it is longer than {LONGEST_LINE} characters")
    if not line.replace("\t", " ").isprintable():
        raise InvalidBofError(number, "it has a control character")
    return line.partition("#")[0].split()


def _entry(number: int, keyword: str, value: str) -> BofEntry:
    if _URL.match(value):
        return BofEntry(keyword, _PASSWORD.sub(r"\1:***@", value), None)
    try:
        path = to_path(value)
    except InvalidNameError as error:
        raise InvalidBofError(number, f"{keyword} cannot be used: {error}") from error
    return BofEntry(keyword, to_name(path), path)
