"""Who holds checkpoints: the folder beside the record, any other folder, any command; whoever else can hold a note.

A checkpoint proves something against those who can write to the record only if it is held where they cannot write.
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Protocol

import msgspec

from audit.notes import NoteError
from audit.notes_checkpoint import SignedCheckpoint, parse_checkpoint
from events.errors import UnderstudyError

BESIDE = "checkpoints"
"""The folder in the home."""
DIGITS, ENDING = 20, ".note"
COMMAND_SECONDS = 60.0
"""How long a command may take."""

_FILE = re.compile(rf"[0-9]{{{DIGITS}}}{re.escape(ENDING)}")


class WitnessError(UnderstudyError):
    """A witness that did not take a checkpoint, or cannot be read; says which one and why."""


class Held(msgspec.Struct, frozen=True):
    """A note as a witness holds it, and where."""

    place: str
    note: str


class Witness(Protocol):
    """Takes checkpoints. ``name`` is how messages call it."""

    @property
    def name(self) -> str:
        """Of the witness, for people."""
        ...

    def hold(self, signed: SignedCheckpoint) -> None:
        """Takes a checkpoint; when this returns, it is kept. Taking the same one again changes nothing.

        Raises:
            WitnessError: it was not taken.
        """
        ...


class Reading(Protocol):
    """Gives back the checkpoints that a witness holds. ``name`` is how messages call it."""

    @property
    def name(self) -> str:
        """Of the witness, for people."""
        ...

    def held(self) -> Iterator[Held]:
        """All of them, or the newest one if it keeps no more.

        Raises:
            WitnessError: it cannot be read.
        """
        ...


class Folder:
    """A folder of notes, each named by the size of its tree: ``00000000000000000042.note``."""

    def __init__(self, path: Path, *, make: bool = False) -> None:
        """``make`` makes the folder when it is needed. Others' folders have to be there: they may not be mounted."""
        self.path = path
        self._make = make

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def hold(self, signed: SignedCheckpoint) -> None:
        """Writes a file for the checkpoint, whole or not at all. One that is there is never overwritten.

        Raises:
            WitnessError: it cannot be written, or another checkpoint of the same size is held there.
        """
        try:
            self._write(signed)
        except OSError as error:
            raise WitnessError(
                f"{error.filename or self.path}: {error.strerror}; the checkpoint is not there"
            ) from error

    def _write(self, signed: SignedCheckpoint) -> None:
        if self._make:
            self.path.mkdir(exist_ok=True)
        path = self.path / f"{signed.checkpoint.size:0{DIGITS}d}{ENDING}"
        if not path.exists():
            descriptor, beside = mkstemp(dir=self.path, prefix=".", suffix=ENDING)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    os.fchmod(descriptor, 0o644)
                    file.write(signed.note.whole)
                    file.flush()
                    os.fsync(descriptor)
                with suppress(FileExistsError):  # another process was faster; whether with the same one, is seen below
                    path.hardlink_to(beside)
            finally:
                Path(beside).unlink()
            self._flush()
        if _text(path) != signed.note.whole and not _is_same(path, signed):
            raise WitnessError(f"{path} is another checkpoint of as many facts: see understudy audit verify")

    def _flush(self) -> None:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def held(self) -> Iterator[Held]:
        """All notes, the oldest first; other files are not looked at.

        Raises:
            WitnessError: the folder cannot be read.
        """
        for path in self._files():
            yield Held(str(path), _text(path))

    def newest(self) -> Held | None:
        """The note with the largest size, if there is one.

        Raises:
            WitnessError: the folder cannot be read.
        """
        files = self._files()
        return Held(str(files[-1]), _text(files[-1])) if files else None

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self.path.iterdir() if _FILE.fullmatch(path.name))
        except FileNotFoundError as error:
            if self._make:
                return []
            raise WitnessError(f"there is no folder {self.path}") from error
        except OSError as error:
            raise WitnessError(f"{self.path} cannot be read: {error.strerror}") from error


class File:
    """One note in a file of any name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def held(self) -> Iterator[Held]:
        """The note.

        Raises:
            WitnessError: the file cannot be read.
        """
        yield Held(str(self.path), _text(self.path))


class Command:
    """A command of the shell that reads the note from its standard input.

    Its environment says how it may be called: ``UNDERSTUDY_CHECKPOINT`` is its name as a file.
    """

    def __init__(self, command: str, *, seconds: float = COMMAND_SECONDS) -> None:
        self.command = command
        self._seconds = seconds

    @property
    def name(self) -> str:
        """The command itself."""
        return self.command

    def hold(self, signed: SignedCheckpoint) -> None:
        """Runs the command.

        Raises:
            WitnessError: it could not be run, took too long, or did not exit with 0.
        """
        environment = {**os.environ, "UNDERSTUDY_CHECKPOINT": f"{signed.checkpoint.size:0{DIGITS}d}{ENDING}"}
        process = subprocess.Popen(  # noqa: S602 - running what the user names is what this is for
            self.command,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=environment,
        )
        with process:
            try:
                _, said = process.communicate(signed.note.whole.encode(), timeout=self._seconds)
            except subprocess.TimeoutExpired as error:
                os.killpg(process.pid, 9)
                raise WitnessError(f"{self.command!r} took more than {self._seconds:g} s and was ended") from error
        if process.returncode:
            why = said.decode(errors="replace").strip()[-300:]
            raise WitnessError(f"{self.command!r} exited with {process.returncode}{f': {why}' if why else ''}")


class Sent:
    """Whoever takes a note by a function of its own, such as a topic in Kafka."""

    def __init__(self, name: str, send: Callable[[str, str], object], *errors: type[Exception]) -> None:
        """``send`` gets the origin and the note; it raises one of ``errors`` where the note was not taken."""
        self.name = name
        self._send = send
        self._errors = errors

    def hold(self, signed: SignedCheckpoint) -> None:
        """Sends the note.

        Raises:
            WitnessError: it was not taken.
        """
        try:
            self._send(signed.checkpoint.origin, signed.note.whole)
        except self._errors as error:
            raise WitnessError(f"{self.name}: {error}") from error


class Fetched:
    """Whoever gives notes back by a function of its own; the counterpart of ``Sent``."""

    def __init__(self, place: str, fetch: Callable[[], Iterable[str]], *errors: type[Exception]) -> None:
        self.name = place
        self._fetch = fetch
        self._errors = errors

    def held(self) -> Iterator[Held]:
        """All notes that it gives.

        Raises:
            WitnessError: it cannot be read.
        """
        try:
            notes = list(self._fetch())
        except self._errors as error:
            raise WitnessError(f"{self.name}: {error}") from error
        for number, note in enumerate(notes, 1):
            yield Held(f"{self.name}, note {number}", note)


def reading(path: Path) -> Reading:
    """What reads the checkpoints in a folder, or the one in a file."""
    return Folder(path) if path.is_dir() else File(path)


def beside(home: Path) -> Folder:
    """The folder of checkpoints in a home."""
    return Folder(home / BESIDE, make=True)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise WitnessError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WitnessError(f"{path} is not a note but something else") from error


def _is_same(path: Path, signed: SignedCheckpoint) -> bool:
    """Whether the file says the same as the checkpoint, whoever has signed it besides."""
    try:
        return parse_checkpoint(_text(path)).checkpoint == signed.checkpoint
    except NoteError:
        return False
