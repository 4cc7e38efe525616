"""Is the record whole? What is damaged, at which position, and how it is to be had back."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from audit.checking import FROM_A_COPY, Damage, Finding, Walk
from audit.fsck_archive import ArchivedStreams, check_leftovers, check_roots
from audit.fsck_schema import check_schema
from audit.salvage import DamagedFile, Unreadable
from events.codec import decode
from events.errors import EventDecodeError
from events.facts import AUDIT_STREAM, RecordArchived
from events.store import Record
from events.store.reading_only import is_left, reading_only
from events.store.recorder import Row, Segment
from events.store.row_files import AT_ONCE

_WITHOUT_THEM = "somebody or something has edited the file: understudy backup FILE makes a copy without these rows"
MOST_FINDINGS = 200
"""More are counted only: a file of which a part was overwritten may have a million."""

Progress = Callable[[int, int], object]
Projections = Callable[[], str]
"""Compares the projections with a rebuild; returns what is wrong, nothing if they are equal."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and what was found; ``whole`` facts are those that can be read, ``head`` the newest position.

    ``sqlite`` and ``projections`` say what came of these two checks, or why they were not made. So many findings as
    ``omitted`` says are not listed.
    """

    place: str
    head: int
    whole: int
    chassis: int
    archived: int
    sqlite: str
    projections: str
    findings: tuple[Finding, ...]
    omitted: int

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


class _Found:
    """The findings so far."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.omitted = 0

    def add(self, findings: Iterable[Finding]) -> None:
        for one in findings:
            if len(self.kept) < MOST_FINDINGS:
                self.kept.append(one)
            else:
                self.omitted += 1


def check_file(
    path: Path,
    *,
    quick: bool = False,
    projections: Projections | None = None,
    progress: Progress = lambda _done, _goal: None,
) -> Report:
    """Checks a record in SQLite, as far as its file can be read; also while it is in use. Nothing is written.

    ``quick`` leaves out whether SQLite's index has what the table has. ``projections`` are compared only where all
    facts are whole: from others they cannot be rebuilt.

    Raises:
        RecordNewerError: a newer program wrote the record.
    """
    found, walk = _Found(), Walk()
    try:
        with closing(DamagedFile(path)) as file:
            file.check_format()
            walk = Walk(cut=bool(file.cut))
            schema = [] if file.cut else list(check_schema(file.schema(), file.version()))
            head, segments = file.newest(), file.segments()
            roots: dict[str, str] = {}
            streams = ArchivedStreams(segments)
            for batch in _file_rows(file, path.parent, segments, head, found):
                _show(batch, walk, found, file, roots)
                if not isinstance(batch, Unreadable):
                    streams.see(batch)
                progress(min(walk.expected - 1, head), head)
            found.add(walk.end(head))
            found.add(_beside_the_facts(file, path.parent, segments, roots))
            found.add(streams.check(file))
            complaints = file.complaints(quick=quick)
    except sqlite3.Error as error:
        what = f"nothing in {path} can be read: {error}"
        remedy = "restore the record from a backup"
        if reading_only(path) and is_left(path):
            remedy = "its log lies beside it and cannot be used there: copy both to a folder that you may write to"
        found.add([Finding(damage=Damage.FILE, first=0, last=0, what=what, remedy=remedy)])
        return _report(str(path), walk, 0, [], str(error), "not compared: nothing can be read", found)
    if file.cut:
        found.add([_of_cut(file.cut, head)])
    else:
        found.add(_of_sqlite(complaints, facts_are_whole=not found.kept))
    said = _shortly(complaints) if complaints else "ok"
    compared = _compare(projections, found)
    # They say nothing about the facts, so the projections are compared all the same.
    found.add(schema)
    return _report(str(path), walk, head, segments, said, compared, found)


def check_record(
    record: Record, *, projections: Projections | None = None, progress: Progress = lambda _done, _goal: None
) -> Report:
    """Checks a record through its store; for one in PostgreSQL, whose server looks after its files."""
    found, walk, head = _Found(), Walk(), record.head()
    while walk.expected <= head:
        rows = record.recorder.select_rows(after=walk.expected - 1, limit=AT_ONCE, stop=head)
        if not rows:
            break
        found.add(walk.see(rows))
        progress(walk.expected - 1, head)
    found.add(walk.end(head))
    sqlite = "not checked: the record is in PostgreSQL"
    return _report(record.place, walk, head, [], sqlite, _compare(projections, found), found)


def _report(
    place: str, walk: Walk, head: int, segments: list[Segment], sqlite: str, projections: str, found: _Found
) -> Report:
    return Report(
        place=place,
        head=head,
        whole=walk.facts,
        chassis=walk.chassis,
        archived=segments[-1].last if segments else 0,
        sqlite=sqlite,
        projections=projections,
        findings=tuple(found.kept),
        omitted=found.omitted,
    )


def _file_rows(
    file: DamagedFile, folder: Path, segments: list[Segment], head: int, found: _Found
) -> Iterator[list[Row] | Unreadable]:
    """All that is found, from the archived segments on; neighbours that cannot be read come as one."""
    lost: Unreadable | None = None
    for batch in _parts(file, folder, segments, head, found):
        if isinstance(batch, Unreadable):
            if lost is not None and (lost.last + 1, lost.why) == (batch.first, batch.why):
                lost = lost._replace(last=batch.last)
                continue
            if lost is not None:
                yield lost
            lost = batch
            continue
        if lost is not None:
            yield lost
            lost = None
        yield batch
    if lost is not None:
        yield lost


def _parts(
    file: DamagedFile, folder: Path, segments: list[Segment], head: int, found: _Found
) -> Iterator[list[Row] | Unreadable]:
    for segment in segments:
        path = folder / segment.file
        if not path.exists():
            what = f"the file of positions {segment.first} to {segment.last} is not there: {path}"
            remedy = "put the file back, from where it was moved or from a copy"
            found.add(
                [Finding(damage=Damage.ARCHIVE, first=segment.first, last=segment.last, what=what, remedy=remedy)]
            )
            yield Unreadable(segment.first, segment.last, "their file is not there")
            continue
        try:
            with closing(DamagedFile(path)) as archived:
                yield from archived.read(segment.first - 1, segment.last)
        except sqlite3.Error as error:
            yield Unreadable(segment.first, segment.last, f"{path}: {error}")
    yield from file.read(segments[-1].last if segments else 0, head)


def _show(batch: list[Row] | Unreadable, walk: Walk, found: _Found, file: DamagedFile, roots: dict[str, str]) -> None:
    if isinstance(batch, Unreadable):
        found.add([walk.lose(batch, file.owners(batch))])
        return
    found.add(walk.see(batch))
    for row in batch:
        if row[1] == AUDIT_STREAM and row[3] == RecordArchived.TYPE:
            roots.update(_roots_in(row))


def _roots_in(row: Row) -> dict[str, str]:
    position, chassis, version, name, body = row
    try:
        fact = decode(name, body, chassis=chassis, version=version, position=position).fact
    except EventDecodeError:
        return {}  # said already
    assert isinstance(fact, RecordArchived)
    return dict.fromkeys(fact.files, fact.root)


def _beside_the_facts(
    file: DamagedFile, folder: Path, segments: list[Segment], roots: dict[str, str]
) -> Iterator[Finding]:
    """What is wrong with the archive, and with rows that are no position of the record."""
    yield from check_roots(folder, segments, roots)
    if file.cut:
        return  # of its broken end, SQLite may read anything
    yield from check_leftovers(file, folder, segments)
    count, first, last = file.strays()
    if count:
        what = (
            f"rows ({count}) have positions before the first, from {first} to {last}: they are read with their chassis"
        )
        yield Finding(damage=Damage.OUT_OF_PLACE, first=first, last=last, what=what, remedy=_WITHOUT_THEM)


def _of_cut(cut: str, head: int) -> Finding:
    what = f"{cut}; what came after position {head} is lost, too, if anything did"
    return Finding(damage=Damage.FILE, first=0, last=0, what=what, remedy=FROM_A_COPY)


def _of_sqlite(complaints: list[str], *, facts_are_whole: bool) -> Iterator[Finding]:
    if not complaints:
        return
    remedy = FROM_A_COPY
    if facts_are_whole:
        remedy = "every fact can be read, so nothing is lost: understudy backup FILE makes a sound copy to go on with"
    what = f"SQLite finds its file damaged: {_shortly(complaints)}"
    yield Finding(damage=Damage.FILE, first=0, last=0, what=what, remedy=remedy)


def _shortly(complaints: list[str]) -> str:
    more = len(complaints) - 1
    return complaints[0] + (f" (and {more} more)" if more else "")


def _compare(projections: Projections | None, found: _Found) -> str:
    if projections is None:
        return "not compared"
    if found.kept:
        return "not compared: facts are damaged"
    wrong = projections()
    if wrong:
        remedy = "understudy rebuild snapshots; they follow from the facts, which are whole"
        found.add([Finding(damage=Damage.PROJECTION, first=0, last=0, what=wrong, remedy=remedy)])
    return wrong or "ok"
