"""What happened to a chassis in a period, for people who would rather look than read?

Everything is told by ``occurred_at``, as it truly was, including what was recorded late; ``late`` says what that was.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from events.envelope import Recorded
from events.facts import Severity
from projections.event_log import printable
from projections.period_alarms import AlarmRow, Alarms
from projections.period_lanes import Bar, Lane, LaneKind, Span, draw, sentence
from projections.period_order import Extent, in_order_of_happening, survey
from projections.period_states import RedundancyState, States, Supervision, Watching
from projections.period_work import AttemptRow, Attempts, SwitchoverResult, SwitchoverRow, Switchovers
from projections.sync_history import SyncResult

LATE = timedelta(minutes=1)
"""A fact that was recorded longer than this after it occurred is late."""

LATE_STATE = "late"


class ActRow(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator did."""

    at: datetime
    position: int
    operator: str
    text: str


class LateRow(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that was recorded much later than it occurred."""

    occurred_at: datetime
    recorded_at: datetime
    position: int
    text: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The period in numbers. Times are sums of what the lanes show; ``known`` is the time since the first fact."""

    known: timedelta
    redundancy: dict[RedundancyState, timedelta]
    supervision: dict[Supervision, timedelta]
    attempts: dict[SyncResult, int]
    switchovers: dict[SwitchoverResult, int]
    alarms: dict[Severity, int]
    standing: int


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """One chassis through a period. ``positions`` are the smallest and the greatest one of its ``facts``, if any."""

    chassis: str
    span: Span
    facts: int
    positions: tuple[int, int] | None
    lanes: tuple[Lane, ...]
    alarms: tuple[AlarmRow, ...]
    attempts: tuple[AttemptRow, ...]
    switchovers: tuple[SwitchoverRow, ...]
    acts: tuple[ActRow, ...]
    late: tuple[LateRow, ...]
    figures: Figures


class _Told:
    """What the period has of every fact, whatever it is about."""

    def __init__(self, span: Span) -> None:
        self.facts = 0
        self.positions: tuple[int, int] | None = None
        self.acts: list[ActRow] = []
        self.late: list[LateRow] = []
        self.unknown: list[Bar] = []
        self._span = span

    def apply(self, recorded: Recorded) -> None:
        span, known_at = self._span, recorded.recorded_at
        if known_at - recorded.occurred_at > LATE and known_at >= span.begin:
            self._add_late(recorded)
        if not span.has(recorded.occurred_at):
            return
        self.facts += 1
        low, high = self.positions or (recorded.position, recorded.position)
        self.positions = min(low, recorded.position), max(high, recorded.position)
        operator: str | None = getattr(recorded.fact, "operator", None)
        if operator:
            at, text = recorded.occurred_at, sentence(recorded)
            self.acts.append(ActRow(at=at, position=recorded.position, operator=printable(operator), text=text))

    def _add_late(self, recorded: Recorded) -> None:
        text = sentence(recorded)
        row = LateRow(
            occurred_at=recorded.occurred_at,
            recorded_at=recorded.recorded_at,
            position=recorded.position,
            text=text,
        )
        self.late.append(row)
        self.unknown += draw(self._span, LATE_STATE, recorded, recorded.recorded_at, text=text)

    def lanes(self) -> tuple[Lane, ...]:
        if not self.unknown:
            return ()
        return (Lane(kind=LaneKind.LATE, name="Recorded late", detail="not known yet", bars=tuple(self.unknown)),)


def period(chassis: str, happened: Iterable[Recorded], span: Span) -> Period:
    """What happened in ``span``, given all facts of the chassis from its first on, in order of happening.

    Facts after the period are not read.
    """
    states, watching, alarms = States(span), Watching(span), Alarms(span)
    attempts, switchovers, told = Attempts(span), Switchovers(span), _Told(span)
    folds = (states, watching, alarms, attempts, switchovers, told)
    for recorded in happened:
        if recorded.occurred_at > span.end:
            break
        for fold in folds:
            fold.apply(recorded)
    lanes = (
        *states.lanes(),
        watching.lane(),
        *attempts.lanes(),
        switchovers.lane(),
        *alarms.lanes(),
        *told.lanes(),
    )
    alarm_rows, attempt_rows, switchover_rows = alarms.rows(), attempts.rows(), switchovers.rows()
    return Period(
        chassis=chassis,
        span=span,
        facts=told.facts,
        positions=told.positions,
        lanes=lanes,
        alarms=alarm_rows,
        attempts=attempt_rows,
        switchovers=switchover_rows,
        acts=tuple(told.acts),
        late=tuple(told.late),
        figures=_figures(lanes, alarm_rows, attempt_rows, switchover_rows),
    )


def _figures(
    lanes: Iterable[Lane],
    alarms: Iterable[AlarmRow],
    attempts: Iterable[AttemptRow],
    switchovers: Iterable[SwitchoverRow],
) -> Figures:
    bars = {lane.kind: lane.bars for lane in lanes if lane.kind in {LaneKind.REDUNDANCY, LaneKind.SUPERVISION}}
    redundancy = {state: _time(bars[LaneKind.REDUNDANCY], state) for state in RedundancyState}
    alarms = tuple(alarms)
    return Figures(
        known=sum(redundancy.values(), timedelta()),
        redundancy=redundancy,
        supervision={state: _time(bars[LaneKind.SUPERVISION], state) for state in Supervision},
        attempts=dict(Counter(row.result for row in attempts)),
        switchovers=dict(Counter(row.result for row in switchovers)),
        alarms=dict(Counter(row.severity for row in alarms)),
        standing=sum(row.ended_at is None for row in alarms),
    )


def _time(bars: Iterable[Bar], state: str) -> timedelta:
    return sum((bar.end - bar.begin for bar in bars if bar.state == state), timedelta())


__all__ = ["LATE", "Extent", "Figures", "Period", "Span", "in_order_of_happening", "period", "survey"]
