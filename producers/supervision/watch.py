"""Noticing that files of the active card were saved or deleted: told by the kernel, or by looking again."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, Self

from watchfiles import Change, watch

from events.causes import Scope
from producers.cards.card import Card
from producers.failure import SyncError
from producers.manifest import gather
from producers.probe import out_of_step, snapshot

Seen = dict[str, object]
"""Router file name -> what tells one content from another."""


class Trouble(NamedTuple):
    """Why the files of a scope cannot be listed: a BOF that is not valid, or a missing file that it names."""

    scope: Scope
    file: str
    detail: str


class Snapshot(NamedTuple):
    """The files of the active card that a synchronisation covers; ``config`` names those of the config scope."""

    files: Seen
    config: frozenset[str]
    trouble: Trouble | None = None


def take_snapshot(card: Card, before: Snapshot | None) -> Snapshot | None:
    """What the active card has now, or as it was ``before`` with the trouble that keeps us from seeing it.

    None where the card itself cannot be read: the next look at the card tells.
    """
    known = before or Snapshot({}, frozenset())
    scope = Scope.CONFIG
    try:
        config = snapshot(card, scope)
        # What keeps us from seeing the images must not hide a configuration that is saved.
        others = {name: seen for name, seen in known.files.items() if name not in known.config}
        known = Snapshot({**others, **config}, frozenset(config))
        scope = Scope.BOOT_ENV
        return Snapshot({**snapshot(card, scope), **config}, frozenset(config))
    except SyncError as error:
        if error.file is None:
            return None
        return known._replace(trouble=Trouble(scope, error.file, error.detail))
    except OSError:
        return None


def changes(before: Snapshot, after: Snapshot) -> dict[Scope, tuple[str, ...]]:
    """The names that differ, by the smallest scope that covers them."""
    names = {*before.files, *after.files}
    changed = sorted(name for name in names if before.files.get(name) != after.files.get(name))
    found = by_scope(changed, before.config | after.config)
    if after.trouble is not None and after.trouble != before.trouble:
        scope, file = after.trouble.scope, after.trouble.file
        found[scope] = (*(name for name in found.get(scope, ()) if name != file), file)
    return found


def by_scope(names: Iterable[str], config: frozenset[str]) -> dict[Scope, tuple[str, ...]]:
    """The names under the smallest scope that covers each; ``config`` has those of the config scope."""
    found = {
        Scope.CONFIG: tuple(name for name in names if name in config),
        Scope.BOOT_ENV: tuple(name for name in names if name not in config),
    }
    return {scope: names for scope, names in found.items() if names}


def out_of_step_by_scope(active: Card, standby: Card) -> dict[Scope, tuple[str, ...]]:
    """The router names of the files in which the cards differ, by the smallest scope that covers them."""
    differing = out_of_step(active, standby)
    # With the files that the active card does not have: what the standby has of those is out of step too.
    config = {item.name.casefold() for item in gather(active, Scope.CONFIG).items}
    return by_scope(differing, frozenset(name for name in differing if name.casefold() in config))


class FolderWatch:
    """Calls ``wake`` when the kernel tells of a change below a folder, and it has been quiet for a moment.

    Between ``start`` and ``close`` it has a thread. A folder that cannot be watched is none: supervision looks again
    at every probe anyway.
    """

    def __init__(self, folder: Path, wake: Callable[[], None], *, settling: float) -> None:
        self._folder = folder
        self._wake = wake
        self._quiet_ms = max(1, round(settling * 1000))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{folder.name}", daemon=True)
        self._identity = _identity(folder)

    def start(self) -> Self:
        """Begins to watch."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stops watching."""
        self._stop.set()
        self._thread.join()

    def holds(self) -> bool:
        """Whether it watches the folder that is there now; the kernel tells nothing of one put in its place."""
        return self._thread.is_alive() and _identity(self._folder) == self._identity

    def _run(self) -> None:
        try:
            for seen in watch(
                self._folder, watch_filter=None, stop_event=self._stop, step=self._quiet_ms, rust_timeout=100
            ):
                self._wake()
                if (Change.deleted, str(self._folder)) in seen:
                    return
        except (OSError, RuntimeError):  # the second is what watchfiles raises where it has no better error
            return  # the folder is gone, or cannot be watched: the next probe sees what is the matter


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
