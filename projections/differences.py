"""What is different between two pictures of a chassis, and what happened between them?"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import msgspec

from events.envelope import Recorded
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmClosed,
    AlarmCommented,
    AlarmCompressed,
    AlarmPurged,
    AlarmRaised,
    AlarmRepeated,
    AlarmShelved,
    AlarmUnshelved,
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
    RedundancyLost,
    Severity,
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
    VersionsAgreed,
    VersionsDiffered,
)
from projections.alarm_entries import Alarm
from projections.alarm_list import identity
from projections.as_of import Picture
from projections.event_log import entry
from projections.redundancy import RedundancyView, view
from projections.wording import stamp


class Kind(StrEnum):
    """What a fact changed."""

    RAISED = "raised"
    SEVERITY_CHANGED = "severity changed"
    REPEATED = "repeated"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    COMMENTED = "commented"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    PURGED = "purged"
    COMPRESSED = "compressed"
    SYNC_BEGUN = "sync begun"
    SYNCHRONIZED = "synchronized"
    FAILED = "failed"
    SWITCHOVER_BEGUN = "switchover begun"
    SWITCHED_OVER = "switched over"
    SWITCHOVER_FAILED = "switchover failed"
    SWITCHOVER_REFUSED = "switchover refused"
    CONFIGURED = "configured"
    CARD = "card"
    STANDBY = "standby"
    FLASH = "flash"
    FILES = "files"
    SUPERVISION = "supervision"


KINDS: dict[type[Fact], Kind] = {
    AlarmRaised: Kind.RAISED,
    AlarmRepeated: Kind.REPEATED,
    AlarmCleared: Kind.CLEARED,
    AlarmAcknowledged: Kind.ACKNOWLEDGED,
    AlarmClosed: Kind.CLOSED,
    AlarmCommented: Kind.COMMENTED,
    AlarmShelved: Kind.SHELVED,
    AlarmUnshelved: Kind.UNSHELVED,
    AlarmPurged: Kind.PURGED,
    AlarmCompressed: Kind.COMPRESSED,
    SyncStarted: Kind.SYNC_BEGUN,
    SyncSucceeded: Kind.SYNCHRONIZED,
    SyncFailed: Kind.FAILED,
    SwitchoverStarted: Kind.SWITCHOVER_BEGUN,
    SwitchoverCompleted: Kind.SWITCHED_OVER,
    SwitchoverFailed: Kind.SWITCHOVER_FAILED,
    SwitchoverRefused: Kind.SWITCHOVER_REFUSED,
    ChassisProvisioned: Kind.CONFIGURED,
    SyncModeSet: Kind.CONFIGURED,
    SwitchoverExecSet: Kind.CONFIGURED,
    CardInserted: Kind.CARD,
    CardRemoved: Kind.CARD,
    CardFailed: Kind.CARD,
    CardRecovered: Kind.CARD,
    VersionsDiffered: Kind.CARD,
    VersionsAgreed: Kind.CARD,
    StandbySyncing: Kind.STANDBY,
    StandbyReady: Kind.STANDBY,
    StandbyLost: Kind.STANDBY,
    RedundancyLost: Kind.STANDBY,
    FlashFilled: Kind.FLASH,
    FlashFreed: Kind.FLASH,
    ConditionCeased: Kind.FLASH,
    FilesChanged: Kind.FILES,
    SyncFileNotPresent: Kind.FILES,
    SupervisionStarted: Kind.SUPERVISION,
    SupervisionStopped: Kind.SUPERVISION,
}
"""Every fact that a chassis has: none between two moments is left out."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One fact between the two moments, and what it changed; ``text`` is its line in the log."""

    position: int
    occurred_at: datetime
    recorded_at: datetime
    kind: Kind
    subject: str
    text: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is different in the end: ``what`` of ``subject`` was ``before`` and is ``after``, in words."""

    subject: str
    what: str
    before: str
    after: str


class AlarmEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one alarm in between, and what of it remains: ``effect`` says both, in words."""

    resource: str
    alarm_type_id: str
    alarm_type_qualifier: str
    before: str
    after: str
    raised: int
    cleared: int
    effect: str


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """All that is different between two pictures: the facts in between by kind, and their net effect."""

    chassis: str
    facts: int
    counts: dict[str, int]
    changes: tuple[Change, ...]
    alarms: tuple[AlarmEffect, ...]
    happenings: tuple[Happening, ...]


_SHOWN = {
    "active": "active card",
    "standby_status": "standby",
    "ready": "can take over",
    "explanation": "in the way",
    "unsynchronized": "out of step",
    "sync_mode": "synchronisation mode",
    "sync_status": "synchronisation",
    "running_attempt": "attempt under way",
    "config_sync_at": "last synchronisation of config",
    "boot_env_sync_at": "last synchronisation of boot-env",
    "standby_version": "standby version",
    "failover_at": "last switchover",
    "switchover_exec": "switchover executable",
    "supervised_by": "supervised by",
}
"""Fields of the redundancy that are compared, and what people call them."""

ABSENT = "not on the list"


def compare(before: Picture, after: Picture) -> tuple[Change, ...]:
    """What is different in the end, whatever happened in between: redundancy, cards, then alarms."""
    one, other = view(before.redundancy), view(after.redundancy)
    return (*_redundancy(one, other), *_cards(one, other), *_alarms(before, after))


def differences(before: Picture, after: Picture, between: Iterable[Recorded]) -> Differences:
    """What is different, and which of the facts ``between`` made it so."""
    facts = list(between)
    severities = {
        name: alarm.perceived_severity for name, alarm in before.alarms.alarms.items() if not alarm.is_cleared
    }
    happenings = tuple(_happening(one, severities) for one in facts)
    counts: dict[str, int] = defaultdict(int)
    for each in happenings:
        counts[each.kind.value] += 1
    return Differences(
        chassis=(after if after.facts else before).redundancy.chassis.chassis,
        facts=len(facts),
        counts={kind.value: counts[kind.value] for kind in Kind if kind.value in counts},
        changes=compare(before, after),
        alarms=tuple(_effects(before, after, facts)),
        happenings=happenings,
    )


def _happening(recorded: Recorded, severities: dict[str, Severity]) -> Happening:
    fact = recorded.fact
    kind = KINDS[type(fact)]
    if isinstance(fact, AlarmRaised):
        name = identity(fact.alarm)
        # RFC 8632 reports another severity of an alarm that stands like a raise; it is no new alarm.
        kind = Kind.SEVERITY_CHANGED if severities.get(name, fact.severity) is not fact.severity else kind
        severities[name] = fact.severity
    elif isinstance(fact, AlarmCleared | AlarmPurged):
        severities.pop(identity(fact.alarm), None)
    said = entry(recorded)
    return Happening(
        position=recorded.position,
        occurred_at=recorded.occurred_at,
        recorded_at=recorded.recorded_at,
        kind=kind,
        subject=said.subject,
        text=said.message,
    )


def _redundancy(before: RedundancyView, after: RedundancyView) -> Iterable[Change]:
    chassis = after.chassis or before.chassis
    for field, called in _SHOWN.items():
        was, now = _words(getattr(before, field)), _words(getattr(after, field))
        if was != now:
            yield Change(subject=chassis, what=called, before=was, after=now)


def _cards(before: RedundancyView, after: RedundancyView) -> Iterable[Change]:
    for was, now in zip(before.cards, after.cards, strict=True):
        for field in ("location", "health", "role", "redundancy"):
            one, other = _words(getattr(was, field)), _words(getattr(now, field))
            if one != other:
                yield Change(subject=f"card {now.slot}", what=field, before=one, after=other)


def _alarms(before: Picture, after: Picture) -> Iterable[Change]:
    known, now = before.alarms.alarms, after.alarms.alarms
    for name in sorted(known.keys() | now.keys()):
        was, becomes = _state(before, name), _state(after, name)
        if was != becomes:
            yield Change(subject=name.rstrip(), what="alarm", before=was, after=becomes)


def _effects(before: Picture, after: Picture, facts: Iterable[Recorded]) -> Iterable[AlarmEffect]:
    raised: dict[str, int] = defaultdict(int)
    cleared: dict[str, int] = defaultdict(int)
    keys = {name: alarm.key for name, alarm in before.alarms.alarms.items()}
    for one in facts:
        if isinstance(one.fact, AlarmRaised):
            raised[identity(one.fact.alarm)] += 1
            keys[identity(one.fact.alarm)] = one.fact.alarm
        elif isinstance(one.fact, AlarmCleared):
            cleared[identity(one.fact.alarm)] += 1
    for name in sorted(keys):
        was, now = _state(before, name), _state(after, name)
        if was == now and not raised[name] and not cleared[name]:
            continue
        yield AlarmEffect(
            resource=keys[name].resource,
            alarm_type_id=keys[name].alarm_type,
            alarm_type_qualifier=keys[name].qualifier,
            before=was,
            after=now,
            raised=raised[name],
            cleared=cleared[name],
            effect=_effect(before.alarms.alarms.get(name), after.alarms.alarms.get(name)),
        )


def _effect(was: Alarm | None, now: Alarm | None) -> str:
    stood, stands = was is not None and not was.is_cleared, now is not None and not now.is_cleared
    if stood and stands:
        assert was is not None
        assert now is not None
        if was.raised_position != now.raised_position:
            return "cleared and raised again"
        if was.perceived_severity is not now.perceived_severity:
            return f"severity changed from {was.perceived_severity} to {now.perceived_severity}"
        return (
            f"operator state changed to {now.operator_state}" if was.operator_state != now.operator_state else "stands"
        )
    if stood:
        return "cleared" if now is not None else "cleared and taken off the list"
    if stands:
        return "raised"
    if now is not None and (was is None or was.raised_position != now.raised_position):
        return "raised and cleared in between"
    return "taken off the list" if now is None and was is not None else "changed while cleared"


def _state(picture: Picture, name: str) -> str:
    alarm = picture.alarms.alarms.get(name)
    if alarm is None:
        return ABSENT
    said = "cleared" if alarm.is_cleared else str(alarm.perceived_severity)
    shelved = ", shelved" if name in picture.alarms.shelves else ""
    state = alarm.operator_state.value
    return f"{said}{shelved}" if state in {"none", "shelved"} else f"{said}{shelved}, {state}"


def _words(value: Any) -> str:
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, cast("Sequence[object]", value)))
    return str(value)
