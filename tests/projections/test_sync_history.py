"""The synchronisation history, given facts as recorded."""

from collections.abc import Callable, Iterable
from functools import reduce

import msgspec
import orjson

from events.causes import Cause, Scope, Stage
from events.envelope import Recorded
from events.facts import (
    CardInserted,
    FileKind,
    FileOutcome,
    FileResult,
    Slot,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
    Trigger,
)
from projections.sync_history import (
    EMPTY,
    MAX_ATTEMPTS,
    SyncHistory,
    SyncResult,
    attempts,
    evolve,
    last_success,
    listing,
    totals,
)

Record = Callable[..., list[Recorded]]

FILES = (FileResult(name="cf3:\\pe1.cfg", kind=FileKind.CONFIG, outcome=FileOutcome.COPIED, size=9, sha256="ab"),)


def fold(recorded: Iterable[Recorded], state: SyncHistory = EMPTY) -> SyncHistory:
    return reduce(evolve, recorded, state)


def start(attempt: int, scope: Scope = Scope.CONFIG, trigger: Trigger = Trigger.MANUAL) -> SyncStarted:
    return SyncStarted(
        attempt=attempt, scope=scope, trigger=trigger, source=Slot.A, standby=Slot.B, operator="operator"
    )


def succeed(attempt: int, scope: Scope = Scope.CONFIG) -> SyncSucceeded:
    return SyncSucceeded(attempt=attempt, scope=scope, standby=Slot.B, files=FILES, bytes_copied=9, duration_ms=10)


def fail(attempt: int, cause: Cause = Cause.NO_SPACE, scope: Scope = Scope.CONFIG) -> SyncFailed:
    return SyncFailed(
        attempt=attempt,
        scope=scope,
        standby=Slot.B,
        stage=None if cause is Cause.INTERRUPTED else Stage.RESERVE,
        cause=cause,
        detail="it failed",
        failures=3,
        files=FILES,
        duration_ms=20,
    )


def test_an_attempt_that_has_only_begun_is_running(record: Record) -> None:
    [begun] = record(start(1, trigger=Trigger.SAVED), correlation="sync-1")
    [attempt] = attempts(fold([begun]))
    assert (attempt.attempt, attempt.scope, attempt.trigger, attempt.operator) == (1, "config", "saved", "operator")
    assert (attempt.source, attempt.standby, attempt.correlation) == (Slot.A, Slot.B, "sync-1")
    assert (attempt.started_at, attempt.started_position) == (begun.occurred_at, 1)
    assert (attempt.result, attempt.ended_at, attempt.duration_ms) == (SyncResult.RUNNING, None, None)


def test_a_success_tells_its_files_bytes_and_duration(record: Record) -> None:
    _, ended = record(start(1), succeed(1))
    state = fold(record.everything)
    [attempt] = attempts(state)
    assert (attempt.result, attempt.cause, attempt.stage) == (SyncResult.SUCCEEDED, None, None)
    assert (attempt.files, attempt.bytes_copied, attempt.duration_ms) == (FILES, 9, 10)
    assert (attempt.ended_at, attempt.ended_position) == (ended.occurred_at, 2)
    assert (state.running, last_success(state, Scope.CONFIG)) == ((), attempt)


def test_a_failure_tells_its_stage_cause_and_detail(record: Record) -> None:
    record(start(1), fail(1))
    state = fold(record.everything)
    [attempt] = attempts(state)
    assert (attempt.result, attempt.stage, attempt.cause) == (SyncResult.FAILED, Stage.RESERVE, Cause.NO_SPACE)
    assert (attempt.detail, attempt.failures, attempt.files) == ("it failed", 3, FILES)
    assert last_success(state, Scope.CONFIG) is None


def test_an_attempt_that_found_another_one_running_ends_alone(record: Record) -> None:
    record(start(1), start(2), fail(2, Cause.ALREADY_RUNNING))
    first = fold(record.everything)
    assert [(each.attempt, each.result) for each in attempts(first)] == [(2, "failed"), (1, "running")]
    record(succeed(1))
    assert [(each.attempt, each.result) for each in attempts(fold(record.everything))] == [
        (2, "failed"),
        (1, "succeeded"),
    ]


def test_the_newest_success_is_kept_for_each_scope_that_was_tried(record: Record) -> None:
    record(start(1), succeed(1), start(2, Scope.BOOT_ENV), succeed(2, Scope.BOOT_ENV), start(3), fail(3))
    state = fold(record.everything)
    assert [each and each.attempt for each in (last_success(state, scope) for scope in Scope)] == [1, 2]


def test_totals_count_every_ended_attempt_by_scope_result_and_cause(record: Record) -> None:
    record(start(1), fail(1), start(2), fail(2), start(3), fail(3, Cause.INTERRUPTED), start(4), succeed(4), start(5))
    rows = totals(fold(record.everything))
    assert [(row.scope, row.result, row.cause, row.attempts, row.bytes_copied, row.duration_ms) for row in rows] == [
        ("config", "succeeded", None, 1, 9, 10),
        ("config", "failed", "interrupted", 1, 0, 20),
        ("config", "failed", "no-space", 2, 0, 40),
    ]


def test_the_newest_attempts_are_kept_and_the_totals_have_all(record: Record) -> None:
    extra = 77
    for number in range(1, MAX_ATTEMPTS + extra + 1):
        record(start(number), succeed(number))
        if number == MAX_ATTEMPTS:
            assert len(attempts(fold(record.everything))) == MAX_ATTEMPTS
    state = fold(record.everything)
    numbers = [attempt.attempt for attempt in attempts(state)]
    assert numbers == list(range(MAX_ATTEMPTS + extra, extra, -1))
    assert sum(row.attempts for row in totals(state)) == MAX_ATTEMPTS + extra
    assert sum(len(chunk) for chunk in state.older) <= MAX_ATTEMPTS


def test_an_outcome_without_its_start_and_facts_of_other_kinds_change_nothing(record: Record) -> None:
    assert fold(record(succeed(1), CardInserted(slot=Slot.A))) is EMPTY


def test_the_history_of_a_recorded_story_is_the_golden_one(
    story: list[Recorded], golden: Callable[[str, str], None]
) -> None:
    document = orjson.dumps(
        listing(fold(story)), default=msgspec.structs.asdict, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    )
    golden("sync_history.json", document.decode() + "\n")


def test_state_and_views_are_plain_json_in_every_way(story: list[Recorded]) -> None:
    state = fold(story)
    for thing in (state, listing(state)):
        by_orjson = orjson.loads(orjson.dumps(thing, default=msgspec.structs.asdict, option=orjson.OPT_UTC_Z))
        assert by_orjson == orjson.loads(msgspec.json.encode(thing))
