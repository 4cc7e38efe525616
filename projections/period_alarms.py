"""Which alarms stood in a period, from when to when, and what was done about them?"""

from datetime import datetime
from typing import assert_never

import msgspec
from msgspec.structs import replace

from events.envelope import Recorded
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmClosed,
    AlarmCommented,
    AlarmCompressed,
    AlarmFact,
    AlarmKey,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    AlarmShelved,
    AlarmUnshelved,
    Severity,
)
from projections.event_log import printable
from projections.period_lanes import Bar, Course, Lane, LaneKind, Mark, MarkKind, Span, draw, sentence

_KIND_OF: dict[type[AlarmFact], MarkKind] = {
    AlarmRaised: MarkKind.RAISED,
    AlarmRepeated: MarkKind.REPEATED,
    AlarmCleared: MarkKind.CLEARED,
    AlarmAcknowledged: MarkKind.ACKNOWLEDGED,
    AlarmClosed: MarkKind.CLOSED,
    AlarmCommented: MarkKind.COMMENTED,
    AlarmShelved: MarkKind.SHELVED,
    AlarmUnshelved: MarkKind.UNSHELVED,
    AlarmPurged: MarkKind.PURGED,
    AlarmCompressed: MarkKind.COMPRESSED,
}


class AlarmRow(msgspec.Struct, frozen=True, kw_only=True):
    """One time that an alarm stood; ``ended_at`` and ``ended_position`` are none while it does.

    ``severity`` is the worst it had, ``seen`` how often its condition was seen; ``ending`` says what made it go away.
    """

    alarm: AlarmKey
    severity: Severity
    raised_at: datetime
    raised_position: int
    text: str
    seen: int = 1
    acknowledged_by: str = ""
    ended_at: datetime | None = None
    ended_position: int | None = None
    ending: str = ""


class _Identity:
    """Everything that the period has of one alarm."""

    def __init__(self, key: AlarmKey, span: Span) -> None:
        self._key, self._span = key, span
        self._shelf = Course(span)
        self._bars: list[Bar] = []
        self._marks: list[Mark] = []
        self._rows: list[AlarmRow] = []
        self._by: Recorded | None = None
        self._severity = Severity.INDETERMINATE
        self._row: AlarmRow | None = None

    def apply(self, recorded: Recorded, fact: AlarmFact) -> None:
        if self._span.has(recorded.occurred_at):
            kind, at = _KIND_OF[type(fact)], recorded.occurred_at
            self._marks.append(Mark(kind=kind, at=at, position=recorded.position, text=sentence(recorded)))
        match fact:
            case AlarmRaised():
                self._raise(recorded, fact)
            case AlarmRepeated():
                self._row = self._row and replace(self._row, seen=fact.count)
            case AlarmCleared():
                self._end(recorded, printable(fact.proof))
            case AlarmPurged():
                self._end(recorded, f"taken off the list by {printable(fact.operator)}")
            case AlarmAcknowledged():
                self._row = self._row and replace(self._row, acknowledged_by=printable(fact.operator))
            case AlarmShelved():
                self._shelf.change(recorded, MarkKind.SHELVED)
            case AlarmUnshelved():
                self._shelf.change(recorded, None)
            case AlarmClosed() | AlarmCommented() | AlarmCompressed():
                pass
            case _:
                assert_never(fact)

    def _raise(self, recorded: Recorded, fact: AlarmRaised) -> None:
        """A raise of an alarm that stands is another severity of it, no new alarm (RFC 8632, section 4)."""
        self._close(recorded.occurred_at)
        self._by, self._severity = recorded, fact.severity
        if self._row is not None:
            worst = max(self._row.severity, fact.severity, key=list(Severity).index)
            self._row = replace(self._row, severity=worst)
            return
        self._row = AlarmRow(
            alarm=fact.alarm,
            severity=fact.severity,
            raised_at=recorded.occurred_at,
            raised_position=recorded.position,
            text=printable(fact.text),
        )

    def _close(self, at: datetime) -> None:
        if self._by is not None:
            self._bars += draw(self._span, self._severity, self._by, at)
        self._by = None

    def _end(self, recorded: Recorded, ending: str) -> None:
        self._close(recorded.occurred_at)
        if self._row is not None and recorded.occurred_at >= self._span.begin:
            at, position = recorded.occurred_at, recorded.position
            self._rows.append(replace(self._row, ended_at=at, ended_position=position, ending=ending))
        self._row = None

    def rows(self) -> list[AlarmRow]:
        return self._rows if self._row is None else [*self._rows, self._row]

    def lane(self) -> Lane:
        bars = list(self._bars)
        if self._by is not None:
            bars += draw(self._span, self._severity, self._by, None)
        key = self._key
        return Lane(
            kind=LaneKind.ALARM,
            name=printable(f"{key.alarm_type} ({key.qualifier})" if key.qualifier else key.alarm_type),
            detail=printable(key.resource),
            bars=tuple(bars),
            marks=tuple(self._marks),
            shelved=self._shelf.bars(),
        )


class Alarms:
    """The lanes of all alarms, one for each identity, and the times that they stood."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._identities: dict[AlarmKey, _Identity] = {}

    def apply(self, recorded: Recorded) -> None:
        """Folds in the next fact."""
        fact = recorded.fact
        if not isinstance(fact, AlarmFact):
            return
        if fact.alarm not in self._identities:
            self._identities[fact.alarm] = _Identity(fact.alarm, self._span)
        self._identities[fact.alarm].apply(recorded, fact)

    def lanes(self) -> tuple[Lane, ...]:
        """The lanes that have anything in the period, in the order in which it began."""
        lanes = (one.lane() for one in self._identities.values())
        return tuple(sorted((lane for lane in lanes if lane.bars or lane.marks), key=_began))

    def rows(self) -> tuple[AlarmRow, ...]:
        """The times that alarms stood in the period, in the order in which they were raised."""
        rows = (row for one in self._identities.values() for row in one.rows())
        return tuple(sorted(rows, key=lambda row: (row.raised_at, row.raised_position)))


def _began(lane: Lane) -> tuple[datetime, int]:
    firsts = [(bar.begin, bar.position) for bar in lane.bars[:1]] + [(one.at, one.position) for one in lane.marks[:1]]
    return min(firsts)
