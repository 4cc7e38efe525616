"""Snapshots in the order of occurrence, of a chassis of which some facts came late.

Until the first late fact, record and occurrence have the same order, and one snapshot serves both. From then on the
facts are folded a second time, sorted, up to places that no late fact reaches back across; but only from where a late
fact happened to where both folds say the same again.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import accumulate, islice
from typing import NamedTuple

from audit.snapshots.facts import read_facts
from audit.snapshots.states import ALARMS, EVERY, REDUNDANCY
from audit.snapshots.store import KeptHappened, KeptLate, Snapshots
from events.envelope import Recorded
from events.store import Record
from events.store.record import READ_AT_ONCE
from projections import alarm_list, redundancy
from projections.alarm_list import AlarmList
from projections.as_of import in_order
from projections.redundancy import Redundancy

GIVE_UP = 50
"""So many times the facts from one snapshot to the next without such a place, and none is looked for any more."""

KEPT_PLACES = 50
"""So many earlier places are remembered, for a late fact that reaches back across the newest ones."""

_NEVER = -(2**62)


class Ordered(NamedTuple):
    """What the facts up to ``version`` say in the order of occurrence; ``latest`` is the newest one's time."""

    version: int
    position: int
    recorded_at: int
    latest: int
    redundancy: Redundancy
    alarms: AlarmList


START = Ordered(0, 0, 0, _NEVER, redundancy.EMPTY, alarm_list.EMPTY)


class Reach:
    """How far back late facts reach: after which versions all facts happened later than all before."""

    def __init__(self, late: Sequence[KeptLate]) -> None:
        self._versions = [one.version for one in late]
        self._earliest = [*accumulate((one.occurred_at for one in reversed(late)), min)][::-1]

    def is_whole(self, version: int, latest: int) -> bool:
        """Whether no fact after ``version`` happened before ``latest``, the newest time of the facts up to it."""
        place = bisect_right(self._versions, version)
        return place == len(self._versions) or self._earliest[place] >= latest

    def has(self, after: int, until: int) -> bool:
        """Whether one of the facts after a version, up to another one, came late."""
        place = bisect_right(self._versions, after)
        return place < len(self._versions) and self._versions[place] <= until


class LateOrder:
    """The second fold of one chassis, made along with the first one."""

    def __init__(self, record: Record, chassis: str, snapshots: Snapshots | None) -> None:
        self._record = record
        self._chassis = chassis
        self._snapshots = snapshots
        self._late = [] if snapshots is None else snapshots.late(chassis)
        self._every = EVERY if snapshots is None else snapshots.every
        self._undone: int | None = None
        self._made = [START]
        self._offered: list[Ordered] = []

    def note(self, late: Sequence[KeptLate]) -> None:
        """These facts came late."""
        for one in late:
            self._late.append(one)
            self._undone = one.occurred_at if self._undone is None else min(self._undone, one.occurred_at)

    def offer(self, ordered: Ordered) -> None:
        """What the first fold says, every few facts: the second one says the same wherever nothing came late."""
        self._offered.append(ordered)
        if not self._late and ordered.version % self._every == 0:
            self._made.append(ordered)

    def fold(self, window: Sequence[Recorded]) -> tuple[list[KeptHappened], int | None]:
        """What is to be kept up to the end of ``window``, and beyond which time nothing holds that is kept so far."""
        undone, self._undone = self._undone, None
        offered, self._offered = self._offered, []
        if not self._late:
            return [], None
        reach = Reach(self._late)
        base = self._base(reach)
        self._made = [*self._made[-KEPT_PLACES:], base]
        if not self._every <= window[-1].version - base.version <= GIVE_UP * self._every:
            return [], undone
        made = [base]
        for one in _places(base, offered, self._facts(base.version, window), reach):
            if one.version - made[-1].version >= self._every:
                made.append(one)
        self._made += made[1:]
        return [_packed(self._chassis, one) for one in made[1:]], undone

    def _base(self, reach: Reach) -> Ordered:
        found = max((one for one in self._made if reach.is_whole(one.version, one.latest)), default=START, key=_version)
        if found.version or self._snapshots is None:
            return found
        for happened in self._snapshots.happened(self._chassis):
            if reach.is_whole(happened.version, happened.latest):
                return _unpacked(happened)
        for kept in self._snapshots.in_order(self._chassis):
            if reach.is_whole(kept.version, kept.latest):
                return _unpacked(KeptHappened(*kept[:5], kept.redundancy, kept.alarms))
        return found

    def _facts(self, after: int, window: Sequence[Recorded]) -> Sequence[Recorded]:
        if window[0].version <= after + 1:
            return window[after + 1 - window[0].version :]
        facts = read_facts(self._record, self._chassis, after=after, at_once=READ_AT_ONCE)
        return list(islice(facts, window[-1].version - after))


def _places(base: Ordered, offered: Sequence[Ordered], facts: Sequence[Recorded], reach: Reach) -> Iterator[Ordered]:
    """The second fold at those places of the first one, after ``base``, that no late fact reaches back across."""
    last, same = base, base is START or base in offered
    for first_fold in offered:
        if first_fold.version <= base.version or not reach.is_whole(first_fold.version, first_fold.latest):
            continue
        if same and not reach.has(last.version, first_fold.version):
            last = first_fold
        else:
            between = in_order(facts[last.version - base.version : first_fold.version - base.version])
            second_fold = first_fold._replace(
                redundancy=redundancy.evolve_all(last.redundancy, between),
                alarms=reduce(alarm_list.evolve, between, last.alarms),
            )
            # Once both have come to the same, they go on the same way, and one of them is enough.
            same = second_fold == first_fold
            last = second_fold
        yield last


def _version(ordered: Ordered) -> int:
    return ordered.version


def _packed(chassis: str, one: Ordered) -> KeptHappened:
    return KeptHappened(chassis, *one[:4], REDUNDANCY.pack(one.redundancy), ALARMS.pack(one.alarms))


def _unpacked(kept: KeptHappened) -> Ordered:
    return Ordered(*kept[1:5], REDUNDANCY.unpack(kept.redundancy), ALARMS.unpack(kept.alarms))
