"""A whole record from a damaged one and a backup: what the one has lost, the other may have."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from audit.checking import Walk
from audit.fsck import Progress, check_file
from audit.salvage import DamagedFile, Unreadable
from events.codec import decode
from events.errors import CommandRefusedError, EventDecodeError, UnderstudyError
from events.facts import AUDIT_STREAM, EvidenceExported, ReadNoted, RecordVerified
from events.store import Record
from events.store.recorder import Row
from events.store.row_files import AT_ONCE, count_rows, link_in_place, new_file, write_rows
from events.store.sqlite import TABLES

_WRITE_BITS = 0o222
_READINGS = frozenset({ReadNoted.TYPE, RecordVerified.TYPE, EvidenceExported.TYPE})


class NotMendedError(UnderstudyError):
    """The two do not make a whole record; nothing was written."""


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was put together and checked: how many facts it has, and how many of them are from the backup.

    ``left_out`` are readings at the end of the backup that may be of the backup itself and not of the record.
    """

    file: str
    facts: int
    from_backup: int
    left_out: int


def mend(damaged: Path, backup: Record, target: Path, *, progress: Progress = lambda _done, _goal: None) -> Mended:
    """Writes ``target``, a new record: the facts of ``damaged`` that can be read, those of ``backup`` for the others.

    Of a backup that could be written, the readings at its end do not count: they may be of whoever looked into it.

    Raises:
        CommandRefusedError: ``target`` is there, also if another process has made it meanwhile.
        NotMendedError: a fact is in neither, or they differ, so that one of them is of another record or was edited.
    """
    if target.exists():
        raise CommandRefusedError(f"{target} is there already; name another file")
    if not target.parent.is_dir():
        raise CommandRefusedError(f"there is no folder {target.parent} to write {target.name} to")
    end = _end(backup)
    try:
        with new_file(target) as partial:
            with closing(DamagedFile(damaged)) as file:
                merge = _Merge(backup, end, max(file.newest(), end), progress)
                write_rows(partial, TABLES, merge.rows(_readable(file, damaged.parent)))
            facts = _sound(partial)
            link_in_place(partial, target)
        if count_rows(target) != facts:
            raise NotMendedError(f"{target} is not what was written: another process has replaced it")
    except FileExistsError as error:
        raise CommandRefusedError(f"{target} is there already; name another file") from error
    except (sqlite3.Error, OSError) as error:
        raise NotMendedError(f"{target} cannot be written: {error}") from error
    left_out = backup.head() - end
    return Mended(file=str(target), facts=facts, from_backup=merge.from_backup, left_out=left_out)


def _sound(made: Path) -> int:
    """How many facts a record has of which nothing is wrong."""
    report = check_file(made)
    if not report.sound:
        raise NotMendedError(f"the two do not make a whole record: {report.findings[0].what}")
    return report.whole


def _end(backup: Record) -> int:
    """The last position of a backup that is surely one of the record."""
    last, place = backup.head(), Path(backup.place)
    if not place.is_file() or not place.stat().st_mode & _WRITE_BITS:
        return last
    while last:
        rows = backup.recorder.select_rows(after=max(0, last - AT_ONCE), limit=None, stop=last)
        for position, chassis, _version, name, _body in reversed(rows):
            if chassis != AUDIT_STREAM or name not in _READINGS:
                return position
        last = max(0, last - AT_ONCE)
    return 0


class _Merge:
    """Puts the rows of two records together, in the order of their positions."""

    def __init__(self, backup: Record, end: int, head: int, progress: Progress) -> None:
        self.from_backup = 0
        self._backup = backup
        self._end = end
        self._head = head
        self._progress = progress
        self._next = 1
        self._walk = Walk()

    def rows(self, readable: Iterable[list[Row]]) -> Iterator[list[Row]]:
        for rows in readable:
            yield from self._fill(rows[0][0] - 1)
            known = self._known(rows[0][0], rows[-1][0])
            sound = {row[0]: row for row in rows if _decodes(row)}
            wrong = {one.first for one in self._walk.see(rows)}
            for position in known.keys() & sound.keys():
                if known[position] == sound[position]:
                    continue
                if position not in wrong:
                    raise NotMendedError(
                        f"position {position} is whole in both and not the same: "
                        "one of them is of another record, or was edited"
                    )
                del sound[position]
            yield self._whole(rows[0][0], rows[-1][0], known | sound)
            self.from_backup += len(known.keys() - sound.keys())
        yield from self._fill(self._head)

    def _fill(self, until: int) -> Iterator[list[Row]]:
        while self._next <= until:
            first, last = self._next, min(until, self._next + AT_ONCE - 1)
            yield self._whole(first, last, self._known(first, last))
            self.from_backup += last - first + 1

    def _known(self, first: int, last: int) -> dict[int, Row]:
        found = self._backup.recorder.select_rows(after=first - 1, limit=None, stop=min(last, self._end))
        return {row[0]: row for row in found}

    def _whole(self, first: int, last: int, found: dict[int, Row]) -> list[Row]:
        for position in range(first, last + 1):
            if position not in found:
                raise NotMendedError(f"position {position} is whole in neither of the two{self._doubt(position)}")
        self._next = last + 1
        self._progress(last, self._head)
        return [found[position] for position in range(first, last + 1)]

    def _doubt(self, position: int) -> str:
        if not self._end < position <= self._backup.head():
            return ""
        return (
            "; the backup has a reading there, which may be of the backup itself: "
            "if nobody has ever looked into it, chmod a-w it and try again"
        )


def _readable(file: DamagedFile, folder: Path) -> Iterator[list[Row]]:
    newest, begin = file.newest(), 0
    for segment in file.segments():
        if (folder / segment.file).exists():
            with closing(DamagedFile(folder / segment.file)) as archived:
                yield from _rows(archived.read(begin, segment.last))
        begin = segment.last
    yield from _rows(file.read(begin, newest))


def _rows(found: Iterable[list[Row] | Unreadable]) -> Iterator[list[Row]]:
    yield from (batch for batch in found if not isinstance(batch, Unreadable))


def _decodes(row: Row) -> bool:
    position, chassis, version, name, body = row
    try:
        decode(name, body, chassis=chassis, version=version, position=position)
    except (EventDecodeError, TypeError):
        return False
    return True
