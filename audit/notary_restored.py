"""Going on after a backup was put in the place of the record: what was signed before is kept aside, a new log begins.

The record then has another end than the one that was signed, and rightly so. Nothing can be signed on top of that: the
new log has a name and a key of its own, so that no key ever signs two histories.
"""

import os
import shutil
from datetime import datetime
from pathlib import Path

import msgspec

from audit.notary import NotaryError, original
from audit.notary_key import KEY, VERIFIER, pinned_key, replace_key
from audit.tree import FILE, discard
from audit.verification_answer import Answer, Restored, Verification
from audit.witnesses import BESIDE, DIGITS, ENDING
from events.errors import CommandRefusedError

BEFORE = "before-restore-"
NOTE = "restored.json"


def restores(home: Path) -> list[Restored]:
    """The restores after which a log began anew, the oldest first.

    Raises:
        NotaryError: what was noted of one cannot be read.
    """
    return [_read(folder / NOTE) for folder in _folders(home) if (folder / NOTE).exists()]


def refuse_unless_restored(found: Verification) -> None:
    """Refuses a new log where the record is what was signed, or nothing was signed.

    Raises:
        CommandRefusedError: no new log is needed.
    """
    if not found.key:
        raise CommandRefusedError("nothing was ever signed here: understudy audit checkpoint begins the log")
    if Answer.FAILS not in {found.integrity.answer, found.completeness.answer}:
        raise CommandRefusedError(
            "the record goes on from what was signed, no new log is needed; leave --after-restore"
        )


def begin_anew(home: Path, found: Verification, *, reason: str, operator: str, at: datetime) -> Restored:
    """Moves checkpoints and keys to ``checkpoints/before-restore-N``, makes a new key, and forgets the tree.

    ``found`` is what a verification by the old checkpoints says of the record. Whatever ends this before it is done,
    the next checkpoint is refused or one of the old log, and it can be done again.

    Raises:
        NotaryError: something there cannot be read.
        OSError: something cannot be written.
    """
    key = pinned_key(home)
    if key is None:
        raise NotaryError(f"there is no {home / VERIFIER}")
    number = 1 + max((_number(folder) for folder in _folders(home)), default=0)
    folder = home / BESIDE / f"{BEFORE}{number}"
    agreed = min(found.sealed, found.first_wrong - 1) if found.first_wrong else found.sealed
    restored = Restored(
        at=at,
        operator=operator,
        reason=reason,
        size=found.size,
        agreed=agreed,
        origin=key.name,
        folder=str(folder.relative_to(home)),
        log=f"{original(key.name)}/restored-{number}",
    )
    folder.mkdir(parents=True)
    for name in (KEY, VERIFIER):
        if (home / name).exists():
            shutil.copy2(home / name, folder / name)
    (folder / NOTE).write_bytes(msgspec.json.format(msgspec.json.encode(restored)) + b"\n")
    replace_key(home, restored.log)
    for note in (home / BESIDE).glob("[0-9]" * DIGITS + ENDING):
        note.rename(folder / note.name)
    _flush(folder, folder.parent, home)
    discard(home / FILE)
    return restored


def _folders(home: Path) -> list[Path]:
    found = [one for one in (home / BESIDE).glob(f"{BEFORE}*") if one.name.removeprefix(BEFORE).isdigit()]
    return sorted(found, key=_number)


def _number(folder: Path) -> int:
    return int(folder.name.removeprefix(BEFORE))


def _read(path: Path) -> Restored:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Restored)
    except (OSError, msgspec.MsgspecError) as error:
        raise NotaryError(f"{path} cannot be read: {error}") from error


def _flush(*folders: Path) -> None:
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
