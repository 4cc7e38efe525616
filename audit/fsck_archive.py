"""Whether what a record says of its archive is so: the facts of files, versions of streams, rows left behind."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from audit.archive import segment_root
from audit.checking import EDITED, Damage, Finding
from audit.fsck_schema import check_schema
from audit.salvage import DamagedFile, Unreadable
from events.errors import RecordUnreadableError
from events.store.recorder import Row, Segment


def check_roots(folder: Path, segments: list[Segment], roots: dict[str, str]) -> Iterator[Finding]:
    """Whether each archived file has the facts that it was noted with; ``roots`` (hex) by the name of the file."""
    for segment in segments:
        path = folder / segment.file
        if not path.exists():
            continue
        try:
            root, wrong = segment_root(path, segment.first, segment.last), ""
        except RecordUnreadableError as error:
            root, wrong = "", str(error)
        yield from _schema(path, segment)
        if root != roots.get(segment.file):
            what = wrong or f"{path} does not have the facts that were archived: its root is another one"
            remedy = "restore this file from a copy"
            yield Finding(damage=Damage.ARCHIVE, first=segment.first, last=segment.last, what=what, remedy=remedy)


def _schema(path: Path, segment: Segment) -> Iterator[Finding]:
    try:
        with closing(DamagedFile(path)) as file:
            found = list(check_schema(file.schema(), file.version()))
    except sqlite3.Error:
        return  # it was said when the file was read
    for one in found:
        what = f"in {path}, {one.what}"
        yield replace(one, first=segment.first, last=segment.last, what=what, remedy="restore this file from a copy")


def check_leftovers(file: DamagedFile, folder: Path, segments: list[Segment]) -> Iterator[Finding]:
    """The rows at archived positions that are in the table still: left behind, or put there by somebody."""
    last, oldest = segments[-1].last if segments else 0, file.oldest()
    left: list[int] = []
    foreign: list[int] = []
    for batch in file.read(oldest - 1, last):
        if isinstance(batch, Unreadable):
            continue  # it was said when the file was read
        archived = _archived(folder, segments, batch[0][0] - 1, batch[-1][0])
        for row in batch:
            (left if archived.get(row[0], row) == row else foreign).append(row[0])
    if left:
        what = f"positions {left[0]} to {left[-1]} are archived and still in the table: an archiving process has died"
        remedy = "run understudy audit archive again: it removes them"
        yield Finding(damage=Damage.ARCHIVE, first=left[0], last=left[-1], what=what, remedy=remedy)
    if foreign:
        what = (
            f"rows in the table ({len(foreign)}, from position {foreign[0]} to {foreign[-1]}) "
            "are not those that were archived from there"
        )
        yield Finding(damage=Damage.OUT_OF_PLACE, first=foreign[0], last=foreign[-1], what=what, remedy=EDITED)


def _archived(folder: Path, segments: list[Segment], after: int, until: int) -> dict[int, Row]:
    rows: dict[int, Row] = {}
    for segment in segments:
        path = folder / segment.file
        if segment.last <= after or segment.first > until or not path.exists():
            continue
        try:
            with closing(DamagedFile(path)) as archived:
                rows |= _found(archived, max(after, segment.first - 1), min(until, segment.last))
        except sqlite3.Error:
            continue  # it was said when the file was read
    return rows


def _found(file: DamagedFile, after: int, until: int) -> dict[int, Row]:
    batches = file.read(after, until)
    return {row[0]: row for batch in batches if not isinstance(batch, Unreadable) for row in batch}


class ArchivedStreams:
    """Is shown all rows, and compares the newest archived version of each stream with what the record says it is.

    Whatever reads a stream goes by that: with another number, facts that are all there are not read.
    """

    def __init__(self, segments: list[Segment]) -> None:
        self._last = segments[-1].last if segments else 0
        self._seen = 0
        self._newest: dict[str, int] = {}

    def see(self, rows: list[Row]) -> None:
        """The next rows, in the order of their positions."""
        if rows[0][0] > self._last:
            return
        for position, stream, version, *_ in rows:
            if position > self._last:
                break
            self._seen += 1
            self._newest[stream] = version

    def check(self, file: DamagedFile) -> Iterator[Finding]:
        """What the record says otherwise; nothing where archived facts could not be read."""
        if not self._last or self._seen != self._last:
            return
        try:
            said = file.archived_streams()
        except sqlite3.Error as error:
            yield self._finding(f"what the record knows of archived streams cannot be read: {error}")
            return
        for stream in sorted({*said, *self._newest}, key=str):
            if said.get(stream) != self._newest.get(stream):
                yield self._finding(
                    f"the newest archived version of {stream!r} is {self._newest.get(stream, 0)}, "
                    f"and the record says {said.get(stream, 0)}: facts of it are not read, or twice"
                )

    def _finding(self, what: str) -> Finding:
        return Finding(damage=Damage.ARCHIVE, first=1, last=self._last, what=what, remedy=EDITED)
