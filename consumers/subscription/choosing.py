"""Which facts and which alarm updates are wanted: those of a chassis, and those of a severity and more severe."""

from collections.abc import Callable

from consumers.subscription.alarm_updates import AlarmUpdate, Change
from events.envelope import Recorded
from events.facts import Severity
from projections.alarm_entries import SeverityWithClear, StatusChange
from projections.alarm_views import Place
from projections.event_catalogue import LogSeverity
from projections.event_log import entry

_RANKS: dict[str, int] = {severity.value: rank for rank, severity in enumerate(Severity)}
_LOG_RANKS = {severity: _RANKS.get(severity.value.lower(), -1) for severity in LogSeverity}


def wanted_facts(
    chassis: str | None, severity: Severity | None, came: set[str] | None = None
) -> Callable[[Recorded], bool] | None:
    """Accepts facts of a chassis whose log entry is at least so severe; none if all are wanted.

    ``came`` gathers the chassis of which anything came by.
    """
    if chassis is None and severity is None:
        return None
    least = -1 if severity is None else _RANKS[severity]

    def wanted(recorded: Recorded) -> bool:
        if came is not None:
            came.add(recorded.chassis)
        return chassis in {None, recorded.chassis} and (
            severity is None or _LOG_RANKS[entry(recorded).severity] >= least
        )

    return wanted


def wanted_updates(
    chassis: str | None, severity: Severity | None, *, whole_list: bool
) -> Callable[[AlarmUpdate], bool]:
    """Accepts updates of alarms of a chassis that are, or until now were, at least so severe.

    That an alarm left the list is always told: who never heard of it has nothing to forget. Without ``whole_list``,
    the list has only the active ones.
    """
    least = -1 if severity is None else _RANKS[severity]

    def wanted(told: AlarmUpdate) -> bool:
        if chassis not in {None, told.chassis}:
            return False
        alarm = told.alarm
        if alarm is None:
            return True
        if told.change is Change.LISTED and alarm.place is not Place.ACTIVE and not whole_list:
            return False
        return _RANKS[alarm.perceived_severity] >= least or _was(alarm.status_change, told.position) >= least

    return wanted


def _was(changes: tuple[StatusChange, ...], position: int) -> int:
    """The severity that a change at this position ended: who knows the alarm with it has to hear of its new one."""
    if len(changes) > 1 and changes[0].position == position:
        before = changes[1].perceived_severity
        return -1 if before is SeverityWithClear.CLEARED else _RANKS[before.value]
    return -1
