"""Facts about synchronisation attempts and about the standby's readiness that follows from them."""

from enum import StrEnum
from typing import ClassVar

from events.causes import Cause, Scope, Stage
from events.facts.chassis import Count, Slot
from events.facts.fact import FactRoot, Part


class Trigger(StrEnum):
    """What made an attempt start."""

    MANUAL = "manual"
    SAVED = "saved"
    STANDBY_UP = "standby-up"
    RETRY = "retry"
    START_UP = "start-up"


class FileKind(StrEnum):
    """What a synchronised file is to the card that boots from it."""

    BOF = "bof"
    BOOT_LOADER = "boot-loader"
    NVSYS = "nvsys"
    IMAGE = "image"
    CONFIG = "config"
    INDEX = "index"


class FileOutcome(StrEnum):
    """What became of one file of an attempt."""

    COPIED = "copied"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    NOT_PRESENT = "not-present"
    REMOTE = "remote"
    FAILED = "failed"
    NOT_TRIED = "not-tried"


class FileResult(Part, frozen=True, kw_only=True):
    r"""One file of an attempt: router name (``cf3:\bof.cfg``), kind, outcome, size in bytes, SHA-256 (hex) if read."""

    name: str
    kind: FileKind
    outcome: FileOutcome
    size: Count = 0
    sha256: str | None = None


class SyncStarted(FactRoot, frozen=True, kw_only=True):
    """Recorded when an attempt begins, before anything is read; so one that never ends shows."""

    TYPE: ClassVar[str] = "sync.started.v1"
    attempt: Count
    scope: Scope
    trigger: Trigger
    source: Slot
    standby: Slot
    operator: str | None = None


class SyncFileNotPresent(FactRoot, frozen=True, kw_only=True):
    """Recorded when a success leaves out an optional file: the BOF names it, or it usually exists, and it is absent."""

    TYPE: ClassVar[str] = "sync.file-not-present.v1"
    attempt: Count
    file: str


class SyncSucceeded(FactRoot, frozen=True, kw_only=True):
    """Recorded when every file of the scope is on the standby, verified and in place."""

    TYPE: ClassVar[str] = "sync.succeeded.v1"
    attempt: Count
    scope: Scope
    standby: Slot
    files: tuple[FileResult, ...]
    bytes_copied: Count
    duration_ms: Count


class SyncFailed(FactRoot, frozen=True, kw_only=True):
    """Recorded when an attempt ends without success; the standby is as it was before the attempt.

    ``stage`` is where it failed; none for an attempt whose process died, since nobody saw how far it came.
    ``failures`` counts the failures of this scope in a row, this one included: retries back off by it.
    """

    TYPE: ClassVar[str] = "sync.failed.v1"
    attempt: Count
    scope: Scope
    standby: Slot
    stage: Stage | None
    cause: Cause
    detail: str
    failures: Count
    files: tuple[FileResult, ...]
    duration_ms: Count


class StandbySyncing(FactRoot, frozen=True, kw_only=True):
    """Recorded when a standby that could not take over begins to be synchronised (SR OS ``tmnxRedStandbySyncing``)."""

    TYPE: ClassVar[str] = "standby.syncing.v1"
    slot: Slot


class StandbyReady(FactRoot, frozen=True, kw_only=True):
    """Recorded when the standby has all that it needs to take over (SR OS ``tmnxRedStandbyReady``)."""

    TYPE: ClassVar[str] = "standby.ready.v1"
    slot: Slot


class StandbyLost(FactRoot, frozen=True, kw_only=True):
    """Recorded when a standby that was ready can no longer take over (SR OS ``tmnxRedStandbySyncLost``)."""

    TYPE: ClassVar[str] = "standby.lost.v1"
    slot: Slot
    detail: str


class RedundancyLost(FactRoot, frozen=True, kw_only=True):
    """Recorded when a single card is left to run the chassis (SR OS ``tmnxRedSingleCpm``)."""

    TYPE: ClassVar[str] = "redundancy.lost.v1"
    remaining: Slot


SyncFact = (
    SyncStarted
    | SyncFileNotPresent
    | SyncSucceeded
    | SyncFailed
    | StandbySyncing
    | StandbyReady
    | StandbyLost
    | RedundancyLost
)
