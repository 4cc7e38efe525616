"""Writes the large members of a bundle in one walk over the facts, none of which is kept."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import BinaryIO

import msgspec
import orjson

from audit.bundle.asked import Asked, EvidenceError
from audit.bundle.parquet import Sheet, is_installed, parquet_sheet
from audit.bundle.proofs import Gaps
from audit.bundle.verifier.facts import CSV, JSONL, LEAVES, NEIGHBOURS, PROOF
from audit.bundle.verifier.lines import CSV_HEADING, Line
from events.store.recorder import Row

PARQUET = "facts.parquet"
SHOWN_EVERY = 1000
_FILES = (JSONL, CSV, LEAVES, PROOF, NEIGHBOURS)
_TYPES = (int, str, int, str, bytes)

Progress = Callable[[int, int], object]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What the facts turned out to be; times are as they are stored."""

    count: int
    first_position: int
    last_position: int
    first_recorded_at: str
    last_recorded_at: str


class Spool:
    """The members that hold a line, row or hash of each fact, as files of a folder."""

    def __init__(self, folder: Path, gaps: Gaps, *, with_parquet: bool | None = None) -> None:
        """``with_parquet`` says whether to write Parquet too; wherever it can be written, if not given."""
        self._folder, self._gaps = folder, gaps
        self._with_parquet = is_installed() if with_parquet is None else with_parquet

    def names(self, asked: Asked) -> list[str]:
        """The members that are written."""
        facts = [name for name in _FILES if name != NEIGHBOURS or asked.chassis is not None]
        return [*facts, *([PARQUET] if self._with_parquet else [])]

    def write(self, rows: Iterable[Row], asked: Asked, size: int, progress: Progress) -> Written:
        """Writes all members; ``size`` is that of the tree that the facts are proved to be in.

        Rows before and behind the range are neighbours, which show that nothing is missing at its ends.

        Raises:
            EvidenceError: there is no such fact, or one is damaged.
        """
        with ExitStack() as stack:
            files = {name: stack.enter_context((self._folder / name).open("wb")) for name in _FILES}
            sheet = stack.enter_context(parquet_sheet(self._folder / PARQUET) if self._with_parquet else nullcontext())
            return self._walk(rows, files, sheet, asked, size, progress)

    def _walk(
        self,
        rows: Iterable[Row],
        files: Mapping[str, BinaryIO],
        sheet: Sheet | None,
        asked: Asked,
        size: int,
        progress: Progress,
    ) -> Written:
        lines, table, leaves, proof, neighbours = (files[name].write for name in _FILES)
        table(CSV_HEADING)
        count, ends = 0, list[tuple[int, str]]()
        for row in rows:
            fact = _line(row)
            position, document = fact.position, _parse(fact)
            if position > size:
                break  # a neighbour that no checkpoint covers yet
            proof(b"".join(self._gaps.skip_to(position)))
            if not asked.first <= position <= asked.last:
                neighbours(fact.jsonl())
                continue
            leaves(fact.leaf())
            lines(fact.jsonl())
            table(fact.csv(document))
            if sheet is not None:
                sheet.add(fact, document)
            count += 1
            ends[1:] = [(position, document["recorded_at"])] * (2 - bool(ends))
            if count % SHOWN_EVERY == 0:
                progress(position - asked.first + 1, asked.last - asked.first + 1)
        if not ends:
            whose = "" if asked.chassis is None else f" of {asked.chassis}"
            raise EvidenceError(f"there is no fact{whose} from position {asked.first} to {asked.last}")
        proof(b"".join(self._gaps.finish(size)))
        (first, first_at), (last, last_at) = ends
        return Written(
            count=count,
            first_position=first,
            last_position=last,
            first_recorded_at=first_at,
            last_recorded_at=last_at,
        )


def _line(row: Row) -> Line:
    """Somebody who edits the file can put anything into it.

    Raises:
        EvidenceError: a column is not of its type.
    """
    if tuple(map(type, row)) != _TYPES:
        raise EvidenceError(f"position {row[0]} is damaged (a column is not of its type); see: understudy fsck")
    return Line(*row)


def _parse(fact: Line) -> dict[str, str]:
    """The JSON of a fact.

    Raises:
        EvidenceError: it is not the JSON of a fact, so that no line can hold it.
    """
    try:
        document: dict[str, str] = orjson.loads(fact.stored)
        known = document["occurred_at"], document["recorded_at"], document["correlation"], document["causation"]
    except (orjson.JSONDecodeError, LookupError, TypeError) as error:
        raise EvidenceError(f"position {fact.position} is damaged ({error}); see: understudy fsck") from error
    if b"\n" in fact.stored or not known[1]:
        raise EvidenceError(f"position {fact.position} is not stored as facts are; see: understudy fsck")
    return document
