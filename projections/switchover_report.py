"""How did a switchover go: what triggered it, was the standby ready, how long did it take, and what came back when?"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from events.causes import Scope
from events.envelope import Recorded
from events.facts import (
    AlarmRaised,
    AlarmShelved,
    AlarmUnshelved,
    Blocker,
    CardInserted,
    CardRecovered,
    Severity,
    StandbyReady,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverReason,
    SwitchoverStarted,
    SyncSucceeded,
)
from projections import redundancy
from projections.asking import NotInRecordError, named
from projections.causality import Causality, Occurrence
from projections.durations import milliseconds
from projections.event_log import entry
from projections.redundancy import RedundancyView, view
from projections.switchovers import SwitchoverResult, SwitchoverRow, switchovers
from projections.unrecorded import unrecorded

_NAMED = 8
"""How many switchovers an error names at most."""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One fact, in the words of the log; ``after_ms`` is the time since the trigger (since the decision if none)."""

    position: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    after_ms: int
    sentence: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the standby could take over when it was decided.

    ``blockers`` were in the way, those ``overridden`` were set aside by ``--ignore-status``; ``unsynchronized`` are
    the scopes with changes or failures since their last success.
    """

    ready: bool
    blockers: tuple[Blocker, ...]
    explanation: str
    overridden: tuple[Blocker, ...]
    unsynchronized: tuple[Scope, ...]
    config_sync_at: datetime | None
    boot_env_sync_at: datetime | None
    standby_ready_since: datetime | None


class Lap(msgspec.Struct, frozen=True, kw_only=True):
    """How long one part of it took; ``measured`` on the clock of the process, else as the times of two facts tell."""

    name: str
    duration_ms: int
    measured: bool = False


class AlarmThen(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that stood when it was decided, or that the loss or the switchover raised, and what became of it.

    ``ended_position`` is none while it stands, as far as the record goes; ``after_ms`` counts as in ``Happened``.
    """

    identity: str
    severity: Severity
    raised_position: int
    raised_at: datetime
    text: str
    shelved: bool
    ended_position: int | None
    ended_at: datetime | None
    after_ms: int | None


class SwitchoverReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole story of one switchover, refused and failed ones included; times are those at the source, in UTC.

    ``trigger`` is none where somebody asked for it; ``unrecorded`` says what of its cause the record does not know.
    ``out_of_step`` are the files that differed; they are compared where somebody asks for a switchover, and not where
    the active card is lost (``compared``). ``came_back`` ends before the roles change again; ``read_until`` is the
    last position of the chassis that was read.
    """

    chassis: str
    switchover: SwitchoverRow
    trigger: Happened | None
    unrecorded: str
    decision: Happened
    outcome: Happened | None
    readiness: Readiness
    compared: bool
    out_of_step: tuple[str, ...]
    laps: tuple[Lap, ...]
    in_force: tuple[AlarmThen, ...]
    raised: tuple[AlarmThen, ...]
    came_back: tuple[Happened, ...]
    still_open: tuple[str, ...]
    next_switchover: Happened | None
    read_until: int


def switchover_report(chassis: str, facts: Iterable[Recorded], name: str) -> SwitchoverReport:
    """The report of the switchover called ``name``: its number, ``refusal-57`` of a refused one, or ``last``.

    Raises:
        NotInRecordError: the chassis has none such; the message says which it has.
    """
    causality = Causality(facts)
    rows = switchovers(causality.facts)
    wanted = name.strip().lower()
    row = next((row for row in reversed(rows) if wanted in {"last", row.name, f"switchover-{row.name}"}), None)
    if row is None:
        raise NotInRecordError(_none_such(chassis, name, rows))
    decided = causality.at(row.position)
    assert decided is not None
    return _Telling(causality, decided, row).report()


def _none_such(chassis: str, name: str, rows: list[SwitchoverRow]) -> str:
    if not rows:
        return f"{chassis} has had no switchover, not even a refused one."
    newest = ", ".join(row.name for row in rows[-_NAMED:])
    more = f" and {len(rows) - _NAMED} older ones" if len(rows) > _NAMED else ""
    return f"{chassis} has no switchover {name!r}: it has {newest}{more}."


class _Telling:
    """Gathers what belongs to one switchover."""

    def __init__(self, causality: Causality, decided: Recorded, row: SwitchoverRow) -> None:
        self._causality = causality
        self._decided = decided
        self._row = row
        cause = causality.cause(decided)
        self._trigger = causality.version(cause.version) if cause.known else None
        self._zero = (self._trigger or decided).occurred_at
        self._outcome = next((one for one in causality.effects(decided) if _ends(one)), None)

    def report(self) -> SwitchoverReport:
        decided, fact = self._decided, self._decided.fact
        back, following = self._afterwards()
        in_force, raised = self._alarms()
        every = (*in_force, *raised)
        cause = self._causality.cause(decided)
        return SwitchoverReport(
            chassis=decided.chassis,
            switchover=self._row,
            trigger=self._told(self._trigger),
            unrecorded=self._unrecorded(cause.version, known=cause.known),
            decision=self._happened(decided),
            outcome=self._told(self._outcome),
            readiness=self._readiness(),
            compared=self._row.reason is SwitchoverReason.FORCED and isinstance(fact, SwitchoverStarted),
            out_of_step=fact.out_of_step if isinstance(fact, SwitchoverStarted) else (),
            laps=tuple(self._laps(back)),
            in_force=in_force,
            raised=raised,
            came_back=tuple(self._happened(one) for one in back),
            still_open=tuple(alarm.identity for alarm in every if alarm.ended_position is None),
            next_switchover=self._told(following),
            read_until=self._causality.facts[-1].position,
        )

    def _unrecorded(self, cause: int, *, known: bool) -> str:
        if self._trigger is None:
            return unrecorded(self._decided, cause, known=known)
        return unrecorded(self._trigger, 0, known=True)

    def _told(self, one: Recorded | None) -> Happened | None:
        return None if one is None else self._happened(one)

    def _happened(self, one: Recorded) -> Happened:
        said = entry(one)
        return Happened(
            position=one.position,
            type=one.fact.TYPE,
            occurred_at=said.time,
            recorded_at=said.recorded_at,
            after_ms=self._after(one),
            sentence=said.message,
        )

    def _after(self, one: Recorded) -> int:
        return milliseconds(one.occurred_at - self._zero)

    def _readiness(self) -> Readiness:
        then = self._view_before()
        return Readiness(
            ready=not self._row.blockers,
            blockers=self._row.blockers,
            explanation=then.explanation,
            overridden=self._row.overridden,
            unsynchronized=then.unsynchronized,
            config_sync_at=_utc(then.config_sync_at),
            boot_env_sync_at=_utc(then.boot_env_sync_at),
            standby_ready_since=_utc(then.standby_ready_since),
        )

    def _view_before(self) -> RedundancyView:
        """The redundancy as the decision found it."""
        state = redundancy.EMPTY
        for one in self._causality.facts:
            if one.position >= self._decided.position:
                break
            state = redundancy.evolve(state, one)
        return view(state)

    def _afterwards(self) -> tuple[list[Recorded], Recorded | None]:
        """What came back, each for the first time, until the roles change again; and the switchover that came next."""
        completed = self._row.result is SwitchoverResult.COMPLETED
        standby = self._row.from_slot if completed else self._row.to_slot
        lost = self._row.from_slot
        found: dict[str, Recorded] = {}
        for one in self._causality.after(self._outcome or self._decided):
            fact = one.fact
            if isinstance(fact, SwitchoverStarted):
                return [*found.values()], one
            if isinstance(fact, CardInserted | CardRecovered) and fact.slot in {lost, standby}:
                found.setdefault(f"card {fact.slot}", one)
            elif isinstance(fact, SyncSucceeded) and fact.standby is standby:
                found.setdefault("synchronised", one)
            elif isinstance(fact, StandbyReady) and fact.slot is standby:
                found.setdefault("ready", one)
        return [*found.values()], None

    def _laps(self, back: list[Recorded]) -> Iterator[Lap]:
        decided, end = self._decided, self._outcome
        if self._trigger is not None:
            yield Lap(name="from the trigger to the decision", duration_ms=self._after(decided))
        if end is None:
            return
        if self._row.duration_ms is not None:
            yield Lap(name="takeover, with the executable", duration_ms=self._row.duration_ms, measured=True)
        yield Lap(name="from the decision to its outcome", duration_ms=self._after(end) - self._after(decided))
        if self._trigger is not None:
            yield Lap(name="from the trigger to the outcome", duration_ms=self._after(end))
        if self._row.result is not SwitchoverResult.COMPLETED:
            return
        for one in back:
            name = _LAPS.get(type(one.fact))
            if name:
                yield Lap(name=name, duration_ms=self._after(one) - self._after(end))

    def _alarms(self) -> tuple[tuple[AlarmThen, ...], tuple[AlarmThen, ...]]:
        """The alarms that stood when the trigger was seen, and those that the trigger and the switchover raised."""
        begin = (self._trigger or self._decided).position
        last = (self._outcome or self._decided).version
        told = {one.version for one in (self._trigger, self._decided, self._outcome) if one is not None}
        in_force: list[AlarmThen] = []
        raised: list[AlarmThen] = []
        for life in self._causality.occurrences:
            if life.raised.position < begin:
                if life.ended is None or life.ended.position > begin:
                    in_force.append(self._alarm(life))
            elif life.raised.causation in told or life.raised.version < last:
                raised.append(self._alarm(life))
        return tuple(in_force), tuple(raised)

    def _alarm(self, life: Occurrence) -> AlarmThen:
        raised, ended = life.raised, life.ended
        assert isinstance(raised.fact, AlarmRaised)
        acts = [one.fact for one in life.acts if one.position < self._decided.position]
        shelved = next((act for act in reversed(acts) if isinstance(act, AlarmShelved | AlarmUnshelved)), None)
        return AlarmThen(
            identity=named(life.alarm),
            severity=raised.fact.severity,
            raised_position=raised.position,
            raised_at=raised.occurred_at.astimezone(UTC),
            text=raised.fact.text,
            shelved=isinstance(shelved, AlarmShelved),
            ended_position=None if ended is None else ended.position,
            ended_at=_utc(None if ended is None else ended.occurred_at),
            after_ms=None if ended is None else self._after(ended),
        )


_LAPS: dict[type, str] = {
    CardInserted: "from the outcome to the old active card's return",
    CardRecovered: "from the outcome to the old active card's return",
    SyncSucceeded: "from the outcome to the first synchronisation of the new standby",
    StandbyReady: "from the outcome to full redundancy",
}


def _ends(one: Recorded) -> bool:
    return isinstance(one.fact, SwitchoverCompleted | SwitchoverFailed)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
