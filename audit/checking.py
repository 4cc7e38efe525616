"""What each fact of the record has to be, seen one after the other: decoded, in its place, and possible.

Nothing here reads a file: rows are shown to a ``Walk``.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from audit.salvage import Unreadable
from events.codec import decode
from events.envelope import Recorded
from events.errors import EventDecodeError
from events.evolve import evolve
from events.facts import AUDIT_STREAM, AuditFact
from events.state import ChassisState
from events.store.recorder import Row


class Damage(StrEnum):
    """What may be wrong."""

    UNREADABLE = "unreadable"
    MISSING = "missing"
    UNDECODABLE = "undecodable"
    OUT_OF_PLACE = "out-of-place"
    IMPOSSIBLE = "impossible"
    FILE = "file"
    SCHEMA = "schema"
    ARCHIVE = "archive"
    PROJECTION = "projection"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One damage: the positions that it is about (0 where it is about the whole file), what it is, and what helps."""

    damage: Damage
    first: int
    last: int
    what: str
    remedy: str


FROM_A_COPY = (
    "have it back from a backup that has it: understudy fsck --mend-with BACKUP -o FILE; "
    "where it was published, Kafka's topic of events has it, too"
)
"""What helps where a fact is lost."""
EDITED = "somebody or something has edited the file: " + FROM_A_COPY
"""What helps where a program of this project did not write what is there."""


class Walk:
    """Is shown all rows in the order of their positions, and says what is wrong with each."""

    def __init__(self, *, cut: bool = False) -> None:
        """``cut`` says that the end of the file is not there: then nobody has edited what cannot be read."""
        self._cut = cut
        self.facts = 0
        self.expected = 1
        self._states: dict[str, ChassisState] = {}
        self._lost = False

    @property
    def chassis(self) -> int:
        """How many chassis have been met."""
        return len(self._states.keys() - {AUDIT_STREAM})

    def lose(self, lost: Unreadable, owners: str) -> Finding:
        """These positions cannot be read; a stream may have a hole there, which is no finding of its own."""
        self._lost = True
        self.expected = lost.last + 1
        of = f" ({owners})" if owners else ""
        what = f"{_positions(lost.first, lost.last)}{of} cannot be read: {lost.why}"
        return Finding(damage=Damage.UNREADABLE, first=lost.first, last=lost.last, what=what, remedy=FROM_A_COPY)

    def see(self, rows: Sequence[Row]) -> Iterator[Finding]:
        """The next rows; what is wrong with them."""
        for row in rows:
            position: Any = row[0]
            if position != self.expected:
                yield self._gap(position)
            self.expected = position + 1
            yield from self._fact(row)

    def end(self, newest: int) -> Iterator[Finding]:
        """There are no more rows, and ``newest`` is the newest position that the record itself knows of."""
        if self.expected <= newest:
            yield self._gap(newest + 1)

    def _gap(self, position: int) -> Finding:
        self._lost = True
        first, last = self.expected, position - 1
        what = f"{_positions(first, last)} {'is' if first == last else 'are'} missing"
        return Finding(damage=Damage.MISSING, first=first, last=last, what=what, remedy=EDITED)

    def _fact(self, row: Row) -> Iterator[Finding]:
        position, chassis, version, *_ = row
        if not _typed(row[:3]):
            self._lost = True
            yield self._undecodable(position, "its row does not name a stream and a version")
            return
        state = self._states.get(chassis) or ChassisState(chassis)
        if version != state.version + 1 and not (self._lost and version > state.version):
            what = f"it is version {version} of {chassis}, after version {state.version}"
            yield _at(position, Damage.OUT_OF_PLACE, what)
        # Whatever is wrong is said once, and not again for all that follows.
        self._states[chassis] = replace(state, version=version)
        yield from self._read(row, replace(state, version=version - 1))

    def _read(self, row: Row, before: ChassisState) -> Iterator[Finding]:
        position, chassis, version, name, body = row
        if not _typed(row):
            yield self._undecodable(position, "its row does not hold a name and a body of bytes")
            return
        try:
            recorded = decode(name, body, chassis=chassis, version=version)  # the finding names its position itself
        except EventDecodeError as error:
            yield self._undecodable(position, str(error))
            return
        self.facts += 1
        wrong = _impossible(recorded)
        try:
            self._states[chassis] = evolve(before, recorded.fact)
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            wrong = f"no such thing can happen to {chassis} then ({error!r})"
        if wrong:
            yield _at(position, Damage.IMPOSSIBLE, f"{name} of {chassis} version {version}: {wrong}")

    def _undecodable(self, position: int, what: str) -> Finding:
        found = _at(position, Damage.UNDECODABLE, what)
        return replace(found, damage=Damage.UNREADABLE, remedy=FROM_A_COPY) if self._cut else found


def _impossible(recorded: Recorded) -> str:
    if recorded.causation >= recorded.version:
        return f"it follows from version {recorded.causation}, which came later"
    if isinstance(recorded.fact, AuditFact) is not (recorded.chassis == AUDIT_STREAM):
        return "it is in a stream that such facts are never in"
    return ""


def _typed(values: tuple[Any, ...]) -> bool:
    """Whether a row, or its beginning, has values of the kinds that belong there; SQLite keeps whatever it is given."""
    return all(isinstance(value, kind) for value, kind in zip(values, (int, str, int, str, bytes), strict=False))


def _at(position: int, damage: Damage, what: str) -> Finding:
    return Finding(
        damage=damage, first=position, last=position, what=f"{_positions(position, position)}: {what}", remedy=EDITED
    )


def _positions(first: int, last: int) -> str:
    return f"position {first}" if first == last else f"positions {first} to {last}"
