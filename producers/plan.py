"""What an attempt has to do on the standby: which files differ, what is there instead, and whether there is room."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from events.causes import Cause
from events.facts import FileKind, FileOutcome, FileResult
from producers.cards.card import Card, Entry, Space, Tick
from producers.cards.names import alike, flash_of, parent_of, to_name
from producers.failure import SyncError, asking_standby, is_connection_failure, reading_source, standby_failure
from producers.manifest import Item, Manifest, is_image


@dataclass(frozen=True, slots=True)
class Copy:
    """A file to copy: where to on the standby, and whether a file with that name is there now.

    ``known_sha256`` is the source's digest, where the comparison had to read it.
    """

    item: Item
    target: str
    is_taken: bool
    known_sha256: str | None

    @property
    def size(self) -> int:
        """Bytes to copy."""
        return 0 if self.item.stat is None else self.item.stat.size


@dataclass(frozen=True, slots=True)
class Removal:
    """A file of the standby that the active card does not have."""

    path: str
    kind: FileKind
    size: int


@dataclass(slots=True)
class Plan:
    """All that an attempt has to do; ``trouble`` is why a part of the standby could not be seen, and fails the copy."""

    copies: list[Copy] = field(default_factory=list[Copy])
    removals: list[Removal] = field(default_factory=list[Removal])
    results: dict[str, FileResult] = field(default_factory=dict[str, FileResult])
    trouble: SyncError | None = None

    @property
    def flashes(self) -> tuple[str, ...]:
        """The flashes of the standby that are written to."""
        paths = [copy.target for copy in self.copies] + [removal.path for removal in self.removals]
        return tuple(sorted({flash_of(path) for path in paths}))


def compare(source: Card, standby: Card, manifest: Manifest, tick: Tick) -> Plan:
    """Find what differs, without writing: size first, then SHA-256; a standby file that cannot be read differs.

    Raises:
        SyncError: source-unreadable, or the standby cannot be asked any more.
    """
    return _Comparison(source, standby, manifest, tick).plan()


def check_room(standby: Card, plan: Plan) -> None:
    """See that the standby has room for all copies beside what it has, since nothing is replaced before all is copied.

    Raises:
        SyncError: no-space, with what is needed and what is free; or a flash of the standby cannot be asked.
    """
    needed: dict[str, int] = {}
    room: dict[str, Space] = {}
    for flash in plan.flashes:
        with asking_standby(standby):
            room[flash] = space = standby.space(flash)
        size = sum(copy.size for copy in plan.copies if flash_of(copy.target) == flash)
        needed[space.pool] = needed.get(space.pool, 0) + size
    for flash, space in room.items():
        free = max(other.free for other in room.values() if other.pool == space.pool)
        if needed[space.pool] > free:
            detail = f"{flash}: of {standby.describe()} has {free} bytes free, and {needed[space.pool]} are needed."
            raise SyncError(Cause.NO_SPACE, detail)


class _Comparison:
    def __init__(self, source: Card, standby: Card, manifest: Manifest, tick: Tick) -> None:
        self._source = source
        self._standby = standby
        self._manifest = manifest
        self._tick = tick
        self._plan = Plan()
        self._listings: dict[str, dict[str, Entry]] = {}

    def plan(self) -> Plan:
        for item in self._manifest.items:
            if item.stat is not None:
                self._present(item)
            elif item.outcome is FileOutcome.NOT_PRESENT:
                self._absent(item)
            else:
                self._result(item, FileOutcome.REMOTE)
        for folder in self._manifest.image_folders:
            self._extra_images(folder)
        return self._plan

    def _present(self, item: Item) -> None:
        target, found = self._find(item.path)
        sha256 = None
        if found and not found[0].is_dir and item.stat is not None and found[0].size == item.stat.size:
            sha256, theirs = self._digests(item, target)
            if sha256 == theirs:
                self._result(item, FileOutcome.UNCHANGED, sha256)
        if item.name not in self._plan.results:
            self._plan.copies.append(Copy(item, target, bool(found), sha256))
        self._remove(item.kind, parent_of(target), found[1:])

    def _absent(self, item: Item) -> None:
        target, found = self._find(item.path)
        self._remove(item.kind, parent_of(target), found)
        if all(entry.is_dir for entry in found):
            self._result(item, FileOutcome.NOT_PRESENT)

    def _extra_images(self, folder: str) -> None:
        here, found = self._find(folder)
        if not found or not found[0].is_dir:
            return
        wanted = {item.path.casefold() for item in self._manifest.present}
        extra = [
            entry
            for entry in self._names(here).values()
            if is_image(entry.name) and f"{folder}/{entry.name}".casefold() not in wanted
        ]
        self._remove(FileKind.IMAGE, here, extra)

    def _remove(self, kind: FileKind, folder: str, entries: list[Entry]) -> None:
        known = {removal.path for removal in self._plan.removals}
        for entry in entries:
            path = f"{folder}/{entry.name}"
            if path not in known and not entry.is_dir:
                self._see_that_it_was_deleted(kind, path)
                self._plan.removals.append(Removal(path, kind, entry.size))

    def _see_that_it_was_deleted(self, kind: FileKind, path: str) -> None:
        """A flash with nothing on it may be one that is not mounted: the standby may have the last copies."""
        flash, name = flash_of(path), to_name(path)
        with reading_source(self._source, name, kind):
            if self._source.entries(flash):
                return
        detail = f"{flash}: of {self._source.describe()} is empty, and {self._standby.describe()} has {name}: "
        detail += "is it mounted? If the file is to go, remove it from the standby, too."
        raise SyncError(Cause.SOURCE_UNREADABLE, detail, file=name, kind=kind)

    def _result(self, item: Item, outcome: FileOutcome, sha256: str | None = None) -> None:
        self._plan.results[item.name] = item.result(outcome, sha256)

    def _find(self, path: str) -> tuple[str, list[Entry]]:
        """Where a path of the source is on the standby, and what is there: the file to be, then those alike."""
        real, *parts = path.split("/")
        found: list[Entry] = []
        for part in parts:
            names = self._names(real)
            found = [names[name] for name in alike(names, part)]
            real = f"{real}/{found[0].name if found else part}"
        return real, found

    def _names(self, folder: str) -> dict[str, Entry]:
        if folder not in self._listings:
            self._listings[folder] = self._list(folder)
        return self._listings[folder]

    def _list(self, folder: str) -> dict[str, Entry]:
        try:
            return {entry.name: entry for entry in self._standby.entries(folder)}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            with asking_standby(self._standby):
                if is_connection_failure(error):
                    raise
            self._plan.trouble = self._plan.trouble or standby_failure(self._standby, error, to_name(folder))
            return {}

    def _digests(self, item: Item, target: str) -> tuple[str, str | None]:
        with ThreadPoolExecutor(max_workers=1) as worker:
            theirs = worker.submit(self._standby_digest, target)
            with reading_source(self._source, item.name, item.kind):
                ours = self._source.digest(item.path, self._tick)
            return ours, theirs.result()

    def _standby_digest(self, path: str) -> str | None:
        try:
            return self._standby.digest(path, self._tick)
        except OSError as error:
            with asking_standby(self._standby):
                if is_connection_failure(error):
                    raise
            return None
