"""The notary's key: ``notary.key`` in the home, for its owner alone, made at first use; ``notary.pub`` verifies it."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from audit.notes import NoteError, SigningKey, VerifierKey, parse_signing_key, parse_verifier_key

KEY, VERIFIER = "notary.key", "notary.pub"


def open_key(home: Path, origin: str | None) -> SigningKey:
    """The key of the log ``origin``, whichever that is if none is given; a new one where there is none yet.

    Raises:
        NoteError: the file is not a key, is one of another log, or everybody may read it.
    """
    path = home / KEY
    if origin is not None and not path.exists():
        _create(path, SigningKey.make(origin).text)
    key = _read(path)
    if origin not in {None, key.name}:
        raise NoteError(
            f"{path} is the key of {key.name}, but the record is {origin}: "
            "put the record of that key back, or move the key away to have a new one made"
        )
    if not (home / VERIFIER).exists():
        _create(home / VERIFIER, key.verifier.text, mode=0o644)
    return key


def replace_key(home: Path, origin: str) -> SigningKey:
    """Makes a key of the log ``origin`` in the place of the one that is there, which somebody has to have kept."""
    # Without it, the verifier key is made from whichever key is there: at no moment do the two not fit.
    (home / VERIFIER).unlink(missing_ok=True)
    (home / KEY).unlink(missing_ok=True)
    return open_key(home, origin)


def pinned_key(home: Path) -> VerifierKey | None:
    """The verifier key of the home; none where nothing was ever signed there.

    Raises:
        NoteError: the file is not a verifier key.
    """
    path = home / VERIFIER
    try:
        return parse_verifier_key(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (NoteError, UnicodeDecodeError) as error:
        raise NoteError(f"{path}: {error}") from error


def _read(path: Path) -> SigningKey:
    if path.stat().st_mode & stat.S_IRWXO:
        raise NoteError(f"everybody may read or write {path}: chmod 600 it, and think of who has read it")
    try:
        return parse_signing_key(path.read_text(encoding="utf-8"))
    except (NoteError, UnicodeDecodeError) as error:
        raise NoteError(f"{path}: {error}") from error


def _create(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Makes a file, whole or not at all; where another process was faster, that one's stays."""
    descriptor, beside = mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, mode)
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process has just made its own
            Path(path).hardlink_to(beside)
    finally:
        Path(beside).unlink()
