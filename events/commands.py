"""What can be asked of a chassis, and what can be seen of it: the closed union that decisions are made on."""

from enum import StrEnum

import msgspec

from events.causes import Cause, Scope, Stage, SyncMode
from events.facts import (
    AlarmKey,
    CardLocation,
    FileResult,
    Slot,
    SwitchoverFailure,
    SwitchoverReason,
    Trigger,
    Watch,
)
from events.state import Health


class Provision(msgspec.Struct, frozen=True, kw_only=True):
    """Name a chassis and its two cards; ``equipped`` lists the slots whose card was seen there."""

    cards: tuple[CardLocation, CardLocation]
    active: Slot
    equipped: tuple[Slot, ...]
    operator: str


class SetSyncMode(msgspec.Struct, frozen=True, kw_only=True):
    """Configure what is synchronised automatically."""

    mode: SyncMode
    operator: str


class SetSwitchoverExec(msgspec.Struct, frozen=True, kw_only=True):
    """Configure the executable that makes a switchover real; an empty path for none."""

    path: str
    time_limit_seconds: int
    operator: str


class StartSupervision(msgspec.Struct, frozen=True, kw_only=True):
    """A process begins to watch over the chassis."""

    host: str
    process: int


class StopSupervision(msgspec.Struct, frozen=True, kw_only=True):
    """A process stops watching over the chassis in good order."""

    host: str
    process: int


class SeeCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card was looked at; ``detail`` says what was wrong, if anything."""

    slot: Slot
    health: Health
    detail: str = ""


class SeeVersions(msgspec.Struct, frozen=True, kw_only=True):
    """The software that each card would boot was read."""

    active_version: str
    standby_version: str


class SeeFlash(msgspec.Struct, frozen=True, kw_only=True):
    """The used part of a flash (``cf3:``) was read, in percent."""

    slot: Slot
    flash: str
    used_percent: int


class SeeChange(msgspec.Struct, frozen=True, kw_only=True):
    """Files that ``scope`` covers were seen saved or deleted: on the active card, unless ``slot`` says otherwise."""

    slot: Slot | None = None
    scope: Scope
    files: tuple[str, ...]
    noticed: Watch


class SeeCeased(msgspec.Struct, frozen=True, kw_only=True):
    """A probe of ``scope`` saw that these causes do not hold now.

    ``since`` is the version of the stream when the probe began: what was seen later is newer than the probe.
    """

    scope: Scope
    since: int | None = None
    causes: tuple[Cause, ...]
    detail: str


class StartSync(msgspec.Struct, frozen=True, kw_only=True):
    """Begin an attempt from the active card to the standby."""

    scope: Scope
    trigger: Trigger
    operator: str | None = None


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an attempt that put every file in place."""

    files: tuple[FileResult, ...]
    bytes_copied: int


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an attempt that failed; ``stage`` matters only for causes that may happen in any stage."""

    cause: Cause
    detail: str
    stage: Stage | None = None
    files: tuple[FileResult, ...] = ()


class FinishSync(msgspec.Struct, frozen=True, kw_only=True):
    """Record the outcome of the attempt that runs."""

    attempt: int
    outcome: Copied | Failed
    duration_ms: int


class StartSwitchover(msgspec.Struct, frozen=True, kw_only=True):
    """Let the standby take over; ``out_of_step`` names the files in which the cards differ."""

    reason: SwitchoverReason
    ignore_status: bool = False
    out_of_step: tuple[str, ...] = ()
    operator: str | None = None


class FinishSwitchover(msgspec.Struct, frozen=True, kw_only=True):
    """Record how the switchover that runs ended; no failure means that it completed."""

    switchover: int
    duration_ms: int
    failure: SwitchoverFailure | None = None
    detail: str = ""


class AlarmAction(StrEnum):
    """What an operator may do to an alarm (RFC 8632)."""

    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"
    COMMENT = "comment"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    PURGE = "purge"
    COMPRESS = "compress"


class OperateAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An operator acts on one alarm; ``text`` says why."""

    action: AlarmAction
    alarm: AlarmKey
    operator: str
    text: str


CardCommand = SeeCard | SeeVersions | SeeFlash | SeeChange
SyncCommand = StartSync | FinishSync | SeeCeased
SwitchoverCommand = StartSwitchover | FinishSwitchover
ConfigCommand = Provision | SetSyncMode | SetSwitchoverExec | StartSupervision | StopSupervision
Command = ConfigCommand | CardCommand | SyncCommand | SwitchoverCommand | OperateAlarm
