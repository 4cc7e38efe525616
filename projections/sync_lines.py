"""What does the log say about synchronisation attempts and the readiness of the standby?"""

from collections import Counter
from typing import assert_never

from events.alarm_types import INVENTORY, SINGLE_CARD, STANDBY_SYNC_LOST, SYNC_FAILED
from events.causes import Scope
from events.facts import (
    FileOutcome,
    FileResult,
    RedundancyLost,
    StandbyLost,
    StandbyReady,
    StandbySyncing,
    SyncFact,
    SyncFailed,
    SyncFileNotPresent,
    SyncStarted,
    SyncSucceeded,
    Trigger,
)
from projections.event_catalogue import LogEvent, LogLine, LogSeverity, line, sentence

_SUCCEEDED = {Scope.CONFIG: LogEvent.SYNC_CONFIG_OK, Scope.BOOT_ENV: LogEvent.SYNC_BOOT_ENV_OK}
_FAILED = {Scope.CONFIG: LogEvent.SYNC_CONFIG_FAILED, Scope.BOOT_ENV: LogEvent.SYNC_BOOT_ENV_FAILED}
_SCOPE = {Scope.CONFIG: "Configuration", Scope.BOOT_ENV: "Boot environment"}
_WHY = {
    Trigger.MANUAL: "on command",
    Trigger.SAVED: "because files were saved or deleted",
    Trigger.STANDBY_UP: "because the standby card came up",
    Trigger.RETRY: "as a retry",
    Trigger.START_UP: "because files had changed at start-up",
}


def sync_line(fact: SyncFact) -> LogLine:
    """The line for a fact about synchronisation."""
    match fact:
        case SyncStarted() | SyncSucceeded() | SyncFailed():
            return _attempt(fact)
        case SyncFileNotPresent():
            text = f"Optional file {fact.file} was not found on the active card; attempt {fact.attempt} went on."
            return line(LogEvent.SYNC_FILE_NOT_PRESENT, fact.file, text)
        case StandbySyncing():
            text = f"Synchronisation to standby card {fact.slot} has begun; it cannot take over yet."
            return line(LogEvent.STANDBY_SYNCING, f"Card {fact.slot}", text)
        case StandbyReady():
            return line(LogEvent.STANDBY_READY, f"Card {fact.slot}", f"Standby card {fact.slot} is ready to take over.")
        case StandbyLost():
            text = sentence(f"Standby card {fact.slot} cannot take over any more: {fact.detail}")
            repair = INVENTORY[STANDBY_SYNC_LOST, ""].repair
            return line(LogEvent.STANDBY_SYNC_LOST, f"Card {fact.slot}", f"{text} {repair}")
        case RedundancyLost():
            text = f"Active card {fact.remaining} runs alone: there is no standby card in service."
            repair = INVENTORY[SINGLE_CARD, ""].repair
            return line(LogEvent.SINGLE_CPM, f"Card {fact.remaining}", f"{text} {repair}")
        case _:
            assert_never(fact)


def _attempt(fact: SyncStarted | SyncSucceeded | SyncFailed) -> LogLine:
    what = f"{_SCOPE[fact.scope]} synchronisation (attempt {fact.attempt}) to card {fact.standby}"
    subject = f"Card {fact.standby}"
    match fact:
        case SyncStarted():
            who = f", by {fact.operator}" if fact.operator else ""
            text = f"{what} from card {fact.source} has begun {_WHY[fact.trigger]}{who}."
            return line(LogEvent.SYNC_STARTED, subject, text)
        case SyncSucceeded():
            done = f"{_files(fact.files)}{fact.bytes_copied} bytes copied"
            return line(_SUCCEEDED[fact.scope], subject, f"{what} succeeded in {_seconds(fact.duration_ms)}: {done}.")
        case SyncFailed():
            return _failed(fact, what, subject)
        case _:
            assert_never(fact)


def _failed(fact: SyncFailed, what: str, subject: str) -> LogLine:
    row = INVENTORY[SYNC_FAILED[fact.scope], fact.cause]
    where = f"at stage {fact.stage}" if fact.stage else "at an unknown stage"
    row_text = row.description.partition(": ")[2].rstrip(".")
    text = sentence(
        f"{what} failed {where} after {_seconds(fact.duration_ms)}: {row_text} ({fact.cause}): {fact.detail}"
    )
    again = f" {fact.failures} failures in a row." if fact.failures > 1 else ""
    message = f"{text}{again} The standby is as it was. {row.repair}"
    return line(_FAILED[fact.scope], subject, message, LogSeverity[row.severity.name])


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f} s"


def _files(files: tuple[FileResult, ...]) -> str:
    found = Counter(file.outcome for file in files)
    removed = " ".join(file.name for file in files if file.outcome is FileOutcome.REMOVED)
    counted = "".join(f"{found[outcome]} {outcome}, " for outcome in FileOutcome if found[outcome])
    return counted.replace(f" {FileOutcome.REMOVED},", f" {FileOutcome.REMOVED} ({removed}),")
