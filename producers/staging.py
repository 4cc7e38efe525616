r"""Where an attempt keeps its files on the standby until they are put in place: ``cf3/.understudy/<attempt>``.

Each flash that is written has such a folder, on its own file system, with the new files (``new/``), the earlier ones
(``old/``) and a journal of what is done with them. A number stands for a file; the journal knows its name. The folder
stays after a success until ``discard``: if the process dies before the outcome is recorded, ``recover`` undoes it all.
"""

from collections.abc import Callable, Iterable

from producers.cards.card import FLASHES, Card
from producers.failure import asking_standby, reason, writing_standby
from producers.journal import NAMES, read_journal
from producers.rollback import is_folder, roll_back

_HOME = ".understudy"


def staging_folder(flash: str, attempt: int) -> str:
    """The folder of an attempt on a flash."""
    return f"{flash}/{_HOME}/{attempt}"


def staged_file(flash: str, attempt: int, number: int) -> str:
    """Where a copied file waits."""
    return f"{staging_folder(flash, attempt)}/new/{number}"


def make_staging(standby: Card, attempt: int, flashes: Iterable[str]) -> None:
    """Make the folders of an attempt. What a failure leaves behind, ``remove_staging`` takes away."""
    for flash in flashes:
        if standby.stat(f"{flash}/{_HOME}") is None:
            standby.make_folder(f"{flash}/{_HOME}")
        folder = staging_folder(flash, attempt)
        for path in (folder, f"{folder}/new", f"{folder}/old"):
            standby.make_folder(path)
        for path in (folder, f"{flash}/{_HOME}", flash):
            standby.sync_folder(path)


def sync_staging(standby: Card, attempt: int, flashes: Iterable[str]) -> None:
    """Flush the names of the copied files to the disk."""
    for flash in flashes:
        standby.sync_folder(f"{staging_folder(flash, attempt)}/new")


def remove_staging(standby: Card, attempt: int) -> None:
    """Remove the folders of an attempt; the journal first, since without it nothing is ever undone.

    Raises:
        OSError: what kept a part of it from being removed; the rest can be removed later.
    """
    for flash in FLASHES:
        if standby.stat(staging_folder(flash, attempt)) is not None:
            _remove_folder(standby, staging_folder(flash, attempt))
        _remove_home_if_empty(standby, flash)


def discard(standby: Card, attempt: int) -> None:
    """Give up the earlier files of an attempt; to be called when its success is durably recorded.

    If the process dies before, the room that they take is given back by the next ``recover``.

    Raises:
        SyncError: the standby could not be written; ``recover`` tries again.
    """
    standby.connect()
    with writing_standby(standby):
        remove_staging(standby, attempt)


def recover(standby: Card, succeeded: Callable[[int], bool]) -> list[int]:
    """Clear up after attempts that died, or whose standby was lost: undo each unless it has ``succeeded``.

    To be called before an attempt, while no other runs on this chassis. It may be killed and called again. Returns the
    attempts that were undone, newest first; an absent standby, or one not in service, has none.

    Raises:
        SyncError: the standby cannot be reached, or not be brought back to its earlier state.
    """
    standby.connect()
    with asking_standby(standby):
        if not standby.is_present() or standby.check_in_service() is not None:
            return []
        attempts = _attempts_left(standby)
    undone: list[int] = []
    for attempt in attempts:
        with writing_standby(standby):
            if not succeeded(attempt):
                undo(standby, attempt)
                undone.append(attempt)
            remove_staging(standby, attempt)
    with writing_standby(standby):
        for flash in FLASHES:
            _remove_home_if_empty(standby, flash)
    return undone


def give_up(standby: Card, attempt: int) -> str:
    """Undo an attempt that failed; returns nothing, or a sentence for its detail if ``recover`` has to do it later."""
    try:
        undo(standby, attempt)
        remove_staging(standby, attempt)
    except OSError as error:
        return f" What it wrote could not be taken back yet ({reason(error)}); the next attempt begins with that."
    return ""


def undo(standby: Card, attempt: int) -> None:
    """Put back what an attempt has put in place so far. It may be interrupted and done again.

    Raises:
        OSError: the standby could not be read or written.
    """
    for flash in FLASHES:
        folder = staging_folder(flash, attempt)
        journal = read_journal(standby, folder, flash)
        if journal is not None:
            roll_back(standby, journal, folder)


def _attempts_left(standby: Card) -> list[int]:
    homes = [f"{flash}/{_HOME}" for flash in FLASHES if is_folder(standby, f"{flash}/{_HOME}")]
    names = {entry.name for home in homes for entry in standby.entries(home)}
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def _remove_folder(standby: Card, folder: str) -> None:
    for name in NAMES:
        if standby.stat(f"{folder}/{name}") is not None:
            standby.remove(f"{folder}/{name}")
            standby.sync_folder(folder)
    for part in (f"{folder}/new", f"{folder}/old"):
        if standby.stat(part) is not None:
            for entry in standby.entries(part):
                standby.remove(f"{part}/{entry.name}")
            standby.remove_folder(part)
    standby.remove_folder(folder)


def _remove_home_if_empty(standby: Card, flash: str) -> None:
    home = f"{flash}/{_HOME}"
    if is_folder(standby, home) and not standby.entries(home):
        standby.remove_folder(home)
        standby.sync_folder(flash)
