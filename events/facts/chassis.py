"""Facts about the chassis, its two cards and their flash."""

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from events.causes import Cause, Scope, SyncMode
from events.facts.fact import FactRoot, Part

Count = Annotated[int, msgspec.Meta(ge=0)]


class Slot(StrEnum):
    """The two control card slots of a chassis."""

    A = "A"
    B = "B"

    @property
    def other(self) -> "Slot":
        """The slot of the other card."""
        return Slot.B if self is Slot.A else Slot.A


class CardLocation(Part, frozen=True, kw_only=True):
    """Where a card's flashes lie: a folder, or ``ssh://user@host[:port]/folder``; ``quota`` limits it, in bytes."""

    slot: Slot
    location: str
    quota: Count | None = None


class Watch(StrEnum):
    """How a change on the active card was noticed."""

    NOTIFIED = "notified"
    POLLED = "polled"
    START_UP = "start-up"


class ChassisProvisioned(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator names a chassis, its two cards and the one that is active."""

    TYPE: ClassVar[str] = "chassis.provisioned.v1"
    cards: tuple[CardLocation, CardLocation]
    active: Slot
    operator: str


class SyncModeSet(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator configures what is synchronised automatically."""

    TYPE: ClassVar[str] = "sync.mode-set.v1"
    mode: SyncMode
    operator: str


class SwitchoverExecSet(FactRoot, frozen=True, kw_only=True):
    """Recorded when an operator names the executable that makes a switchover real, or none (an empty path)."""

    TYPE: ClassVar[str] = "switchover.exec-set.v1"
    path: str
    time_limit_seconds: Annotated[int, msgspec.Meta(ge=1)]
    operator: str


class SupervisionStarted(FactRoot, frozen=True, kw_only=True):
    """Recorded when a process begins to watch over the chassis."""

    TYPE: ClassVar[str] = "supervision.started.v1"
    host: str
    process: Count


class SupervisionStopped(FactRoot, frozen=True, kw_only=True):
    """Recorded when that process stops watching in good order; a killed one leaves none."""

    TYPE: ClassVar[str] = "supervision.stopped.v1"
    host: str
    process: Count


class CardInserted(FactRoot, frozen=True, kw_only=True):
    """Recorded when a card is seen in a slot that was empty."""

    TYPE: ClassVar[str] = "card.inserted.v1"
    slot: Slot


class CardRemoved(FactRoot, frozen=True, kw_only=True):
    """Recorded when a card that was there is gone: its location does not exist any more."""

    TYPE: ClassVar[str] = "card.removed.v1"
    slot: Slot
    detail: str


class CardFailed(FactRoot, frozen=True, kw_only=True):
    """Recorded when a card is there and does not pass its probes."""

    TYPE: ClassVar[str] = "card.failed.v1"
    slot: Slot
    detail: str


class CardRecovered(FactRoot, frozen=True, kw_only=True):
    """Recorded when a failed card passes its probes again."""

    TYPE: ClassVar[str] = "card.recovered.v1"
    slot: Slot


class VersionsDiffered(FactRoot, frozen=True, kw_only=True):
    """Recorded when the two cards are seen to boot different software."""

    TYPE: ClassVar[str] = "card.versions-differed.v1"
    active_version: str
    standby_version: str


class VersionsAgreed(FactRoot, frozen=True, kw_only=True):
    """Recorded when the two cards, having differed, are seen to boot the same software."""

    TYPE: ClassVar[str] = "card.versions-agreed.v1"
    version: str


class FlashFilled(FactRoot, frozen=True, kw_only=True):
    """Recorded when the used part of a card's flash reaches the threshold."""

    TYPE: ClassVar[str] = "flash.filled.v1"
    slot: Slot
    flash: str
    used_percent: Count


class FlashFreed(FactRoot, frozen=True, kw_only=True):
    """Recorded when the used part of a card's flash, having reached the threshold, is seen below it."""

    TYPE: ClassVar[str] = "flash.freed.v1"
    slot: Slot
    flash: str
    used_percent: Count


class FilesChanged(FactRoot, frozen=True, kw_only=True):
    """Recorded when files that a synchronisation covers are seen saved or deleted, other than by a synchronisation.

    On the active card that is how it is used; on the standby somebody else was at its files, and it is out of step.
    """

    TYPE: ClassVar[str] = "files.changed.v1"
    slot: Slot
    scope: Scope
    files: tuple[str, ...]
    noticed: Watch


class ConditionCeased(FactRoot, frozen=True, kw_only=True):
    """Recorded when a probe, not an attempt, proves that one cause of a failed synchronisation has ceased."""

    TYPE: ClassVar[str] = "condition.ceased.v1"
    slot: Slot
    scope: Scope
    cause: Cause
    detail: str


ChassisFact = (
    ChassisProvisioned
    | SyncModeSet
    | SwitchoverExecSet
    | SupervisionStarted
    | SupervisionStopped
    | CardInserted
    | CardRemoved
    | CardFailed
    | CardRecovered
    | VersionsDiffered
    | VersionsAgreed
    | FlashFilled
    | FlashFreed
    | FilesChanged
    | ConditionCeased
)
