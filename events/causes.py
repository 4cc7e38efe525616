"""Why a synchronisation failed: the stages of an attempt and the causes that belong to them.

SR OS reports the reason as free text (TIMETRA-SYSTEM-MIB, ``tmnxSyncFailureReason``), so this taxonomy is ours.
Its words are stored in the record: a cause may be added, never renamed.
"""

from enum import StrEnum


class Scope(StrEnum):
    """What a synchronisation covers (``config redundancy synchronize {boot-env | config}``)."""

    CONFIG = "config"
    BOOT_ENV = "boot-env"


class SyncMode(StrEnum):
    """What is synchronised automatically (YANG ``/configure/redundancy/synchronize``); the default is off."""

    OFF = "off"
    CONFIG = "config"
    BOOT_ENV = "boot-env"


class Stage(StrEnum):
    """The stages of an attempt, in the order in which it walks through them."""

    ADMIT = "admit"
    """Both cards are there, and nothing else is at work. If the process dies here, only this attempt is lost."""
    REACH = "reach"
    """The standby's host answers and knows us. If the process dies here, only this attempt is lost."""
    READ = "read"
    """What the BOF names is there and readable. If the process dies here, only this attempt is lost."""
    RESERVE = "reserve"
    """What differs is known, and there is room. If the process dies here, only this attempt is lost."""
    TRANSFER = "transfer"
    """Copies are made beside. If the process dies here, they are lost; the next run removes them."""
    VERIFY = "verify"
    """The copies are what was read. If the process dies here, they are lost; the next run removes them."""
    ACTIVATE = "activate"
    """The copies take their places. If the process dies here, the next run puts the earlier files back."""


class Cause(StrEnum):
    """The error that made an attempt fail; it is the qualifier of the alarm."""

    STANDBY_ABSENT = "standby-absent"
    STANDBY_NOT_READY = "standby-not-ready"
    ALREADY_RUNNING = "already-running"
    UNREACHABLE = "unreachable"
    AUTHENTICATION_FAILED = "authentication-failed"
    SOURCE_MISSING = "source-missing"
    SOURCE_UNREADABLE = "source-unreadable"
    INVALID_BOF = "invalid-bof"
    NO_SPACE = "no-space"
    FILE_TOO_LARGE = "file-too-large"
    PERMISSION_DENIED = "permission-denied"
    READ_ONLY = "read-only"
    CONNECTION_LOST = "connection-lost"
    TIMED_OUT = "timed-out"
    SOURCE_CHANGED = "source-changed"
    IO_ERROR = "io-error"
    CHECKSUM_MISMATCH = "checksum-mismatch"
    REPLACE_FAILED = "replace-failed"
    INTERRUPTED = "interrupted"
    INTERNAL_ERROR = "internal-error"


CAUSES_OF: dict[Stage, tuple[Cause, ...]] = {
    Stage.ADMIT: (Cause.STANDBY_ABSENT, Cause.STANDBY_NOT_READY, Cause.ALREADY_RUNNING),
    Stage.REACH: (Cause.UNREACHABLE, Cause.AUTHENTICATION_FAILED),
    Stage.READ: (Cause.SOURCE_MISSING, Cause.SOURCE_UNREADABLE, Cause.INVALID_BOF),
    Stage.RESERVE: (Cause.NO_SPACE, Cause.FILE_TOO_LARGE),
    Stage.TRANSFER: (
        Cause.PERMISSION_DENIED,
        Cause.READ_ONLY,
        Cause.CONNECTION_LOST,
        Cause.TIMED_OUT,
        Cause.SOURCE_CHANGED,
        Cause.IO_ERROR,
    ),
    Stage.VERIFY: (Cause.CHECKSUM_MISMATCH,),
    Stage.ACTIVATE: (Cause.REPLACE_FAILED,),
}

STAGE_OF: dict[Cause, Stage] = {cause: stage for stage, causes in CAUSES_OF.items() for cause in causes}
"""The stage that each cause belongs to; ``interrupted`` and ``internal-error`` happen in any, so they are absent."""

STANDBY_ITSELF: frozenset[Cause] = frozenset(CAUSES_OF[Stage.ADMIT] + CAUSES_OF[Stage.REACH])
"""Causes that speak of the standby itself, whichever scope was tried."""
