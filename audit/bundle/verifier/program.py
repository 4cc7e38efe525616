"""The verifier as a program: which bundle is meant, what is printed, and the exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from audit.bundle.verifier.checks import SIGNED, Verification
from audit.bundle.verifier.findings import Part
from audit.bundle.verifier.members import MANIFEST
from audit.bundle.verifier.signing import Key, Wrong, parse_key

VERIFIED, NOT_VERIFIED, USAGE = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """Checks the bundle that is named, else the one that this stands in or beside; 0 verified, 1 not, 2 wrong usage."""
    streams: list[Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(
        description="Checks an evidence bundle; exits 0 if it is as it was signed, else 1."
    )
    parser.add_argument("bundle", nargs="?", type=Path, metavar="FILE.zip", help="or the folder that it is unpacked in")
    parser.add_argument("--key", metavar="VKEY", help="the key that has to have signed it: NAME+ID+BASE64, or its file")
    parser.add_argument(
        "--checkpoint", metavar="FILE", action="append", default=[], type=Path,
        help="a checkpoint that you hold; it has to be one of the bundle's",
    )  # fmt: skip
    asked = parser.parse_args(arguments)
    try:
        path = asked.bundle or find_bundle(Path(sys.argv[0]))
        pinned = None if asked.key is None else _key(asked.key)
        held = [file.read_bytes() for file in asked.checkpoint]
    except (OSError, Wrong) as error:
        parser.error(_printable(str(error)))
    return verify(path, pinned, held)


def find_bundle(program: Path) -> Path:
    """The bundle that a program belongs to: the zip file that it is, its folder, or the one zip file beside it.

    Raises:
        Wrong: there is none, or there are several.
    """
    if program.suffix != ".py":
        return program
    folder = program.resolve().parent
    if (folder / MANIFEST).exists():
        return folder
    beside = sorted(folder.glob("*.zip"))
    if len(beside) != 1:
        raise Wrong(f"there are {len(beside)} zip files beside {program}: name the one to check")
    return beside[0]


def verify(path: Path, pinned: Key | None, held: Sequence[bytes]) -> int:
    """Prints the verdicts on a bundle; returns the exit code."""
    failed: list[str] = []
    try:
        verification = Verification(path, pinned=pinned, held=list(held), progress=_show)
    except (OSError, Wrong) as error:
        _say(f"FAILED  {error}")
        _say("NOT VERIFIED: this is not a bundle, or its beginning is damaged.")
        return NOT_VERIFIED
    for part in _with_title(verification):
        _clear()
        for line in part.lines():
            _say(line)
        failed += [part.name] if part.wrong else []
    if failed:
        _say(f"NOT VERIFIED: {', '.join(failed)} failed.")
        return NOT_VERIFIED
    _say("VERIFIED." if pinned else "VERIFIED, with the bundle's own key; --key names the one that it should be.")
    return VERIFIED


def _with_title(verification: Verification) -> Iterator[Part]:
    """The verdicts; the title is printed before them, but not before it is known whether it is signed."""
    kept: list[Part] = []
    parts = verification.parts()
    for part in parts:
        kept.append(part)
        if part.name == SIGNED:
            break
    _clear()
    _say(verification.title())
    yield from kept
    yield from parts


def _printable(text: str) -> str:
    """Text of one line without what a terminal would obey: a bundle may hold anything."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _say(text: str) -> None:
    try:
        print(_printable(text), flush=True)  # noqa: T201 - a program of its own
    except BrokenPipeError:
        # Whoever reads has seen enough, as ``head`` has; the exit code is still to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _key(text: str) -> Key:
    path = Path(text)
    if "+" not in text or path.exists():
        text = path.read_text(encoding="utf-8")
    return parse_key(text.rstrip("\n"))


def _show(what: str, done: int, goal: int) -> None:
    if sys.stderr.isatty() and goal:
        sys.stderr.write(f"\r\x1b[2K{what}: {100 * done // goal} %")
        sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
