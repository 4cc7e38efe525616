"""Putting the copied files in place on the standby, so that either all are or none is.

If the process dies in here, the standby holds a mixture of old and new files, a journal of it on each flash, and every
old file still: ``producers.staging.recover`` puts them back.
"""

import errno

from events.causes import Cause
from events.facts import FileKind
from producers.cards.card import Card, NotSupportedError
from producers.cards.names import flash_of, parent_of, to_name
from producers.failure import SyncError, reason, standby_failure
from producers.journal import Action, Journal, Step, write_journal
from producers.plan import Plan
from producers.rollback import sync_folders
from producers.staging import staging_folder

_ORDER = [FileKind.IMAGE, FileKind.NVSYS, FileKind.BOOT_LOADER, FileKind.INDEX, FileKind.CONFIG, FileKind.BOF]
"""What is named goes first and what names it last, so the BOF never points at what is not there yet."""

_OF_PLACING = {Cause.IO_ERROR, Cause.PERMISSION_DENIED, Cause.FILE_TOO_LARGE}
"""What ``replace-failed`` stands for in this stage; another cause (a lost connection ...) says more."""


def activate(standby: Card, attempt: int, plan: Plan) -> None:
    """Put every staged file in its place, and take away what the active card does not have.

    The staged file of ``plan.copies[n]`` is number ``n``. The earlier files stay in the staging folders, also if it
    fails: ``producers.staging.give_up`` puts them back.

    Raises:
        SyncError: replace-failed, or what kept the standby from being written at all.
    """
    activation = _Activation(standby, attempt, plan)
    try:
        activation.run()
    except OSError as error:
        failure = standby_failure(standby, error, activation.at)
        if failure.cause not in _OF_PLACING:
            raise failure from error
        detail = f"{activation.at} could not be put in place on {standby.describe()}: {reason(error)}."
        raise SyncError(Cause.REPLACE_FAILED, detail, file=activation.at) from error


class _Activation:
    def __init__(self, standby: Card, attempt: int, plan: Plan) -> None:
        self._standby = standby
        self._attempt = attempt
        self._flashes = plan.flashes
        self._steps = _steps(plan)
        self._linked: set[int] = set()
        self.at: str | None = None

    def run(self) -> None:
        self._refuse_what_is_in_the_way()
        journals = [self._journal(flash) for flash in self._flashes]
        for journal in journals:
            write_journal(self._standby, staging_folder(journal.flash, self._attempt), journal)
        self._link_backups()
        for path in (path for journal in journals for path in journal.folders):
            self.at = to_name(path)
            self._standby.make_folder(path)
        for step in self._steps:
            self.at = to_name(step.path)
            self._place(step)
        for journal in journals:
            sync_folders(self._standby, journal)

    def _refuse_what_is_in_the_way(self) -> None:
        for step in self._steps:
            self.at = to_name(step.path)
            found = self._standby.stat(step.path)
            if found is not None and found.is_dir:
                raise IsADirectoryError(errno.EISDIR, "a folder is in the way")
            if found is not None and step.action is Action.ADD:
                raise FileExistsError(errno.EEXIST, "a file of that name has appeared")

    def _journal(self, flash: str) -> Journal:
        steps = tuple(step for step in self._steps if flash_of(step.path) == flash)
        folders: list[str] = []
        for step in steps:
            missing: list[str] = []
            parent = parent_of(step.path)
            while parent not in folders and self._standby.stat(parent) is None:
                missing.insert(0, parent)
                parent = parent_of(parent)
            folders += missing
        return Journal(attempt=self._attempt, flash=flash, folders=tuple(folders), steps=steps)

    def _link_backups(self) -> None:
        """A second name for each file to replace, so that its own name never stands empty, not for a moment."""
        for step in self._steps:
            if step.action is Action.REPLACE:
                self.at = to_name(step.path)
                try:
                    self._standby.link(step.path, self._backup(step))
                except NotSupportedError:
                    return  # then each is renamed just before it is replaced
                self._linked.add(step.number)
        for flash in self._flashes:
            self._standby.sync_folder(f"{staging_folder(flash, self._attempt)}/old")

    def _place(self, step: Step) -> None:
        if step.action is not Action.ADD and step.number not in self._linked:
            self._standby.replace(step.path, self._backup(step))
        if step.action is not Action.REMOVE:
            self._standby.replace(f"{self._folder(step)}/new/{step.number}", step.path)

    def _folder(self, step: Step) -> str:
        return staging_folder(flash_of(step.path), self._attempt)

    def _backup(self, step: Step) -> str:
        return f"{self._folder(step)}/old/{step.number}"


def _steps(plan: Plan) -> list[Step]:
    copies = sorted(enumerate(plan.copies), key=lambda pair: _ORDER.index(pair[1].item.kind))
    steps = [Step(Action.REPLACE if copy.is_taken else Action.ADD, copy.target, number) for number, copy in copies]
    removals = enumerate(plan.removals, start=len(steps))
    return steps + [Step(Action.REMOVE, removal.path, number) for number, removal in removals]
