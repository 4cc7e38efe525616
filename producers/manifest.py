"""What a synchronisation covers: the files of the active card, read off its BOF."""

import errno
from dataclasses import dataclass

from events.causes import Cause, Scope
from events.facts import FileKind, FileOutcome, FileResult
from producers.bof import MOST_BYTES, Bof, BofEntry, InvalidBofError, read_bof
from producers.cards.card import Card, FileStat
from producers.cards.names import differ_by_case, flash_of, resolve, to_name
from producers.failure import SyncError, active_card_failed, reading_source

BOF_PATH = "cf3/bof.cfg"
_BESIDE_THE_BOF = ((FileKind.BOOT_LOADER, "cf3/boot.ldr"), (FileKind.NVSYS, "cf3/nvsys.info"))


@dataclass(frozen=True, slots=True)
class Item:
    r"""One file of the scope: router name (a URL's for a remote one), kind, path as spelt on the active card.

    ``stat`` is none for a file that is not on the active card: then ``outcome`` says not-present or remote.
    """

    name: str
    kind: FileKind
    path: str
    stat: FileStat | None
    outcome: FileOutcome | None = None

    def result(self, outcome: FileOutcome, sha256: str | None = None) -> FileResult:
        """What became of the file, for the record."""
        size = 0 if self.stat is None else self.stat.size
        return FileResult(name=self.name, kind=self.kind, outcome=outcome, size=size, sha256=sha256)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a scope in the order in which they are reported, the folders that hold images, and the BOF."""

    items: tuple[Item, ...]
    image_folders: tuple[str, ...]
    bof: Bof
    bof_item: Item

    @property
    def present(self) -> tuple[Item, ...]:
        """The files that are on the active card, so should be on the standby."""
        return tuple(item for item in self.items if item.stat is not None)


def gather(source: Card, scope: Scope) -> Manifest:
    """Read which files a synchronisation of ``scope`` covers, and see that each can be opened.

    The rules (DESIGN, "Scope of a synchronisation"): ``config`` is each configuration that the BOF names with the
    ``.ndx`` beside it; ``boot-env`` is that and the BOF, boot loader, ``nvsys.info`` and images, an image being a file
    or all ``.tim`` files of a folder. The BOF is required, and so are a primary image and configuration on a flash.

    Raises:
        SyncError: source-missing, source-unreadable or invalid-bof, with the file and what to do about it; interrupted
            if the active card itself has gone.
    """
    bof_item = _item(source, FileKind.BOF, BOF_PATH, needed_as="the boot option file")
    bof = _read_bof(source, bof_item)
    folders: list[str] = []
    items: list[Item] = []
    if scope is Scope.BOOT_ENV:
        if not any(entry.kind is FileKind.IMAGE for entry in bof.entries):
            detail = f"{bof_item.name} on {source.describe()} names no image, so no card would boot from it."
            raise SyncError(Cause.INVALID_BOF, detail, file=bof_item.name, kind=FileKind.BOF)
        items = [bof_item, *(_item(source, kind, path) for kind, path in _BESIDE_THE_BOF)]
        for entry in bof.entries:
            if entry.kind is FileKind.IMAGE:
                items += _images(source, entry, folders)
    for entry in bof.entries:
        if entry.kind is FileKind.CONFIG:
            items += _config(source, entry)
    return Manifest(_distinct(source, items), tuple(dict.fromkeys(folders)), bof, bof_item)


def _distinct(source: Card, items: list[Item]) -> tuple[Item, ...]:
    kept: dict[str, Item] = {}
    for item in items:
        earlier = kept.setdefault((item.path or item.name).casefold(), item)
        if earlier.path != item.path:
            raise differ_by_case(source, (earlier.path, item.path))
    return tuple(kept.values())


def read_start(card: Card, path: str) -> bytes:
    """The content of a small file; of one too large to be a BOF, enough to see that."""
    content = b""
    with card.open_read(path) as file:
        while len(content) <= MOST_BYTES and (more := file.read(MOST_BYTES + 1)):
            content += more
    return content


def _read_bof(source: Card, item: Item) -> Bof:
    with reading_source(source, item.name, item.kind):
        content = read_start(source, item.path)
    try:
        return read_bof(content)
    except InvalidBofError as error:
        detail = f"{item.name} on {source.describe()} is not valid: {error}; correct it."
        raise SyncError(Cause.INVALID_BOF, detail, file=item.name, kind=item.kind) from error


def _config(source: Card, entry: BofEntry) -> list[Item]:
    if entry.path is None:
        return [_remote(entry)]
    config = _item(source, entry.kind, entry.path, needed_as=_role(entry))
    folder, _, name = config.path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return [config, _item(source, FileKind.INDEX, f"{folder}/{stem}.ndx")]


def _images(source: Card, entry: BofEntry, folders: list[str]) -> list[Item]:
    if entry.path is None:
        return [_remote(entry)]
    needed_as = _role(entry)
    path = _resolved(source, entry.kind, entry.path)
    with reading_source(source, entry.name, entry.kind):
        found = None if path is None else source.stat(path)
    if path is None or found is None:
        folders.append(entry.path)
    elif found.is_dir:
        folders.append(path)
        return _folder(source, entry, path, needed_as)
    return [_item(source, entry.kind, entry.path, needed_as=needed_as)]


def _folder(source: Card, entry: BofEntry, path: str, needed_as: str | None) -> list[Item]:
    with reading_source(source, to_name(path), entry.kind):
        found = [found.name for found in source.entries(path) if not found.is_dir and is_image(found.name)]
    for name in found:
        if not is_utf8(name):
            file = to_name(f"{path}/{name}")
            detail = f"{file} on {source.describe()} has a name that is not UTF-8: rename it."
            raise SyncError(Cause.SOURCE_UNREADABLE, detail, file=file, kind=entry.kind)
    if found:
        return [_item(source, entry.kind, f"{path}/{name}", needed_as="an image of the BOF") for name in sorted(found)]
    if needed_as is None:
        return [Item(to_name(path), entry.kind, path, None, FileOutcome.NOT_PRESENT)]
    raise _missing(source, entry.kind, path, f"{needed_as}, holds no .tim file on {source.describe()}: restore it.")


def is_utf8(name: str) -> bool:
    """Whether a name that the operating system told can be recorded: Python keeps other bytes as surrogates."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def is_image(name: str) -> bool:
    """Whether a file in an image folder is one that a card boots from."""
    return name.casefold().endswith(".tim")


def _role(entry: BofEntry) -> str | None:
    return f"the {entry.keyword} of the BOF" if entry.is_primary else None


def _remote(entry: BofEntry) -> Item:
    return Item(entry.name, entry.kind, "", None, FileOutcome.REMOTE)


def _item(source: Card, kind: FileKind, path: str, *, needed_as: str | None = None) -> Item:
    real = _resolved(source, kind, path)
    if real is None and needed_as is None:
        return Item(to_name(path), kind, path, None, FileOutcome.NOT_PRESENT)
    if real is None:
        what = f"{needed_as}, is not on {source.describe()}: save it there, or correct the name in the BOF."
        raise _missing(source, kind, path, what)
    with reading_source(source, to_name(real), kind):
        found = source.stat(real)
        if found is None:
            raise OSError(errno.ELOOP, "the name is there and leads to nothing")
        with source.open_read(real) as file:
            file.read(1)
    return Item(to_name(real), kind, real, found)


def _resolved(source: Card, kind: FileKind, path: str) -> str | None:
    flash = flash_of(path)
    with reading_source(source, to_name(path), kind):
        found = resolve(source, path)
        if found is None and source.stat(flash) is None and source.is_present():
            # Not to be taken for files that were deleted: the standby may have the last copies of them.
            detail = f"{flash}: is not there on {source.describe()}, and the BOF names {to_name(path)}."
            raise SyncError(Cause.SOURCE_UNREADABLE, detail, file=to_name(path), kind=kind)
        return found


def _missing(source: Card, kind: FileKind, path: str, what: str) -> SyncError:
    with reading_source(source, to_name(path), kind):
        if not source.is_present():
            return active_card_failed(source)
    name = to_name(path)
    return SyncError(Cause.SOURCE_MISSING, f"{name}, {what}", file=name, kind=kind)
