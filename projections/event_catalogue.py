"""Which application, number and name does each kind of log event have?

SR OS events keep the application, number and name that they have there, and the severity where a source gives one
(CHASSIS 2001 to 2003, SYSTEM 2029). Other severities are ours: what raises an alarm has the severity of that alarm.
All that SR OS has no event for is of our application ``UNDERSTUDY``, numbered from 3001. A number once given never
changes and is never given to another event: operators filter by them.
"""

from enum import Enum, StrEnum, unique

import msgspec


class LogSeverity(StrEnum):
    """Severities of log events, as SR OS prints them."""

    CLEARED = "CLEARED"
    INDETERMINATE = "INDETERMINATE"
    CRITICAL = "CRITICAL"
    MAJOR = "MAJOR"
    MINOR = "MINOR"
    WARNING = "WARNING"


@unique
class LogEvent(Enum):
    """The catalogue: application, number, name and usual severity of every log event that there is."""

    SYNC_CONFIG_OK = ("SYSTEM", 2012, "ssiSyncConfigOK", LogSeverity.WARNING)
    SYNC_CONFIG_FAILED = ("SYSTEM", 2013, "ssiSyncConfigFailed", LogSeverity.MAJOR)
    SYNC_BOOT_ENV_OK = ("SYSTEM", 2014, "ssiSyncBootEnvOK", LogSeverity.WARNING)
    SYNC_BOOT_ENV_FAILED = ("SYSTEM", 2015, "ssiSyncBootEnvFailed", LogSeverity.MAJOR)
    STANDBY_SYNCING = ("SYSTEM", 2024, "tmnxRedStandbySyncing", LogSeverity.MINOR)
    STANDBY_READY = ("SYSTEM", 2025, "tmnxRedStandbyReady", LogSeverity.MINOR)
    STANDBY_SYNC_LOST = ("SYSTEM", 2026, "tmnxRedStandbySyncLost", LogSeverity.MAJOR)
    SWITCHOVER = ("SYSTEM", 2027, "tmnxRedSwitchover", LogSeverity.MAJOR)
    CPM_ACTIVE = ("SYSTEM", 2028, "tmnxRedCpmActive", LogSeverity.MAJOR)
    SINGLE_CPM = ("SYSTEM", 2029, "tmnxRedSingleCpm", LogSeverity.CRITICAL)

    CARD_FAILURE = ("CHASSIS", 2001, "tmnxEqCardFailure", LogSeverity.MAJOR)
    CARD_INSERTED = ("CHASSIS", 2002, "tmnxEqCardInserted", LogSeverity.MINOR)
    CARD_REMOVED = ("CHASSIS", 2003, "tmnxEqCardRemoved", LogSeverity.MAJOR)
    FLASH_DISK_FULL = ("CHASSIS", 2024, "tmnxEqFlashDiskFull", LogSeverity.MINOR)
    VERSION_MISMATCH = ("CHASSIS", 2025, "tmnxPeSoftwareVersionMismatch", LogSeverity.MINOR)
    SYNC_FILE_NOT_PRESENT = ("CHASSIS", 2057, "tmnxCpmCardSyncFileNotPresent", LogSeverity.WARNING)

    CHASSIS_PROVISIONED = ("UNDERSTUDY", 3001, "chassisProvisioned", LogSeverity.INDETERMINATE)
    SYNC_MODE_SET = ("UNDERSTUDY", 3002, "syncModeSet", LogSeverity.INDETERMINATE)
    SWITCHOVER_EXEC_SET = ("UNDERSTUDY", 3003, "switchoverExecSet", LogSeverity.INDETERMINATE)
    SUPERVISION_STARTED = ("UNDERSTUDY", 3004, "supervisionStarted", LogSeverity.INDETERMINATE)
    SUPERVISION_STOPPED = ("UNDERSTUDY", 3005, "supervisionStopped", LogSeverity.WARNING)
    CARD_RECOVERED = ("UNDERSTUDY", 3006, "cardRecovered", LogSeverity.CLEARED)
    VERSIONS_AGREED = ("UNDERSTUDY", 3007, "versionsAgreed", LogSeverity.CLEARED)
    FLASH_FREED = ("UNDERSTUDY", 3008, "flashFreed", LogSeverity.CLEARED)
    FILES_CHANGED = ("UNDERSTUDY", 3009, "filesChanged", LogSeverity.INDETERMINATE)
    CONDITION_CEASED = ("UNDERSTUDY", 3010, "conditionCeased", LogSeverity.CLEARED)
    SYNC_STARTED = ("UNDERSTUDY", 3011, "syncStarted", LogSeverity.INDETERMINATE)
    SWITCHOVER_FAILED = ("UNDERSTUDY", 3012, "switchoverFailed", LogSeverity.CRITICAL)
    SWITCHOVER_REFUSED = ("UNDERSTUDY", 3013, "switchoverRefused", LogSeverity.MAJOR)
    ALARM_RAISED = ("UNDERSTUDY", 3014, "alarmRaised", LogSeverity.MAJOR)
    ALARM_REPEATED = ("UNDERSTUDY", 3015, "alarmRepeated", LogSeverity.MAJOR)
    ALARM_CLEARED = ("UNDERSTUDY", 3016, "alarmCleared", LogSeverity.CLEARED)
    ALARM_ACKNOWLEDGED = ("UNDERSTUDY", 3017, "alarmAcknowledged", LogSeverity.INDETERMINATE)
    ALARM_CLOSED = ("UNDERSTUDY", 3018, "alarmClosed", LogSeverity.INDETERMINATE)
    ALARM_COMMENTED = ("UNDERSTUDY", 3019, "alarmCommented", LogSeverity.INDETERMINATE)
    ALARM_SHELVED = ("UNDERSTUDY", 3020, "alarmShelved", LogSeverity.INDETERMINATE)
    ALARM_UNSHELVED = ("UNDERSTUDY", 3021, "alarmUnshelved", LogSeverity.INDETERMINATE)
    ALARM_PURGED = ("UNDERSTUDY", 3022, "alarmPurged", LogSeverity.INDETERMINATE)
    ALARM_COMPRESSED = ("UNDERSTUDY", 3023, "alarmCompressed", LogSeverity.INDETERMINATE)
    PAST_READ = ("UNDERSTUDY", 3024, "pastRead", LogSeverity.INDETERMINATE)
    RECORD_VERIFIED = ("UNDERSTUDY", 3025, "recordVerified", LogSeverity.INDETERMINATE)
    EVIDENCE_EXPORTED = ("UNDERSTUDY", 3026, "evidenceExported", LogSeverity.INDETERMINATE)
    RECORD_ARCHIVED = ("UNDERSTUDY", 3027, "recordArchived", LogSeverity.INDETERMINATE)
    HOLD_PLACED = ("UNDERSTUDY", 3028, "holdPlaced", LogSeverity.INDETERMINATE)
    HOLD_RELEASED = ("UNDERSTUDY", 3029, "holdReleased", LogSeverity.INDETERMINATE)

    def __init__(self, application: str, event_id: int, event_name: str, severity: LogSeverity) -> None:
        self.application = application
        self.event_id = event_id
        self.event_name = event_name
        self.severity = severity


class LogLine(msgspec.Struct, frozen=True):
    """What one fact puts in the log, before it has its number and time."""

    event: LogEvent
    subject: str
    message: str
    severity: LogSeverity


def line(event: LogEvent, subject: str, message: str, severity: LogSeverity | None = None) -> LogLine:
    """A line of the log, with the event's usual severity unless another one is given."""
    return LogLine(event, subject, message, severity or event.severity)


def sentence(text: str) -> str:
    """``text`` with one full stop at its end; what others report comes with and without."""
    return f"{text.rstrip().rstrip('.')}."
