"""The log, given facts as recorded."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import orjson
import pytest

from events.alarm_types import INVENTORY, sync_failed_key
from events.causes import Cause, Scope, Stage, SyncMode
from events.envelope import Recorded
from events.facts import (
    FACTS,
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
    Blocker,
    CardFailed,
    CardInserted,
    CardLocation,
    CardRecovered,
    CardRemoved,
    ChassisProvisioned,
    ConditionCeased,
    EvidenceExported,
    Fact,
    FilesChanged,
    FlashFilled,
    FlashFreed,
    HoldPlaced,
    HoldReleased,
    Question,
    ReadNoted,
    RecordArchived,
    RecordVerified,
    RedundancyLost,
    Severity,
    Slot,
    StandbyLost,
    StandbyReady,
    StandbySyncing,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverCompleted,
    SwitchoverExecSet,
    SwitchoverFailed,
    SwitchoverFailure,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncFileNotPresent,
    SyncModeSet,
    SyncStarted,
    SyncSucceeded,
    Trigger,
    VersionsAgreed,
    VersionsDiffered,
    Watch,
)
from projections.event_catalogue import LogEvent, LogSeverity
from projections.event_log import entry, format_entry

Record = Callable[..., list[Recorded]]

ALARM = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE)
CARDS = (CardLocation(slot=Slot.A, location="/a"), CardLocation(slot=Slot.B, location="ssh://operator@pe1-b/flash"))


def failed(scope: Scope, cause: Cause = Cause.NO_SPACE, stage: Stage | None = Stage.RESERVE) -> SyncFailed:
    return SyncFailed(
        attempt=7,
        scope=scope,
        standby=Slot.B,
        stage=stage,
        cause=cause,
        detail="cf3: needs 52428800 bytes and has 1024",
        failures=2,
        files=(),
        duration_ms=1204,
    )


def verified(*, passed: bool) -> RecordVerified:
    words = {"integrity": "intact", "completeness": "complete", "rebuild": "equal"}
    return RecordVerified(size=9, root="1f" * 32, passed=passed, operator="noc", **words)


def succeeded(scope: Scope) -> SyncSucceeded:
    return SyncSucceeded(attempt=7, scope=scope, standby=Slot.B, files=(), bytes_copied=9, duration_ms=3)


SAMPLES: list[tuple[Fact, str, int, str, str]] = [
    (ChassisProvisioned(cards=CARDS, active=Slot.A, operator="noc"), "UNDERSTUDY", 3001, "INDETERMINATE", "pe1"),
    (SyncModeSet(mode=SyncMode.OFF, operator="noc"), "UNDERSTUDY", 3002, "INDETERMINATE", "redundancy synchronize"),
    (SyncModeSet(mode=SyncMode.CONFIG, operator="noc"), "UNDERSTUDY", 3002, "INDETERMINATE", "redundancy synchronize"),
    (
        SwitchoverExecSet(path="/usr/local/bin/move-ip", time_limit_seconds=30, operator="noc"),
        "UNDERSTUDY",
        3003,
        "INDETERMINATE",
        "redundancy switchover-exec",
    ),
    (
        SwitchoverExecSet(path="", time_limit_seconds=30, operator="noc"),
        "UNDERSTUDY",
        3003,
        "INDETERMINATE",
        "redundancy switchover-exec",
    ),
    (SupervisionStarted(host="watcher", process=77), "UNDERSTUDY", 3004, "INDETERMINATE", "watcher"),
    (SupervisionStopped(host="watcher", process=77), "UNDERSTUDY", 3005, "WARNING", "watcher"),
    (CardInserted(slot=Slot.B), "CHASSIS", 2002, "MINOR", "Card B"),
    (CardRemoved(slot=Slot.B, detail="/b does not exist"), "CHASSIS", 2003, "MAJOR", "Card B"),
    (CardFailed(slot=Slot.B, detail="no answer in 5 s"), "CHASSIS", 2001, "MAJOR", "Card B"),
    (CardRecovered(slot=Slot.B), "UNDERSTUDY", 3006, "CLEARED", "Card B"),
    (VersionsDiffered(active_version="R4", standby_version="R3"), "CHASSIS", 2025, "MINOR", "Software version"),
    (VersionsAgreed(version="R4"), "UNDERSTUDY", 3007, "CLEARED", "Software version"),
    (FlashFilled(slot=Slot.B, flash="cf3:", used_percent=97), "CHASSIS", 2024, "MINOR", "Card B cf3:"),
    (FlashFreed(slot=Slot.B, flash="cf3:", used_percent=40), "UNDERSTUDY", 3008, "CLEARED", "Card B cf3:"),
    (
        FilesChanged(slot=Slot.A, scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.NOTIFIED),
        "UNDERSTUDY",
        3009,
        "INDETERMINATE",
        "Card A",
    ),
    (
        ConditionCeased(slot=Slot.B, scope=Scope.CONFIG, cause=Cause.NO_SPACE, detail="1 MB is free"),
        "UNDERSTUDY",
        3010,
        "CLEARED",
        "Card B",
    ),
    (
        SyncStarted(attempt=7, scope=Scope.CONFIG, trigger=Trigger.RETRY, source=Slot.A, standby=Slot.B),
        "UNDERSTUDY",
        3011,
        "INDETERMINATE",
        "Card B",
    ),
    (SyncFileNotPresent(attempt=7, file="cf3:\\pe1.ndx"), "CHASSIS", 2057, "WARNING", "cf3:\\pe1.ndx"),
    (succeeded(Scope.CONFIG), "SYSTEM", 2012, "WARNING", "Card B"),
    (succeeded(Scope.BOOT_ENV), "SYSTEM", 2014, "WARNING", "Card B"),
    (failed(Scope.CONFIG), "SYSTEM", 2013, "MAJOR", "Card B"),
    (failed(Scope.BOOT_ENV), "SYSTEM", 2015, "MAJOR", "Card B"),
    (StandbySyncing(slot=Slot.B), "SYSTEM", 2024, "MINOR", "Card B"),
    (StandbyReady(slot=Slot.B), "SYSTEM", 2025, "MINOR", "Card B"),
    (StandbyLost(slot=Slot.B, detail="the card failed"), "SYSTEM", 2026, "MAJOR", "Card B"),
    (RedundancyLost(remaining=Slot.A), "SYSTEM", 2029, "CRITICAL", "Card A"),
    (
        SwitchoverStarted(
            switchover=1,
            from_slot=Slot.A,
            to_slot=Slot.B,
            reason=SwitchoverReason.FORCED,
            overridden=(Blocker.NEVER_SYNCHRONIZED,),
            out_of_step=("cf3:\\pe1.cfg",),
            operator="noc",
        ),
        "SYSTEM",
        2027,
        "MAJOR",
        "Card B",
    ),
    (SwitchoverCompleted(switchover=1, active=Slot.B, duration_ms=1500), "SYSTEM", 2028, "MAJOR", "Card B"),
    (
        SwitchoverFailed(switchover=1, failure=SwitchoverFailure.EXEC_FAILED, detail="exit status 3", duration_ms=1500),
        "UNDERSTUDY",
        3012,
        "CRITICAL",
        "Switchover 1",
    ),
    (
        SwitchoverRefused(
            to_slot=Slot.B, reason=SwitchoverReason.CARD_FAILED, blockers=(Blocker.NOT_EQUIPPED, Blocker.FAILED)
        ),
        "UNDERSTUDY",
        3013,
        "MAJOR",
        "Card B",
    ),
    (AlarmRaised(alarm=ALARM, severity=Severity.MINOR, text="full."), "UNDERSTUDY", 3014, "MINOR", "pe1/B"),
    (AlarmRepeated(alarm=ALARM, count=2, text="full."), "UNDERSTUDY", 3015, "MAJOR", "pe1/B"),
    (AlarmCleared(alarm=ALARM, evidence=0, proof="attempt 8 succeeded"), "UNDERSTUDY", 3016, "CLEARED", "pe1/B"),
    (AlarmAcknowledged(alarm=ALARM, operator="noc", text="seen"), "UNDERSTUDY", 3017, "INDETERMINATE", "pe1/B"),
    (AlarmClosed(alarm=ALARM, operator="noc", text="done"), "UNDERSTUDY", 3018, "INDETERMINATE", "pe1/B"),
    (AlarmCommented(alarm=ALARM, operator="noc", text="hm"), "UNDERSTUDY", 3019, "INDETERMINATE", "pe1/B"),
    (AlarmShelved(alarm=ALARM, operator="noc", text="known"), "UNDERSTUDY", 3020, "INDETERMINATE", "pe1/B"),
    (AlarmUnshelved(alarm=ALARM, operator="noc", text=""), "UNDERSTUDY", 3021, "INDETERMINATE", "pe1/B"),
    (AlarmPurged(alarm=ALARM, operator="noc", text=""), "UNDERSTUDY", 3022, "INDETERMINATE", "pe1/B"),
    (AlarmCompressed(alarm=ALARM, operator="noc", text=""), "UNDERSTUDY", 3023, "INDETERMINATE", "pe1/B"),
    (ReadNoted(what=Question.AS_OF, query="117", operator="noc"), "UNDERSTUDY", 3024, "INDETERMINATE", "as-of"),
    (verified(passed=True), "UNDERSTUDY", 3025, "INDETERMINATE", "Record"),
    (verified(passed=False), "UNDERSTUDY", 3025, "CRITICAL", "Record"),
    (
        EvidenceExported(first=1, last=9, chassis="pe1", sha256="1f" * 32, operator="noc"),
        "UNDERSTUDY",
        3026,
        "INDETERMINATE",
        "Record",
    ),
    (
        RecordArchived(first=1, last=9, root="1f" * 32, files=("archive/1-9.sqlite",), operator="noc"),
        "UNDERSTUDY",
        3027,
        "INDETERMINATE",
        "Record",
    ),
    (HoldPlaced(name="case-7", reason="examined", operator="noc"), "UNDERSTUDY", 3028, "INDETERMINATE", "case-7"),
    (HoldReleased(name="case-7", reason="done.", operator="noc"), "UNDERSTUDY", 3029, "INDETERMINATE", "case-7"),
]


@pytest.mark.parametrize(("fact", "application", "event_id", "severity", "subject"), SAMPLES)
def test_a_fact_has_its_row_in_the_log(
    record: Record, fact: Fact, application: str, event_id: int, severity: str, subject: str
) -> None:
    [recorded] = record(fact, correlation="sync-7")
    found = entry(recorded)
    assert (found.application, found.event_id, found.severity, found.subject) == (
        application,
        event_id,
        severity,
        subject,
    )
    assert (found.number, found.chassis, found.router, found.correlation) == (1, "pe1", "Base", "sync-7")
    assert (found.time, found.recorded_at) == (recorded.occurred_at, recorded.recorded_at)
    assert found.message[0].isupper() or found.message.startswith(("noc ", "97 %", "40 %"))
    assert found.message.endswith(".")
    assert ".." not in found.message


def test_every_fact_of_the_vocabulary_has_a_row() -> None:
    assert {type(fact) for fact, *_ in SAMPLES} == set(FACTS.values())


def test_every_event_of_the_catalogue_is_said_by_a_fact() -> None:
    said = {(application, event_id) for _, application, event_id, *_ in SAMPLES}
    assert said == {(event.application, event.event_id) for event in LogEvent}
    assert len({event.event_name for event in LogEvent}) == len(LogEvent)


def test_a_number_once_given_never_changes(golden: Callable[[str, str], None]) -> None:
    rows = [(event.application, event.event_id, event.event_name, event.severity) for event in LogEvent]
    golden("event_catalogue.json", orjson.dumps(sorted(rows), option=orjson.OPT_INDENT_2).decode() + "\n")


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("cause", Cause)
def test_a_failure_has_the_severity_of_its_alarm_and_says_cause_and_cure(
    record: Record, scope: Scope, cause: Cause
) -> None:
    row = INVENTORY["config-sync-failed" if scope is Scope.CONFIG else "boot-env-sync-failed", cause]
    [recorded] = record(failed(scope, cause, stage=None))
    found = entry(recorded)
    assert found.severity.lower() == row.severity
    assert f"({cause}): cf3: needs 52428800 bytes and has 1024." in found.message
    assert found.message.endswith(f"2 failures in a row. The standby is as it was. {row.repair}")


def test_an_event_that_raises_an_alarm_has_the_severity_of_that_alarm() -> None:
    severity_of = {(event.application, event.event_id): event.severity for event in LogEvent}
    applications = {"7": "CHASSIS", "64": "SYSTEM"}
    for row in INVENTORY.values():
        if row.sros_id is not None and not row.qualifier:
            application, event_id, _ = row.sros_id.split("-")
            assert severity_of[applications[application], int(event_id)] == row.severity.upper()


def test_a_clear_names_the_event_that_proved_it(record: Record) -> None:
    record(CardInserted(slot=Slot.A), chassis="pe2")
    *_, cleared = record(
        AlarmRaised(alarm=ALARM, severity=Severity.MAJOR, text="full"),
        succeeded(Scope.CONFIG),
        AlarmCleared(alarm=ALARM, evidence=2, proof="attempt 7 synchronised config"),
    )
    expected = "Alarm config-sync-failed (no-space) cleared: attempt 7 synchronised config (proved by event 3)."
    assert entry(cleared).message == expected
    unplaced = entry(msgspec.structs.replace(cleared, position=0))
    assert unplaced.message.endswith("(proved by version 2 of the chassis).")


def test_an_entry_is_printed_in_the_layout_of_sros(record: Record) -> None:
    moment = datetime(2026, 4, 20, 8, 40, 39, 376_999, tzinfo=UTC)
    [recorded] = record(CardFailed(slot=Slot.B, detail="no answer"), at=moment)
    assert format_entry(entry(msgspec.structs.replace(recorded, position=170))) == (
        "170 2026/04/20 08:40:39.37 UTC MAJOR: CHASSIS #2001 Base Card B\n"
        '"Control card B failed: no answer. Check the card\'s host, link and flash; replace it if needed."'
    )


def test_times_of_other_zones_are_shown_in_utc(record: Record) -> None:
    moment = datetime(2026, 4, 20, 10, 0, tzinfo=timezone(timedelta(hours=2)))
    [recorded] = record(CardRecovered(slot=Slot.B), at=moment)
    assert "2026/04/20 08:00:00.00 UTC" in format_entry(entry(recorded))
    assert entry(recorded).time.utcoffset() == timedelta(0)


def test_a_subject_and_a_message_keep_the_limits_of_sros(record: Record) -> None:
    long = FilesChanged(
        slot=Slot.A,
        scope=Scope.CONFIG,
        files=tuple(f"cf3:\\{number:08}.cfg" for number in range(400)),
        noticed=Watch.POLLED,
    )
    [changed] = record(long)
    [absent] = record(SyncFileNotPresent(attempt=1, file="cf3:\\a-folder\\with-a-long-name\\pe1.ndx"))
    assert len(entry(changed).message) == 4100
    assert entry(changed).message.endswith("...")
    assert entry(absent).subject == "cf3:\\a-folder\\with-a-long-nam..."


def test_what_a_remote_host_reported_cannot_break_the_layout_or_reach_the_terminal(record: Record) -> None:
    [recorded] = record(CardFailed(slot=Slot.B, detail="no\r\nanswer\x1b[2J"))
    assert entry(recorded).message.startswith("Control card B failed: no  answer [2J. Check")


def test_an_unusual_severity_is_printed_as_sros_prints_it() -> None:
    assert [str(severity) for severity in LogSeverity] == [severity.name for severity in LogSeverity]


def test_the_log_of_a_recorded_story_is_the_golden_one(
    story: list[Recorded], golden: Callable[[str, str], None]
) -> None:
    golden("event_log.txt", "".join(f"{format_entry(entry(each))}\n" for each in story))
