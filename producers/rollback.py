"""Undoing an activation from its journal: after a failure, or after the process died in the middle of it."""

from producers.cards.card import Card
from producers.cards.names import parent_of
from producers.journal import Action, Journal


def roll_back(standby: Card, journal: Journal, folder: str) -> None:
    """Undo on one flash whatever has been done, from the staging ``folder``; to be undone twice does no harm.

    What tells how far it came are the files themselves: a backup that is there, a staged file that is not.

    Raises:
        OSError: the standby could not be read or written.
    """
    staged = {entry.name for entry in standby.entries(f"{folder}/new")}
    backups = {entry.name for entry in standby.entries(f"{folder}/old")}
    for step in reversed(journal.steps):
        number = str(step.number)
        if number in backups:
            standby.replace(f"{folder}/old/{number}", step.path)
        elif step.action is Action.ADD and number not in staged and standby.stat(step.path) is not None:
            standby.replace(step.path, f"{folder}/new/{number}")
    for path in reversed(journal.folders):
        if is_folder(standby, path) and not standby.entries(path):
            standby.remove_folder(path)
    sync_folders(standby, journal)


def sync_folders(standby: Card, journal: Journal) -> None:
    """Flush the names that a journal speaks of to the disk, outer folders last."""
    paths = [*journal.folders, *(step.path for step in journal.steps)]
    for folder in sorted({parent_of(path) for path in paths}, reverse=True):
        if is_folder(standby, folder):
            standby.sync_folder(folder)


def is_folder(card: Card, path: str) -> bool:
    """Whether a path leads to a folder."""
    found = card.stat(path)
    return found is not None and found.is_dir
