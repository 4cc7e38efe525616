"""Facts about the standby taking over from the active card."""

from enum import StrEnum
from typing import ClassVar

from events.facts.chassis import Count, Slot
from events.facts.fact import FactRoot


class SwitchoverReason(StrEnum):
    """Why the standby takes over."""

    FORCED = "forced"
    CARD_REMOVED = "card-removed"
    CARD_FAILED = "card-failed"


class Blocker(StrEnum):
    """What keeps a standby from taking over."""

    NOT_EQUIPPED = "not-equipped"
    FAILED = "failed"
    NEVER_SYNCHRONIZED = "never-synchronized"
    SYNCHRONIZING = "synchronizing"
    SWITCHOVER_IN_PROGRESS = "switchover-in-progress"


class SwitchoverFailure(StrEnum):
    """Why a switchover that had begun did not complete."""

    EXEC_MISSING = "exec-missing"
    EXEC_FAILED = "exec-failed"
    EXEC_TIMED_OUT = "exec-timed-out"
    RECOVERY_FAILED = "recovery-failed"
    INTERRUPTED = "interrupted"


class SwitchoverStarted(FactRoot, frozen=True, kw_only=True):
    """Recorded when a takeover begins, before the user's executable is run.

    ``overridden`` lists the blockers that ``--ignore-status`` set aside; ``out_of_step`` the files that differ.
    """

    TYPE: ClassVar[str] = "switchover.started.v1"
    switchover: Count
    from_slot: Slot
    to_slot: Slot
    reason: SwitchoverReason
    overridden: tuple[Blocker, ...]
    out_of_step: tuple[str, ...]
    operator: str | None = None


class SwitchoverCompleted(FactRoot, frozen=True, kw_only=True):
    """Recorded when the former standby is the active card and the user's executable, if any, has succeeded."""

    TYPE: ClassVar[str] = "switchover.completed.v1"
    switchover: Count
    active: Slot
    duration_ms: Count


class SwitchoverFailed(FactRoot, frozen=True, kw_only=True):
    """Recorded when a takeover that had begun did not complete; the roles are as they were."""

    TYPE: ClassVar[str] = "switchover.failed.v1"
    switchover: Count
    failure: SwitchoverFailure
    detail: str
    duration_ms: Count


class SwitchoverRefused(FactRoot, frozen=True, kw_only=True):
    """Recorded when a takeover is asked for, or needed, and the standby is not ready for it."""

    TYPE: ClassVar[str] = "switchover.refused.v1"
    to_slot: Slot
    reason: SwitchoverReason
    blockers: tuple[Blocker, ...]
    operator: str | None = None


SwitchoverFact = SwitchoverStarted | SwitchoverCompleted | SwitchoverFailed | SwitchoverRefused
