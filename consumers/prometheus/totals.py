"""The samples of all chassis together, kept up to date by what each change of a chassis adds and takes away."""

from collections import Counter

from consumers.prometheus.samples import Row, Standing
from events.alarm_types import INVENTORY
from events.causes import Scope
from events.facts import SwitchoverReason
from projections.alarm_views import active
from projections.sync_history import SyncResult
from projections.tallies import BOUNDS_MS, Durations, SwitchoverResult, Tallies

_LE = (*(str(bound / 1000) for bound in BOUNDS_MS), "+Inf")


class Totals:
    """Counts over the fleet; a chassis is put in with what is known of it, again and again."""

    def __init__(self) -> None:
        self._alarms: Counter[tuple[str, str]] = Counter()
        self._attempts = {
            (scope.value, result.value): _Histogram()
            for scope in Scope
            for result in (SyncResult.SUCCEEDED, SyncResult.FAILED)
        }
        self._switchovers = {(reason.value,): _Histogram() for reason in SwitchoverReason}

    def put(self, before: Standing | None, after: Standing) -> None:
        """A chassis of which ``before`` was put in before (none: nothing) is now as in ``after``."""
        if before is None or before.alarms is not after.alarms:
            if before is not None:
                self._alarms.subtract(_types(before))
            self._alarms.update(_types(after))
        if before is None or before.tallies is not after.tallies:
            if before is not None:
                self._durations(before.tallies, -1)
            self._durations(after.tallies, 1)

    def _durations(self, tallies: Tallies, sign: int) -> None:
        for attempt in tallies.attempts.values():
            self._attempts[attempt.scope.value, attempt.result.value].add(attempt.durations, sign)
        for switchover in tallies.switchovers.values():
            if switchover.result is SwitchoverResult.COMPLETED:
                self._switchovers[(switchover.reason.value,)].add(switchover.durations, sign)

    def rows(self) -> tuple[list[Row], list[Row], list[Row]]:
        """The rows of each family of ``OF_THE_FLEET``, in its order."""
        known = {(row.alarm_type, row.qualifier): 0 for row in INVENTORY.values()}
        alarms = known | {kind: count for kind, count in self._alarms.items() if count}
        return (
            [Row(labels, count) for labels, count in alarms.items()],
            [row for labels, histogram in self._attempts.items() for row in histogram.rows(labels)],
            [row for labels, histogram in self._switchovers.items() for row in histogram.rows(labels)],
        )


class _Histogram:
    """The sum of the durations of many chassis."""

    def __init__(self) -> None:
        self._count = self._total_ms = 0
        self._classes = [0] * len(_LE)

    def add(self, durations: Durations, sign: int) -> None:
        self._count += sign * durations.count
        self._total_ms += sign * durations.total_ms
        for number, count in enumerate(durations.classes):
            self._classes[number] += sign * count

    def rows(self, labels: tuple[str, ...]) -> list[Row]:
        rows: list[Row] = []
        below = 0
        for bound, count in zip(_LE, self._classes, strict=True):
            below += count
            rows.append(Row((*labels, bound), below, "_bucket"))
        rows.append(Row(labels, self._count, "_count"))
        rows.append(Row(labels, self._total_ms / 1000, "_sum"))
        return rows


def _types(standing: Standing) -> Counter[tuple[str, str]]:
    return Counter((alarm.alarm_type_id, alarm.alarm_type_qualifier) for alarm in active(standing.alarms))
