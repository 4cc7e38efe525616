"""What is due: which synchronisation, because of what, and when again after a failure. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from events.alarm_types import SCOPE_OF
from events.causes import STANDBY_ITSELF, Cause, Scope, SyncMode
from events.facts import Trigger
from events.state import ChassisState, Health


class Settings(NamedTuple):
    """How supervision goes about its work; times in seconds."""

    probe_interval: float = 1.0
    probe_failures: int = 3
    retry_first: float = 1.0
    retry_limit: float = 300.0
    settling: float = 0.2


class Due(NamedTuple):
    """An attempt that should be made now."""

    scope: Scope
    trigger: Trigger


def backoff(failures: int, settings: Settings) -> float:
    """Seconds to wait after so many failures in a row: doubling, up to the limit."""
    exponent = min(max(failures - 1, 0), 32)
    return min(settings.retry_first * 2.0**exponent, settings.retry_limit)


def covered(mode: SyncMode) -> tuple[Scope, ...]:
    """The scopes that are synchronised automatically in a mode, the one that covers more first."""
    match mode:
        case SyncMode.OFF:
            return ()
        case SyncMode.CONFIG:
            return (Scope.CONFIG,)
        case SyncMode.BOOT_ENV:
            return (Scope.BOOT_ENV, Scope.CONFIG)


def due(state: ChassisState, wait: Mapping[Scope, float]) -> Due | None:
    """The attempt that is due; ``wait`` says how many seconds each failed scope still has to wait for its retry.

    A boot environment that cannot be synchronised does not keep the configuration from being synchronised, unless it is
    the standby itself that stands in the way.
    """
    if not _possible(state):
        return None
    for scope in covered(state.mode):
        status = state.scopes[scope]
        if status.failures:
            if wait.get(scope, 0.0) <= 0:
                return Due(scope, Trigger.RETRY)
            if _standby_itself_fails(state):
                return None
        elif not status.synchronized:
            return Due(scope, Trigger.STANDBY_UP)
        elif status.changed:
            return Due(scope, Trigger.START_UP if status.away else Trigger.SAVED)
    return None


def _possible(state: ChassisState) -> bool:
    healths = {status.health for status in state.cards.values()}
    return healths == {Health.IN_SERVICE} and state.running is None and state.switching is None


def _standby_itself_fails(state: ChassisState) -> bool:
    sync_alarms = (alarm for alarm in state.standing() if alarm.alarm_type in SCOPE_OF)
    return any(Cause(alarm.qualifier) in STANDBY_ITSELF for alarm in sync_alarms)
