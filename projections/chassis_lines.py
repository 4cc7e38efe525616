"""What does the log say about the chassis, its cards and its configuration?"""

from typing import assert_never

from events.alarm_types import CARD_FAILED, CARD_REMOVED, FLASH_FULL, INVENTORY, VERSION_MISMATCH
from events.causes import SyncMode
from events.facts import (
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    ChassisFact,
    ChassisProvisioned,
    ConditionCeased,
    FilesChanged,
    FlashFilled,
    FlashFreed,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverExecSet,
    SyncModeSet,
    VersionsAgreed,
    VersionsDiffered,
)
from projections.event_catalogue import LogEvent, LogLine, line, sentence


def chassis_line(chassis: str, fact: ChassisFact) -> LogLine:
    """The line for a fact about ``chassis``."""
    match fact:
        case ChassisProvisioned() | SyncModeSet() | SwitchoverExecSet() | SupervisionStarted() | SupervisionStopped():
            return _configuration(chassis, fact)
        case CardInserted() | CardRemoved() | CardFailed() | CardRecovered():
            return _card(fact)
        case VersionsDiffered():
            text = f"The active card boots {fact.active_version}, the standby card {fact.standby_version}."
            return line(
                LogEvent.VERSION_MISMATCH, "Software version", f"{text} {INVENTORY[VERSION_MISMATCH, ''].repair}"
            )
        case VersionsAgreed():
            return line(LogEvent.VERSIONS_AGREED, "Software version", f"Both cards boot {sentence(fact.version)}")
        case FlashFilled():
            text = f"{fact.used_percent} % of flash {fact.flash} of card {fact.slot} is used."
            subject = f"Card {fact.slot} {fact.flash}"
            return line(LogEvent.FLASH_DISK_FULL, subject, f"{text} {INVENTORY[FLASH_FULL, ''].repair}")
        case FlashFreed():
            text = f"{fact.used_percent} % of flash {fact.flash} of card {fact.slot} is used: there is space again."
            return line(LogEvent.FLASH_FREED, f"Card {fact.slot} {fact.flash}", text)
        case FilesChanged():
            files = ", ".join(fact.files)
            text = f"Files of scope {fact.scope} on card {fact.slot} were saved or deleted ({fact.noticed}): {files}"
            return line(LogEvent.FILES_CHANGED, f"Card {fact.slot}", sentence(text))
        case ConditionCeased():
            text = (
                f"The cause {fact.cause} of failed {fact.scope} synchronisation does not hold any more: {fact.detail}"
            )
            return line(LogEvent.CONDITION_CEASED, f"Card {fact.slot}", sentence(text))
        case _:
            assert_never(fact)


def _configuration(
    chassis: str,
    fact: ChassisProvisioned | SyncModeSet | SwitchoverExecSet | SupervisionStarted | SupervisionStopped,
) -> LogLine:
    match fact:
        case ChassisProvisioned():
            cards = " and ".join(f"card {card.slot} at {card.location}" for card in fact.cards)
            text = f"{fact.operator} provisioned chassis {chassis} with {cards}; card {fact.active} is active."
            return line(LogEvent.CHASSIS_PROVISIONED, chassis, text)
        case SyncModeSet():
            what = "switched off" if fact.mode is SyncMode.OFF else f"set to {fact.mode}"
            text = f"Automatic synchronisation was {what} by {fact.operator}."
            return line(LogEvent.SYNC_MODE_SET, "redundancy synchronize", text)
        case SwitchoverExecSet():
            limit = f"time limit {fact.time_limit_seconds} s"
            what = f"set to {fact.path} ({limit})" if fact.path else "removed"
            text = f"The switchover executable was {what} by {fact.operator}."
            return line(LogEvent.SWITCHOVER_EXEC_SET, "redundancy switchover-exec", text)
        case SupervisionStarted():
            text = f"Process {fact.process} on {fact.host} watches over chassis {chassis}."
            return line(LogEvent.SUPERVISION_STARTED, fact.host, text)
        case SupervisionStopped():
            text = f"Process {fact.process} on {fact.host} does not watch over chassis {chassis} any more."
            return line(LogEvent.SUPERVISION_STOPPED, fact.host, f"{text} To go on: understudy run.")
        case _:
            assert_never(fact)


def _card(fact: CardInserted | CardRemoved | CardFailed | CardRecovered) -> LogLine:
    subject = f"Card {fact.slot}"
    match fact:
        case CardInserted():
            return line(LogEvent.CARD_INSERTED, subject, f"Control card inserted in slot {fact.slot}.")
        case CardRemoved():
            text = sentence(f"Control card removed from slot {fact.slot}: {fact.detail}")
            return line(LogEvent.CARD_REMOVED, subject, f"{text} {INVENTORY[CARD_REMOVED, ''].repair}")
        case CardFailed():
            text = sentence(f"Control card {fact.slot} failed: {fact.detail}")
            return line(LogEvent.CARD_FAILURE, subject, f"{text} {INVENTORY[CARD_FAILED, ''].repair}")
        case CardRecovered():
            return line(LogEvent.CARD_RECOVERED, subject, f"Control card {fact.slot} passes its probes again.")
        case _:
            assert_never(fact)
