"""Making a checkpoint in a process of its own, so that hashing takes nothing from those who append.

``python -m audit.notary_apart`` reads a ``Task`` as JSON from its standard input, and prints the note; what goes wrong
is one line on standard error, and exit code 1. A place may have a password, which is why it is not an argument.
"""

import os
import subprocess
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from audit.notary import NotaryError, make_checkpoint
from audit.notes_checkpoint import SignedCheckpoint, parse_checkpoint
from events.errors import UnderstudyError
from events.store import Record
from events.store.place import Place, parse_place

_NICENESS = 10


class Task(msgspec.Struct, frozen=True):
    """What the process is to do; see ``make_checkpoint``."""

    home: str
    place: str
    origin: str | None = None


class Apart:
    """One such process; ``stop`` ends it from another thread."""

    def __init__(self, home: Path, place: Place, origin: str | None = None) -> None:
        # -P: the folder in which the program is started is not a place to import from.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "audit.notary_apart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is meant for the program, which ends this one itself
        )
        self._task = msgspec.json.encode(Task(str(home), str(place), origin))

    def wait(self) -> SignedCheckpoint:
        """The checkpoint.

        Raises:
            NotaryError: it was not made; the message says why.
        """
        with self._process as process:
            note, said = process.communicate(self._task)
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines() or [f"it ended with {process.returncode}"]
            raise NotaryError(lines[-1])
        return parse_checkpoint(note.decode())

    def stop(self) -> None:
        """Ends it; whatever it has written stays whole."""
        self._process.terminate()


def main() -> int:
    """Does the task; returns the exit code."""
    with suppress(OSError):  # a hardened service may not change its priority
        os.nice(_NICENESS)
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    try:
        with closing(Record(parse_place(task.place), lambda: datetime.now(UTC), create=False)) as record:
            signed = make_checkpoint(Path(task.home), record, origin=task.origin)
    except (UnderstudyError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(signed.note.whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
