"""The samples of one chassis: what its projections say, as rows of label values and a value.

Both the renderer and the collector for prometheus-client take them from here, so they cannot disagree on a meaning.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from consumers.prometheus import families
from consumers.prometheus.families import Family
from events.causes import Scope
from events.facts import Severity, Slot
from events.state import Health, blockers_now
from projections.alarm_list import AlarmList
from projections.alarm_views import active
from projections.redundancy import Redundancy
from projections.sync_history import SyncResult
from projections.tallies import Tallies


class Row(NamedTuple):
    """One sample: the values of its family's labels (of a chassis: of those after ``chassis``), and its value.

    ``suffix`` is added to the name; the bucket of a histogram has the value of ``le`` behind the others.
    """

    values: tuple[str, ...]
    value: float
    suffix: str = ""


class Standing(NamedTuple):
    """What the projections say of one chassis."""

    redundancy: Redundancy
    alarms: AlarmList
    tallies: Tallies


class Group(NamedTuple):
    """Families whose rows come from one projection, and the function that gives the rows of each, in this order.

    ``source`` is the field of a standing that they come from.
    """

    families: tuple[Family, ...]
    rows: Callable[[Standing], Sequence[list[Row]]]
    source: str


def _redundancy_rows(standing: Standing) -> Sequence[list[Row]]:
    state = standing.redundancy
    chassis = state.chassis
    synchronized = ((Scope.CONFIG, state.config_sync_at), (Scope.BOOT_ENV, state.boot_env_sync_at))
    return (
        [Row((chassis.active.value, chassis.mode.value), 1)],
        [Row((), int(not blockers_now(chassis)))],
        [Row((), int(bool(state.supervised_by)))],
        [Row((slot.value,), int(chassis.cards[slot].health is Health.IN_SERVICE)) for slot in Slot],
        [Row((), int(chassis.running is not None))],
        [Row((scope.value,), at.timestamp()) for scope, at in synchronized if at is not None],
    )


def _tally_rows(standing: Standing) -> Sequence[list[Row]]:
    state = standing.tallies
    attempts = {(scope.value, SyncResult.SUCCEEDED.value, ""): 0 for scope in Scope}
    copied, counted, lasted = (dict.fromkeys(Scope, 0) for _ in range(3))
    for tally in state.attempts.values():
        cause = tally.cause.value if tally.cause else ""
        attempts[tally.scope.value, tally.result.value, cause] = tally.durations.count
        copied[tally.scope] += tally.bytes_copied
        counted[tally.scope] += tally.durations.count
        lasted[tally.scope] += tally.durations.total_ms
    durations: list[Row] = []
    for scope in Scope:
        durations.append(Row((scope.value,), counted[scope], "_count"))
        durations.append(Row((scope.value,), lasted[scope] / 1000, "_sum"))
    return (
        [Row(labels, count) for labels, count in attempts.items()],
        [Row((scope.value,), copied[scope]) for scope in Scope],
        durations,
        [Row((severity.value,), state.raises.get(severity.value, 0)) for severity in Severity],
        [Row((severity.value,), state.clears.get(severity.value, 0)) for severity in Severity],
        [Row((each.reason.value, each.result.value), each.count) for each in state.switchovers.values()],
    )


def _alarm_rows(standing: Standing) -> Sequence[list[Row]]:
    shown = active(standing.alarms)
    found = Counter(alarm.perceived_severity for alarm in shown)
    oldest = [Row((), min(alarm.last_raised for alarm in shown).timestamp())] if shown else []
    return [Row((severity.value,), found[severity]) for severity in Severity], oldest


GROUPS = (
    Group(
        (
            families.CHASSIS_INFO,
            families.STANDBY_READY,
            families.SUPERVISED,
            families.CARD_IN_SERVICE,
            families.SYNC_RUNNING,
            families.SYNC_LAST_SUCCESS,
        ),
        _redundancy_rows,
        "redundancy",
    ),
    Group(
        (
            families.SYNC_ATTEMPTS,
            families.SYNC_COPIED_BYTES,
            families.SYNC_DURATION,
            families.ALARM_RAISES,
            families.ALARM_CLEARS,
            families.SWITCHOVERS,
        ),
        _tally_rows,
        "tallies",
    ),
    Group((families.ALARMS_ACTIVE, families.OLDEST_ACTIVE_ALARM), _alarm_rows, "alarms"),
)
"""All families of a chassis; the rows of a group change only when its ``source`` does."""
