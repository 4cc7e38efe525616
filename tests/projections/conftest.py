"""A small record in memory: facts in, ``Recorded`` out, with growing versions, positions and times."""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from events.alarm_types import CARD_REMOVED, card_resource, flash_resource, sync_failed_key
from events.causes import Cause, Scope, Stage, SyncMode
from events.envelope import Recorded
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmKey,
    AlarmRaised,
    AlarmRepeated,
    AlarmShelved,
    CardInserted,
    CardLocation,
    CardRemoved,
    ChassisProvisioned,
    ConditionCeased,
    Fact,
    FileKind,
    FileOutcome,
    FileResult,
    FilesChanged,
    FlashFilled,
    Severity,
    Slot,
    StandbyReady,
    StandbySyncing,
    SwitchoverCompleted,
    SwitchoverReason,
    SwitchoverStarted,
    SyncFailed,
    SyncModeSet,
    SyncStarted,
    SyncSucceeded,
    Trigger,
    Watch,
)

GOLDEN = Path(__file__).parent / "golden"
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
FULL = sync_failed_key("pe1", Slot.B, Scope.BOOT_ENV, Cause.NO_SPACE)


class RecordBuilder:
    """Numbers facts as a record does: one position for all, one version per chassis; a second from each to the next."""

    def __init__(self) -> None:
        self.everything: list[Recorded] = []
        self.versions: dict[str, int] = {}

    def __call__(
        self, *facts: Fact, chassis: str = "pe1", at: datetime | None = None, correlation: str = "story"
    ) -> list[Recorded]:
        """The given facts as recorded; all at ``at`` if it is given."""
        added = [self._record(fact, chassis, at, correlation) for fact in facts]
        self.everything.extend(added)
        return added

    def _record(self, fact: Fact, chassis: str, at: datetime | None, correlation: str) -> Recorded:
        version = self.versions[chassis] = self.versions.get(chassis, 0) + 1
        position = sum(self.versions.values())
        occurred_at = at or START + timedelta(seconds=position)
        return Recorded(
            chassis=chassis,
            version=version,
            occurred_at=occurred_at,
            recorded_at=START + timedelta(seconds=position, milliseconds=5),
            correlation=correlation,
            causation=0,
            fact=fact,
            position=position,
        )


@pytest.fixture(scope="session")
def new_record() -> Callable[[], RecordBuilder]:
    return RecordBuilder


@pytest.fixture
def record(new_record: Callable[[], RecordBuilder]) -> RecordBuilder:
    return new_record()


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares text with a file in ``golden/``; UNDERSTUDY_GOLDEN=write writes the file instead."""

    def compare(name: str, text: str) -> None:
        if os.environ.get("UNDERSTUDY_GOLDEN") == "write":
            (GOLDEN / name).write_text(text, encoding="utf-8")
        assert text == (GOLDEN / name).read_text(encoding="utf-8")

    return compare


def _files(outcome: FileOutcome) -> tuple[FileResult, ...]:
    return (
        FileResult(name="cf3:\\bof.cfg", kind=FileKind.BOF, outcome=FileOutcome.UNCHANGED, size=512, sha256="ab" * 32),
        FileResult(name="cf3:\\pe1.cfg", kind=FileKind.CONFIG, outcome=outcome, size=20480, sha256="cd" * 32),
    )


def _provision(record: RecordBuilder) -> None:
    """Two cards; the flash of the standby is nearly full, and a configuration is saved."""
    flash = AlarmKey(resource=flash_resource("pe1", Slot.B, "cf3:"), alarm_type="flash-full")
    locations = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
    record(
        ChassisProvisioned(cards=locations, active=Slot.A, operator="operator"),
        CardInserted(slot=Slot.A),
        CardInserted(slot=Slot.B),
        SyncModeSet(mode=SyncMode.BOOT_ENV, operator="operator"),
        FlashFilled(slot=Slot.B, flash="cf3:", used_percent=97),
        AlarmRaised(alarm=flash, severity=Severity.MINOR, text="cf3: of card B is 97 % full."),
        AlarmShelved(alarm=flash, operator="noc", text="a larger flash is ordered"),
        FilesChanged(slot=Slot.A, scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.NOTIFIED),
    )


def _fail(record: RecordBuilder) -> None:
    """Two attempts that find too little space, and an operator who knows of it."""
    text = "Synchronisation of boot-env failed: the standby card's flash has too little space. 20480 bytes are missing."
    for attempt, trigger in ((1, Trigger.SAVED), (2, Trigger.RETRY)):
        record(
            SyncStarted(attempt=attempt, scope=Scope.BOOT_ENV, trigger=trigger, source=Slot.A, standby=Slot.B),
            StandbySyncing(slot=Slot.B),
            SyncFailed(
                attempt=attempt,
                scope=Scope.BOOT_ENV,
                standby=Slot.B,
                stage=Stage.RESERVE,
                cause=Cause.NO_SPACE,
                detail="20480 bytes are missing",
                failures=attempt,
                files=_files(FileOutcome.NOT_TRIED),
                duration_ms=120 + attempt,
            ),
            AlarmRaised(alarm=FULL, severity=Severity.MAJOR, text=text)
            if attempt == 1
            else AlarmRepeated(alarm=FULL, count=attempt, text=text),
            correlation="sync-1",
        )
    record(AlarmAcknowledged(alarm=FULL, operator="noc", text="somebody is on the way"))


def _cure(record: RecordBuilder) -> None:
    """A probe sees room again, and the attempt after it succeeds."""
    record(
        ConditionCeased(slot=Slot.B, scope=Scope.BOOT_ENV, cause=Cause.NO_SPACE, detail="1048576 bytes are free"),
        AlarmCleared(alarm=FULL, evidence=18, proof="a probe saw that no-space does not hold any more"),
        SyncStarted(
            attempt=3,
            scope=Scope.BOOT_ENV,
            trigger=Trigger.MANUAL,
            source=Slot.A,
            standby=Slot.B,
            operator="operator",
        ),
        SyncSucceeded(
            attempt=3,
            scope=Scope.BOOT_ENV,
            standby=Slot.B,
            files=_files(FileOutcome.COPIED),
            bytes_copied=20480,
            duration_ms=250,
        ),
        StandbyReady(slot=Slot.B),
        correlation="sync-1",
    )


def _switch_over(record: RecordBuilder) -> None:
    """The active card is pulled, the standby takes over and begins to synchronise the other way."""
    removed = AlarmKey(resource=card_resource("pe1", Slot.A), alarm_type=CARD_REMOVED)
    record(
        CardRemoved(slot=Slot.A, detail="/flash/a does not exist"),
        AlarmRaised(alarm=removed, severity=Severity.MAJOR, text="Card A was removed: /flash/a does not exist."),
        SwitchoverStarted(
            switchover=1,
            from_slot=Slot.A,
            to_slot=Slot.B,
            reason=SwitchoverReason.CARD_REMOVED,
            overridden=(),
            out_of_step=(),
        ),
        SwitchoverCompleted(switchover=1, active=Slot.B, duration_ms=40),
        SyncStarted(attempt=4, scope=Scope.CONFIG, trigger=Trigger.STANDBY_UP, source=Slot.B, standby=Slot.A),
        correlation="sync-1",
    )


@pytest.fixture
def story(record: RecordBuilder) -> Iterable[Recorded]:
    """Two cards, a full flash that makes a synchronisation fail, its cure, and a switchover."""
    _provision(record)
    _fail(record)
    _cure(record)
    _switch_over(record)
    return record.everything
