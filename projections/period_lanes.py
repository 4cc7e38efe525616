"""What is a period drawn with? Lanes that hold bars (a state, from and to) and marks (a moment)."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from events.envelope import Recorded
from projections.event_log import entry


class Span(NamedTuple):
    """The period: both ends belong to it."""

    begin: datetime
    end: datetime

    def has(self, at: datetime) -> bool:
        """Whether a moment is in the period."""
        return self.begin <= at <= self.end


class LaneKind(StrEnum):
    """What a lane is about."""

    REDUNDANCY = "redundancy"
    ACTIVE = "active"
    CARD = "card"
    SUPERVISION = "supervision"
    ALARM = "alarm"
    ATTEMPTS = "attempts"
    SWITCHOVERS = "switchovers"
    LATE = "late"


class MarkKind(StrEnum):
    """What happened to an alarm at a moment."""

    RAISED = "raised"
    REPEATED = "repeated"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    COMMENTED = "commented"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    PURGED = "purged"
    COMPRESSED = "compressed"


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A state from ``begin`` to ``end``, as much of it as lies in the period.

    It holds since ``since`` by the fact at ``position``, of which ``text`` is the sentence. ``before``: it had begun
    before the period; ``after``: at the end of the period it goes on. ``note`` is a word on it, such as the cause of a
    failure.
    """

    state: str
    begin: datetime
    end: datetime
    since: datetime
    position: int
    text: str
    note: str = ""
    before: bool = False
    after: bool = False


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One fact at its moment, with its sentence."""

    kind: MarkKind
    at: datetime
    position: int
    text: str


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the drawing, in order of time; ``shelved`` says when the alarm of an alarm lane was shelved."""

    kind: LaneKind
    name: str
    detail: str = ""
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    shelved: tuple[Bar, ...] = ()


def sentence(recorded: Recorded) -> str:
    """What the log says of a fact: printable, on one line."""
    return entry(recorded).message


def draw(
    span: Span, state: str, recorded: Recorded, until: datetime | None, *, text: str | None = None, note: str = ""
) -> Iterable[Bar]:
    """The bar of what began with ``recorded`` and ended at ``until`` (none: it goes on); none outside the period."""
    since = recorded.occurred_at
    if since > span.end or (until is not None and until < span.begin):
        return
    yield Bar(
        state=state,
        begin=max(since, span.begin),
        end=span.end if until is None else min(until, span.end),
        since=since,
        position=recorded.position,
        text=sentence(recorded) if text is None else text,
        note=note,
        before=since < span.begin,
        after=until is None or until > span.end,
    )


class _Began(NamedTuple):
    state: str
    by: Recorded
    text: str | None


class Course:
    """One state over time, told change by change in order of happening; what lasted no time at all leaves no bar."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._bars: list[Bar] = []
        self._now: _Began | None = None

    @property
    def state(self) -> str | None:
        """The state that holds at present."""
        return None if self._now is None else self._now.state

    def change(self, by: Recorded, state: str | None, text: str | None = None) -> None:
        """From ``by`` on it is ``state``, or nothing; ``text`` stands in for the sentence of the fact."""
        if state == self.state:
            return
        at, before = by.occurred_at, self._now
        self._now = None if state is None else _Began(state, by, text)
        if before is not None and before.by.occurred_at < at:
            self._bars += draw(self._span, before.state, before.by, at, text=before.text)

    def bars(self) -> tuple[Bar, ...]:
        """All bars up to the end of the period; neighbours of one state, parted for no time, are one."""
        bars = list(self._bars)
        if self._now is not None:
            bars += draw(self._span, self._now.state, self._now.by, None, text=self._now.text)
        joined: list[Bar] = []
        for bar in bars:
            if joined and joined[-1].state == bar.state and joined[-1].end == bar.begin:
                joined[-1] = replace(joined[-1], end=bar.end, after=bar.after)
            else:
                joined.append(bar)
        return tuple(joined)
