"""Answers about the past of a chassis: from the nearest snapshot, and from the facts after it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, takewhile
from typing import NamedTuple, TypeVar

from audit.snapshots.facts import read_fact, read_facts
from audit.snapshots.folding import fold, unpacked
from audit.snapshots.following import is_of
from audit.snapshots.late_order import Reach
from audit.snapshots.states import ALARMS, REDUNDANCY, States, to_micros, to_moment
from audit.snapshots.store import UNUSABLE, Kept, KeptHappened, KeptLate, Snapshots
from events.envelope import Recorded
from events.store import Record
from projections import alarm_list
from projections.alarm_list import AlarmList
from projections.as_of import EMPTY, Axis, LateFact, Moment, Picture, in_order, is_within, late, picture
from projections.replaying import Reached

T = TypeVar("T")

_CHUNK = 100
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Known(NamedTuple):
    """The states of all folds at a moment as it was known then, and how far that is."""

    states: States
    reached: Reached


class Span(NamedTuple):
    """A picture, and the facts of its chassis after it in the order of the record, as far as they may matter."""

    base: Picture
    facts: Sequence[Recorded]


class Past:
    """The past of the chassis of a record. It works without ``snapshots``, too, in a time that grows with the record.

    ``folded`` counts the facts that answers have needed beyond the snapshots.
    """

    def __init__(self, record: Record, snapshots: Snapshots | None = None) -> None:
        self._record = record
        self._snapshots = snapshots
        self._trusted: dict[str, bool] = {}
        self.folded = 0

    def nearest(
        self,
        chassis: str,
        *,
        version: int | None = None,
        position: int | None = None,
        recorded_at: datetime | None = None,
    ) -> Kept | None:
        """The newest snapshot with nothing later than what is given, the newest of all if nothing is."""
        if position is not None:
            return self._kept(chassis, lambda kept: kept.at_position(chassis, position))
        if recorded_at is not None:
            micros = to_micros(recorded_at)
            return self._kept(chassis, lambda kept: kept.at_time(chassis, micros))
        return self._kept(chassis, lambda kept: kept.at_version(chassis, 2**62 if version is None else version))

    def known(self, chassis: str, moment: Moment | None = None) -> Known:
        """What each fold said at a moment, as it was known then; now, if none is given."""
        kept = self._near(chassis, moment)
        found = None if kept is None else self._try(lambda snapshots: Known(unpacked(kept, snapshots), _reached(kept)))
        states, reached = found or Known(States(), Reached())
        for part in parts_of(self._after(chassis, reached.facts, moment)):
            states, last = fold(states, part), part[-1]
            reached = Reached(last.version, last.position, last.recorded_at)
        return Known(states, reached)

    def alarms(self, chassis: str) -> AlarmList:
        """The present alarm list of a chassis; facts that do not change it are not even decoded."""
        kept = self._near(chassis, None)
        found = None if kept is None else self._try(lambda _: ALARMS.unpack(kept.alarms))
        alarms, after = (alarm_list.EMPTY, 0) if found is None or kept is None else (found, kept.version)
        for one in read_facts(self._record, chassis, after=after, only=alarm_list.HANDLED):
            alarms = alarm_list.evolve(alarms, one)
            self.folded += 1
        return alarms

    def span(self, chassis: str, start: Moment | None, end: Moment | None, axis: Axis) -> Span:
        """A base for the pictures at ``start`` and ``end``, and all facts that belong to one of them and not to it."""
        if axis is Axis.KNOWN:
            base = self._picture(self._near(chassis, start))
            return Span(base, list(self._after(chassis, base.facts, end)))
        return self._happened(chassis, start, end)

    def picture(self, chassis: str, moment: Moment | None, axis: Axis) -> Picture:
        """The picture of a chassis at a moment; now, if none is given."""
        base, facts = self.span(chassis, moment, moment, axis)
        within = [one for one in facts if is_within(one, moment, axis)]
        return picture(within if axis is Axis.KNOWN else in_order(within), base)

    def late(self, chassis: str, up_to: int, newest: int) -> list[LateFact]:
        """The facts up to a version that came after one which happened later: so many of the newest, oldest first."""
        found = self._try(lambda snapshots: snapshots.late(chassis)) or ()
        versions = [one.version for one in found if one.version <= up_to][-newest:]
        facts = (read_fact(self._record, chassis, version) for version in versions)
        return [late(one, None) for one in facts if one is not None]

    def _after(self, chassis: str, version: int, moment: Moment | None) -> Iterator[Recorded]:
        """What was known at a moment, after a version: a stream's positions and times of recording never go back."""
        facts = read_facts(self._record, chassis, after=version)
        for one in takewhile(lambda one: is_within(one, moment, Axis.KNOWN), facts):
            self.folded += 1
            yield one

    def _happened(self, chassis: str, start: Moment | None, end: Moment | None) -> Span:
        unindexed: list[KeptLate] = []
        while True:
            base = self._happened_base(chassis, start, end, unindexed)
            facts = self._happened_after(chassis, base, end)
            reach = base.occurred_at or _LONG_AGO
            # What came late since the snapshots were made, and happened before what this one ends with.
            across = [one for one in facts if one.occurred_at < reach]
            if not across:
                return Span(base, facts)
            unindexed += [KeptLate(chassis, one.version, one.position, to_micros(one.occurred_at), 0) for one in across]

    def _happened_base(
        self, chassis: str, start: Moment | None, end: Moment | None, unindexed: list[KeptLate]
    ) -> Picture:
        """The newest snapshot in the order of occurrence that the pictures at both moments begin with."""

        def find(snapshots: Snapshots) -> Picture:
            known = sorted([*snapshots.late(chassis), *unindexed])
            reach = Reach([one for one in known if not isinstance(end, int) or one.position <= end])
            in_order = (KeptHappened(*kept[:5], kept.redundancy, kept.alarms) for kept in snapshots.in_order(chassis))
            for kept in chain(snapshots.happened(chassis), in_order):
                if _is_before(kept, start) and _is_before(kept, end) and reach.is_whole(kept.version, kept.latest):
                    return _as_picture(kept)
            return EMPTY

        return (self._try(find) if self._is_trusted(chassis) else None) or EMPTY

    def _happened_after(self, chassis: str, base: Picture, end: Moment | None) -> list[Recorded]:
        """All facts after ``base`` that had happened, or were known, at ``end``."""
        indexed = self._kept(chassis, lambda kept: kept.newest(chassis))
        facts: list[Recorded] = []
        for one in read_facts(self._record, chassis, after=base.facts):
            if isinstance(end, int) and one.position > end:
                return facts
            self.folded += 1
            if is_within(one, end, Axis.HAPPENED) or is_within(one, end, Axis.KNOWN):
                facts.append(one)
            elif indexed is not None and isinstance(end, datetime) and one.version < indexed.version:
                # From here to the end of the index only those can have happened by then that came late.
                facts += self._late(chassis, one.version, indexed.version, end)
                facts += self._unindexed(chassis, indexed.version, end)
                return facts
        return facts

    def _late(self, chassis: str, after: int, until: int, end: datetime) -> Iterator[Recorded]:
        micros = to_micros(end)
        for kept in self._try(lambda snapshots: snapshots.late(chassis, after=after)) or ():
            # Late facts may be kept of versions that no snapshot covers yet.
            wanted = kept.version <= until and kept.occurred_at <= micros
            one = read_fact(self._record, chassis, kept.version) if wanted else None
            if one is not None:
                self.folded += 1
                yield one

    def _unindexed(self, chassis: str, after: int, end: datetime) -> Iterator[Recorded]:
        for one in read_facts(self._record, chassis, after=after):
            self.folded += 1
            if is_within(one, end, Axis.HAPPENED):
                yield one

    def _near(self, chassis: str, moment: Moment | None) -> Kept | None:
        if isinstance(moment, datetime):
            return self.nearest(chassis, recorded_at=moment)
        return self.nearest(chassis, position=moment)

    def _kept(self, chassis: str, find: Callable[[Snapshots], Kept | None]) -> Kept | None:
        return self._try(find) if self._is_trusted(chassis) else None

    def _is_trusted(self, chassis: str) -> bool:
        if chassis not in self._trusted:
            self._trusted[chassis] = bool(self._try(lambda snapshots: is_of(self._record, snapshots, chassis)))
        return self._trusted[chassis]

    def _picture(self, kept: Kept | None) -> Picture:
        if kept is None:
            return EMPTY
        row = KeptHappened(*kept[:5], kept.redundancy, kept.alarms)
        return self._try(lambda _: _as_picture(row)) or EMPTY

    def _try(self, ask: Callable[[Snapshots], T]) -> T | None:
        """An answer of the snapshots; none where there are none, and from now on none where they fail."""
        if self._snapshots is None:
            return None
        try:
            return ask(self._snapshots)
        except UNUSABLE:
            self._trusted.clear()
            self._snapshots = None
            return None


def _reached(kept: Kept) -> Reached:
    return Reached(kept.version, kept.position, to_moment(kept.recorded_at))


def _is_before(kept: KeptHappened, moment: Moment | None) -> bool:
    if moment is None:
        return True
    if isinstance(moment, int):
        return kept.position <= moment
    return max(kept.latest, kept.recorded_at) <= to_micros(moment)


def _as_picture(kept: KeptHappened) -> Picture:
    return Picture(
        redundancy=REDUNDANCY.unpack(kept.redundancy),
        alarms=ALARMS.unpack(kept.alarms),
        facts=kept.version,
        position=kept.position,
        recorded_at=to_moment(kept.recorded_at),
        occurred_at=to_moment(kept.latest),
    )


def parts_of(facts: Iterator[Recorded]) -> Iterator[list[Recorded]]:
    """Facts in parts that are worth folding at once, none of them empty."""
    part: list[Recorded] = []
    for one in facts:
        part.append(one)
        if len(part) == _CHUNK:
            yield part
            part = []
    if part:
        yield part
