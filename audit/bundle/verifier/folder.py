"""A bundle in the folder that it was unpacked into."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from audit.bundle.verifier.members import Member, Progress, differences, pieces
from audit.bundle.verifier.signing import Wrong


class Folder:
    """The members as files of a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, name: str) -> BinaryIO:
        """A member, for reading.

        Raises:
            Wrong: it is missing.
        """
        try:
            return (self.path / name).open("rb")
        except OSError as error:
            raise Wrong(f"{name}: {error.strerror}") from error

    def check(self, members: list[Member], progress: Progress) -> Iterator[str]:
        """Says what is wrong with the files: missing, of another size, of other content, or not of the bundle."""
        done, goal = 0, sum(member.size for member in members)
        for member in members:
            try:
                with self.open(member.name) as file:
                    digest, size = hashlib.sha256(), 0
                    for piece in pieces(file):
                        digest.update(piece)
                        size += len(piece)
                        progress("reading", done + size, goal)
            except Wrong as wrong:
                yield str(wrong)
                continue
            done += size
            yield from differences(member, size, digest.hexdigest())
        yield from self._unlisted({member.name for member in members})

    def _unlisted(self, listed: set[str]) -> Iterator[str]:
        """Whoever looks into the folder takes all that is in it for evidence."""
        for folder, folders, files in os.walk(self.path, onerror=_raise):
            folders.sort()
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118 - as os.walk names them
            for name in sorted(files + links):
                found = Path(folder, name).relative_to(self.path).as_posix()
                if found not in listed:
                    yield f"{found}: the manifest does not name it (a bundle is unpacked into a folder of its own)"

    def layout(self) -> str:
        """What was checked, in words."""
        return "every file is as the manifest says, and there is no other"


def _raise(error: OSError) -> None:
    raise error
