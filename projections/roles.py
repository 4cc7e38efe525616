"""What part does a fact play in a story: trigger, attempt, failure, raise, evidence, clear, or an operator's act?"""

from enum import StrEnum
from typing import get_args

from events.facts import (
    AlarmCleared,
    AlarmRaised,
    AlarmRepeated,
    AuditFact,
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    ChassisProvisioned,
    ConditionCeased,
    Fact,
    FilesChanged,
    FlashFilled,
    FlashFreed,
    OperatorFact,
    RedundancyLost,
    StandbyLost,
    StandbyReady,
    StandbySyncing,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverCompleted,
    SwitchoverExecSet,
    SwitchoverFailed,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncFileNotPresent,
    SyncModeSet,
    SyncStarted,
    SyncSucceeded,
    Trigger,
    VersionsAgreed,
    VersionsDiffered,
)


class Role(StrEnum):
    """The part that a fact plays; ``evidence`` is an observation that proved that an alarm's condition had ceased."""

    TRIGGER = "trigger"
    OBSERVATION = "observation"
    ATTEMPT = "attempt"
    RETRY = "retry"
    FAILURE = "failure"
    SUCCESS = "success"
    FILE = "file"
    READINESS = "readiness"
    RAISE = "raise"
    REPEAT = "repeat"
    EVIDENCE = "evidence"
    CLEAR = "clear"
    OPERATOR = "operator"
    SWITCHOVER = "switchover"
    REFUSAL = "refusal"
    CONFIGURATION = "configuration"
    SUPERVISION = "supervision"
    AUDIT = "audit"


_OBSERVED = (
    CardInserted,
    CardRemoved,
    CardFailed,
    CardRecovered,
    VersionsDiffered,
    VersionsAgreed,
    FlashFilled,
    FlashFreed,
    FilesChanged,
    ConditionCeased,
)
_ROLES: dict[type, Role] = {
    **dict.fromkeys(_OBSERVED, Role.OBSERVATION),
    SyncFailed: Role.FAILURE,
    SyncSucceeded: Role.SUCCESS,
    SyncFileNotPresent: Role.FILE,
    **dict.fromkeys((StandbySyncing, StandbyReady, StandbyLost, RedundancyLost), Role.READINESS),
    AlarmRaised: Role.RAISE,
    AlarmRepeated: Role.REPEAT,
    AlarmCleared: Role.CLEAR,
    **dict.fromkeys(get_args(OperatorFact), Role.OPERATOR),
    SwitchoverStarted: Role.SWITCHOVER,
    SwitchoverCompleted: Role.SUCCESS,
    SwitchoverFailed: Role.FAILURE,
    SwitchoverRefused: Role.REFUSAL,
    **dict.fromkeys((ChassisProvisioned, SyncModeSet, SwitchoverExecSet), Role.CONFIGURATION),
    **dict.fromkeys((SupervisionStarted, SupervisionStopped), Role.SUPERVISION),
    **dict.fromkeys(get_args(AuditFact), Role.AUDIT),
}


def role_of(fact: Fact, *, proves: bool, triggers: bool) -> Role:
    """The part of ``fact``, of which is known whether it proved a clear, and whether it led to anything else."""
    if isinstance(fact, SyncStarted):
        return Role.RETRY if fact.trigger is Trigger.RETRY else Role.ATTEMPT
    role = _ROLES[type(fact)]
    if role is not Role.OBSERVATION:
        return role
    return Role.EVIDENCE if proves else Role.TRIGGER if triggers else role
