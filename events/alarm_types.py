"""The alarm inventory: every alarm that can be raised, in one table (RFC 8632, ``alarm-inventory``).

SR OS alarm ids follow its rule application-raisingEvent-subId. That the synchronisation events raise facility alarms
is our modelling decision: the guide promises an alarm and its clear, no source lists their ids. Probable causes are
those of IANA-ITU-ALARM-TC (RFC 3877), event types those of X.733.
"""

from enum import StrEnum

import msgspec

from events.causes import Cause, Scope
from events.facts import AlarmKey, Severity, Slot

SYNC_FAILED: dict[Scope, str] = {Scope.CONFIG: "config-sync-failed", Scope.BOOT_ENV: "boot-env-sync-failed"}
SCOPE_OF: dict[str, Scope] = {alarm_type: scope for scope, alarm_type in SYNC_FAILED.items()}
CARD_REMOVED = "card-removed"
CARD_FAILED = "card-failed"
STANDBY_SYNC_LOST = "standby-sync-lost"
SINGLE_CARD = "single-card"
VERSION_MISMATCH = "software-version-mismatch"
FLASH_FULL = "flash-full"
SWITCHOVER_FAILED = "switchover-failed"


class EventType(StrEnum):
    """Event types of X.733 that our alarms have."""

    COMMUNICATIONS = "communications-alarm"
    QUALITY_OF_SERVICE = "quality-of-service-alarm"
    PROCESSING_ERROR = "processing-error-alarm"
    EQUIPMENT = "equipment-alarm"
    SECURITY = "security-service-or-mechanism-violation"


class ProbableCause(msgspec.Struct, frozen=True):
    """A probable cause: its name and its number in IANA-ITU-ALARM-TC."""

    name: str
    number: int


class AlarmType(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the inventory; ``sros_id`` is none where no SR OS event raises the like."""

    alarm_type: str
    qualifier: str
    severity: Severity
    event_type: EventType
    probable_cause: ProbableCause
    description: str
    repair: str
    sros_id: str | None
    will_clear: bool = True


_LOST_SYNC = ProbableCause("lossOfSynchronisation", 76)
_LOST_REDUNDANCY = ProbableCause("lossOfRedundancy", 77)
_PROTECTION_FAILED = ProbableCause("protectionMechanismFailure", 81)
_PROTECTING_FAILED = ProbableCause("protectingResourceFailure", 82)
_UNIT_MISSING = ProbableCause("replaceableUnitMissing", 62)
_UNIT_PROBLEM = ProbableCause("replaceableUnitProblem", 69)
_STORAGE = ProbableCause("storageCapacityProblem", 151)
_CORRUPT = ProbableCause("corruptData", 153)
_SUBSYSTEM = ProbableCause("applicationSubsystemFailure", 159)
_MISCONFIGURED = ProbableCause("configurationOrCustomisationError", 160)
_SOFTWARE = ProbableCause("softwareError", 164)
_TIMED_OUT = ProbableCause("timeoutExpired", 165)
_VERSIONS = ProbableCause("versionMismatch", 167)
_CONGESTION = ProbableCause("congestion", 202)
_COMMUNICATIONS = ProbableCause("communicationsSubsystemFailure", 259)
_ACCESS_DENIED = ProbableCause("authenticationFailure", 288)

_COMM, _EQUIP, _PROC = EventType.COMMUNICATIONS, EventType.EQUIPMENT, EventType.PROCESSING_ERROR
_MAJOR, _MINOR, _WARNING = Severity.MAJOR, Severity.MINOR, Severity.WARNING

_SYNC_CAUSES: dict[Cause, tuple[Severity, EventType, ProbableCause, str, str]] = {
    Cause.STANDBY_ABSENT: (
        _MAJOR,
        _EQUIP,
        _UNIT_MISSING,
        "there is no standby card",
        "Insert the standby card, or restore the folder that holds its flashes.",
    ),
    Cause.STANDBY_NOT_READY: (
        _MAJOR,
        _EQUIP,
        _PROTECTING_FAILED,
        "the standby card is there but not in service",
        "See why the standby card failed; repair or replace it.",
    ),
    Cause.ALREADY_RUNNING: (
        _WARNING,
        _PROC,
        _CONGESTION,
        "another synchronisation of this chassis was running",
        "Wait for it to end; automatic synchronisation repeats by itself.",
    ),
    Cause.UNREACHABLE: (
        _MAJOR,
        _COMM,
        _COMMUNICATIONS,
        "the standby card's host did not answer",
        "Check that the host is up and that its SSH service can be reached from here.",
    ),
    Cause.AUTHENTICATION_FAILED: (
        _MAJOR,
        EventType.SECURITY,
        _ACCESS_DENIED,
        "the standby card's host did not accept our key, or its own host key is not the known one",
        "Authorise this host's key there, or correct known_hosts here.",
    ),
    Cause.SOURCE_MISSING: (
        _MAJOR,
        _PROC,
        _MISCONFIGURED,
        "a file that the BOF names is not on the active card",
        "Save the configuration, or correct the name in bof.cfg.",
    ),
    Cause.SOURCE_UNREADABLE: (
        _MAJOR,
        _PROC,
        _SUBSYSTEM,
        "a file on the active card could not be read",
        "Check the file's permissions and the active card's flash.",
    ),
    Cause.INVALID_BOF: (
        _MAJOR,
        _PROC,
        _MISCONFIGURED,
        "the active card's bof.cfg is not valid",
        "Correct the line of bof.cfg that the message names.",
    ),
    Cause.NO_SPACE: (
        _MAJOR,
        _EQUIP,
        _STORAGE,
        "the standby card's flash has too little space",
        "Remove old images or logs from the standby card's flash.",
    ),
    Cause.FILE_TOO_LARGE: (
        _MAJOR,
        _EQUIP,
        _STORAGE,
        "a file is larger than the standby card's flash accepts",
        "Use a smaller file, or a file system without that limit.",
    ),
    Cause.PERMISSION_DENIED: (
        _MAJOR,
        _PROC,
        _MISCONFIGURED,
        "writing on the standby card was not permitted",
        "Give this user write permission on the standby card's folders.",
    ),
    Cause.READ_ONLY: (
        _MAJOR,
        _EQUIP,
        _PROTECTING_FAILED,
        "the standby card's flash is read-only",
        "Mount it writable; check it for errors that made it read-only.",
    ),
    Cause.CONNECTION_LOST: (
        _MAJOR,
        _COMM,
        _COMMUNICATIONS,
        "the connection to the standby card broke during the copy",
        "Check the link between the cards; automatic synchronisation repeats by itself.",
    ),
    Cause.TIMED_OUT: (
        _MAJOR,
        _COMM,
        _TIMED_OUT,
        "the standby card stopped answering during the copy",
        "Check the standby card's host and its load.",
    ),
    Cause.SOURCE_CHANGED: (
        _MINOR,
        _PROC,
        _CORRUPT,
        "a file on the active card was changed while it was copied",
        "Let the change finish; automatic synchronisation repeats by itself.",
    ),
    Cause.IO_ERROR: (
        _MAJOR,
        _EQUIP,
        _UNIT_PROBLEM,
        "reading or writing a flash failed",
        "Check the flash; replace it if the error returns.",
    ),
    Cause.CHECKSUM_MISMATCH: (
        _MAJOR,
        _EQUIP,
        _CORRUPT,
        "what the standby card stored is not what was sent",
        "Check the standby card's flash; replace it if the error returns.",
    ),
    Cause.REPLACE_FAILED: (
        _MAJOR,
        _PROC,
        _SUBSYSTEM,
        "the copied files could not be put in place on the standby card",
        "Check the standby card's folders for files that cannot be replaced.",
    ),
    Cause.INTERRUPTED: (
        _MINOR,
        _PROC,
        _SUBSYSTEM,
        "a synchronisation was cut short before its outcome was recorded",
        "Synchronise again: admin redundancy synchronize.",
    ),
    Cause.INTERNAL_ERROR: (
        _MAJOR,
        _PROC,
        _SOFTWARE,
        "the program failed in a way that it does not know",
        "Report the message; synchronise again: admin redundancy synchronize.",
    ),
}

_SYNC_SROS_ID: dict[Scope, str] = {Scope.CONFIG: "64-2013-1", Scope.BOOT_ENV: "64-2015-1"}


def _sync_types() -> list[AlarmType]:
    return [
        AlarmType(
            alarm_type=SYNC_FAILED[scope],
            qualifier=cause.value,
            severity=severity,
            event_type=event_type,
            probable_cause=probable_cause,
            description=f"Synchronisation of {scope} failed: {description}.",
            repair=repair,
            sros_id=_SYNC_SROS_ID[scope],
        )
        for scope in Scope
        for cause, (severity, event_type, probable_cause, description, repair) in _SYNC_CAUSES.items()
    ]


def _other(
    alarm_type: str, severity: Severity, cause: ProbableCause, sros_id: str | None, description: str, repair: str
) -> AlarmType:
    event_type = _PROC if alarm_type in {VERSION_MISMATCH, SWITCHOVER_FAILED} else _EQUIP
    return AlarmType(
        alarm_type=alarm_type,
        qualifier="",
        severity=severity,
        event_type=event_type,
        probable_cause=cause,
        description=description,
        repair=repair,
        sros_id=sros_id,
    )


INVENTORY: dict[tuple[str, str], AlarmType] = {
    (row.alarm_type, row.qualifier): row
    for row in [
        *_sync_types(),
        _other(
            CARD_REMOVED,
            _MAJOR,
            _UNIT_MISSING,
            "7-2003-1",
            "A control card was removed: its flashes are gone.",
            "Insert the card, or restore the folder that holds its flashes.",
        ),
        _other(
            CARD_FAILED,
            _MAJOR,
            _UNIT_PROBLEM,
            "7-2001-1",
            "A control card is there and does not pass its probes.",
            "Check the card's host, link and flash; replace it if needed.",
        ),
        _other(
            STANDBY_SYNC_LOST,
            _MAJOR,
            _LOST_SYNC,
            "64-2026-1",
            "A standby that was ready can no longer take over.",
            "See the card's other alarms; synchronise when they are gone.",
        ),
        _other(
            SINGLE_CARD,
            Severity.CRITICAL,
            _LOST_REDUNDANCY,
            "64-2029-1",
            "A single card runs the chassis: there is no redundancy.",
            "Bring the other card back and let it be synchronised.",
        ),
        _other(
            VERSION_MISMATCH,
            _MINOR,
            _VERSIONS,
            "7-2025-1",
            "The standby card would boot other software than the active card.",
            "Synchronise the boot environment: admin redundancy synchronize boot-env.",
        ),
        _other(
            FLASH_FULL,
            _MINOR,
            _STORAGE,
            "7-2024-1",
            "A flash is nearly full.",
            "Remove old images or logs from the flash.",
        ),
        _other(
            SWITCHOVER_FAILED,
            Severity.CRITICAL,
            _PROTECTION_FAILED,
            None,
            "A switchover was needed or begun and did not complete.",
            "Read the message; bring the standby in service or repair the switchover executable.",
        ),
    ]
}


def alarm_type_of(key: AlarmKey) -> AlarmType:
    """The inventory's row for an alarm; a ``KeyError`` would be a fault of ours, never of a user."""
    return INVENTORY[key.alarm_type, key.qualifier]


def card_resource(chassis: str, slot: Slot) -> str:
    """The resource of a card's alarms, for example ``pe1/B``."""
    return f"{chassis}/{slot}"


def flash_resource(chassis: str, slot: Slot, flash: str) -> str:
    """The resource of a flash's alarms, for example ``pe1/B/cf3:``."""
    return f"{chassis}/{slot}/{flash}"


def sync_failed_key(chassis: str, standby: Slot, scope: Scope, cause: Cause) -> AlarmKey:
    """The identity of the alarm for one cause: every error condition has its own, on the standby card."""
    return AlarmKey(resource=card_resource(chassis, standby), alarm_type=SYNC_FAILED[scope], qualifier=cause.value)
