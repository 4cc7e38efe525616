r"""Router names and paths: ``cf3:\TiMOS-20.10.R3\both.tim`` is ``cf3/TiMOS-20.10.R3/both.tim`` on a card.

File names compare without case on a router, and a folder of this machine may tell them apart; this is the one place
that knows.
"""

import re
from collections.abc import Iterable

from events.causes import Cause
from producers.cards.card import Card
from producers.failure import SyncError

_NAME = re.compile(r"(cf[123]):[\\/]?(.+)", re.IGNORECASE | re.DOTALL)
_SEPARATOR = re.compile(r"[\\/]")


class InvalidNameError(Exception):
    """A name that is not of a file or folder on ``cf1:``, ``cf2:`` or ``cf3:``."""


def to_path(name: str) -> str:
    r"""The path of a router name; both separators are accepted, and one at the end.

    Raises:
        InvalidNameError: no flash or another one, an empty part, ``.`` or ``..``, or an unprintable character.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise InvalidNameError("it is not the name of a file on cf1:, cf2: or cf3:")
    parts = _SEPARATOR.split(_SEPARATOR.sub("/", found[2]).removesuffix("/"))
    if not all(parts):
        raise InvalidNameError("a part of the name is empty")
    if any(part in {".", ".."} for part in parts):
        raise InvalidNameError("'.' and '..' are not allowed in the name")
    if not name.isprintable():
        raise InvalidNameError("the name has an unprintable character")
    return "/".join([found[1].lower(), *parts])


def to_name(path: str) -> str:
    r"""The router name of a path: ``cf3/pe1.cfg`` is ``cf3:\pe1.cfg``; what is not UTF-8 in it is shown as U+FFFD."""
    flash, _, rest = path.encode(errors="surrogateescape").decode(errors="replace").partition("/")
    return f"{flash}:\\{rest.replace('/', chr(92))}"


def flash_of(path: str) -> str:
    """The flash that a path lies on, for example ``cf3``."""
    return path.partition("/")[0]


def parent_of(path: str) -> str:
    """The folder that a path lies in."""
    return path.rpartition("/")[0]


def alike(names: Iterable[str], wanted: str) -> list[str]:
    """The names that a router takes for ``wanted``: the exact one first, then those that differ by case, sorted."""
    folded = wanted.casefold()
    return sorted((name for name in names if name.casefold() == folded), key=lambda name: (name != wanted, name))


def resolve(card: Card, path: str) -> str | None:
    """The path as it is spelt on the card, each part found without case (an exact one wins); none if there is nothing.

    Raises:
        SyncError: source-unreadable, if several names differ only by case and none is exact.
        OSError: as ``Card.entries``, except for a folder that is not there.
    """
    real, *parts = path.split("/")
    for part in parts:
        try:
            found = alike((entry.name for entry in card.entries(real)), part)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not found:
            return None
        if len(found) > 1 and found[0] != part:
            raise differ_by_case(card, [f"{real}/{name}" for name in found])
        real = f"{real}/{found[0]}"
    return real


def differ_by_case(card: Card, paths: Iterable[str]) -> SyncError:
    """The failure of names that a router cannot tell apart."""
    names = [to_name(path) for path in paths]
    detail = f"{' and '.join(names)} on {card.describe()} differ only by case: a router cannot tell them apart."
    return SyncError(Cause.SOURCE_UNREADABLE, detail, file=names[0])
