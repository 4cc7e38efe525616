"""What the standby keeps about an activation that is under way, so that it can be undone whatever happens."""

from enum import StrEnum

import msgspec
import orjson

from producers.cards.card import Card, FileStat


class Action(StrEnum):
    """What an activation does with one name on the standby."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One name: ``number`` is the staged file's (to replace or add) and the backup's (to replace or remove)."""

    action: Action
    path: str
    number: int


class Journal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that an attempt changes on one flash: the folders that it makes, outer first, and the names, in order."""

    attempt: int
    flash: str
    folders: tuple[str, ...]
    steps: tuple[Step, ...]


_NAME = "journal.json"
_UNFINISHED = "journal.part"
NAMES = (_NAME, _UNFINISHED)
"""The names that a journal may have in its folder; the first to be removed comes first."""

_MOST_BYTES = 16 * 1024 * 1024

_read = msgspec.json.Decoder(Journal).decode
"""Made here, where no other thread is: see ``events.codec``."""


def write_journal(card: Card, folder: str, journal: Journal) -> None:
    """Write a journal so that it is either whole and on the disk, or not there."""
    content = orjson.dumps(msgspec.to_builtins(journal), option=orjson.OPT_INDENT_2)
    like = FileStat(size=len(content), mtime_ns=0, inode=0, is_dir=False)
    with card.create(f"{folder}/{_UNFINISHED}", like) as file:
        file.write(content)
        file.sync()
    card.replace(f"{folder}/{_UNFINISHED}", f"{folder}/{_NAME}")
    card.sync_folder(folder)


def read_journal(card: Card, folder: str, flash: str) -> Journal | None:
    """The journal in a folder; none if there is none that could be ours, which means that nothing was activated.

    Raises:
        OSError: the journal is there and cannot be read.
    """
    if card.stat(f"{folder}/{_NAME}") is None:
        return None
    with card.open_read(f"{folder}/{_NAME}") as file:
        content = b""
        while len(content) < _MOST_BYTES and (more := file.read(_MOST_BYTES)):
            content += more
    try:
        journal = _read(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    paths = [*journal.folders, *(step.path for step in journal.steps)]
    return journal if journal.flash == flash and all(_is_on(flash, path) for path in paths) else None


def _is_on(flash: str, path: str) -> bool:
    first, *parts = path.split("/")
    return first == flash and bool(parts) and not {"", ".", ".."}.intersection(parts)
