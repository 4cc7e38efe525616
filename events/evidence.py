"""What proves that the cause of a failed synchronisation has ceased. The heart of clearing alarms.

An attempt that gets past a stage proves that the causes of the stages before it have ceased. Admit and reach speak of
the standby itself, whichever scope was tried; the later stages speak of that scope's files. A success proves all
causes of its scope, and a success of boot-env covers config. A probe may prove one cause alone.

That another attempt was running has ceased when that one has ended, however it did: its outcome is the evidence.

Whether a card of another host is there, and in service, is seen only after reaching that host. So an attempt that could
not reach the standby got past no more of admit than that no other attempt was running.
"""

from events.alarm_types import SCOPE_OF
from events.causes import STAGE_OF, STANDBY_ITSELF, Cause, Scope, Stage
from events.facts import AlarmKey

_ORDER = {stage: number for number, stage in enumerate(Stage)}


def disproved_by_success(alarm: AlarmKey, *, resource: str, scope: Scope) -> bool:
    """Whether a success of ``scope`` on the standby ``resource`` proves that the alarm's condition has ceased."""
    alarm_scope = SCOPE_OF.get(alarm.alarm_type)
    if alarm_scope is None or alarm.resource != resource:
        return False
    return scope in {alarm_scope, Scope.BOOT_ENV} or Cause(alarm.qualifier) in STANDBY_ITSELF


def disproved_by_failure(alarm: AlarmKey, *, resource: str, scope: Scope, stage: Stage | None) -> bool:
    """Whether an attempt that failed at ``stage``, and so got past all stages before it, proves the same.

    Nobody saw how far an attempt without a stage came: it proves nothing.
    """
    alarm_scope = SCOPE_OF.get(alarm.alarm_type)
    if alarm_scope is None or alarm.resource != resource or stage is None:
        return False
    cause = Cause(alarm.qualifier)
    if cause not in STAGE_OF or _ORDER[STAGE_OF[cause]] >= _ORDER[stage]:
        return False
    if stage is Stage.REACH and cause is not Cause.ALREADY_RUNNING:
        return False
    return alarm_scope is scope or cause in STANDBY_ITSELF


def disproved_by_probe(alarm: AlarmKey, *, resource: str, scope: Scope, cause: Cause) -> bool:
    """Whether a probe that saw ``cause`` not to hold for ``scope`` proves that the alarm's condition has ceased."""
    alarm_scope = SCOPE_OF.get(alarm.alarm_type)
    if alarm_scope is None or alarm.resource != resource or alarm.qualifier != cause:
        return False
    return alarm_scope is scope or cause in STANDBY_ITSELF
