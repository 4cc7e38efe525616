"""Clearing on evidence: which event proves that which cause of a failed synchronisation has ceased."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from events.alarm_types import sync_failed_key
from events.causes import Cause, Scope, Stage
from events.commands import Command, Copied, Failed, FinishSync, SeeCeased, StartSync
from events.facts import (
    AlarmCleared,
    AlarmKey,
    AlarmRaised,
    AlarmRepeated,
    ConditionCeased,
    Fact,
    Severity,
    Slot,
    SyncFailed,
    SyncSucceeded,
    Trigger,
)
from events.state import ChassisState

Step = Callable[..., None]
Now = Callable[[], ChassisState]
Decided = Callable[[], tuple[Fact, ...]]

pytestmark = pytest.mark.usefixtures("provisioned")


class Row(NamedTuple):
    """Given that this alarm stands, when this happens, then it is cleared, or stands."""

    standing: str
    event: str
    cleared: bool


CLEARED, STANDS = True, False

# fmt: off
TABLE = [
    # A failure at a stage disproves the causes of the stages before it, of its own scope.
    Row("config no-space",               "config fails: connection-lost",          CLEARED),
    Row("config no-space",               "config fails: checksum-mismatch",        CLEARED),
    Row("config no-space",               "config fails: replace-failed",           CLEARED),
    Row("config source-missing",         "config fails: no-space",                 CLEARED),
    Row("config source-unreadable",      "config fails: file-too-large",           CLEARED),
    Row("config invalid-bof",            "config fails: no-space",                 CLEARED),
    Row("config file-too-large",         "config fails: source-changed",           CLEARED),
    Row("config read-only",              "config fails: checksum-mismatch",        CLEARED),
    Row("config permission-denied",      "config fails: checksum-mismatch",        CLEARED),
    Row("config connection-lost",        "config fails: checksum-mismatch",        CLEARED),
    Row("config timed-out",              "config fails: replace-failed",           CLEARED),
    Row("config source-changed",         "config fails: replace-failed",           CLEARED),
    Row("config io-error",               "config fails: checksum-mismatch",        CLEARED),
    Row("config checksum-mismatch",      "config fails: replace-failed",           CLEARED),
    # Another cause of the same stage says nothing: the attempt did not get past that stage.
    Row("config no-space",               "config fails: file-too-large",           STANDS),
    Row("config read-only",              "config fails: permission-denied",        STANDS),
    Row("config connection-lost",        "config fails: io-error",                 STANDS),
    Row("config source-missing",         "config fails: invalid-bof",              STANDS),
    Row("config unreachable",            "config fails: authentication-failed",    STANDS),
    Row("config standby-absent",         "config fails: standby-not-ready",        STANDS),
    # Nor does a failure at an earlier stage.
    Row("config no-space",               "config fails: source-missing",           STANDS),
    Row("config no-space",               "config fails: unreachable",              STANDS),
    Row("config no-space",               "config fails: standby-absent",           STANDS),
    Row("config checksum-mismatch",      "config fails: connection-lost",          STANDS),
    Row("config replace-failed",         "config fails: checksum-mismatch",        STANDS),
    Row("config replace-failed",         "config fails: already-running",          STANDS),
    # Admit and reach speak of the standby itself, whichever scope was tried.
    Row("config standby-absent",         "boot-env fails: source-missing",         CLEARED),
    Row("config standby-not-ready",      "boot-env fails: source-missing",         CLEARED),
    Row("config already-running",        "boot-env fails: no-space",               CLEARED),
    Row("config unreachable",            "boot-env fails: source-missing",         CLEARED),
    Row("config authentication-failed",  "boot-env fails: no-space",               CLEARED),
    Row("boot-env standby-absent",       "config fails: invalid-bof",              CLEARED),
    # Whether the card is there is seen after reaching its host: who could not reach it has seen nothing of it.
    Row("config standby-absent",         "config fails: unreachable",              STANDS),
    Row("boot-env standby-absent",       "config fails: authentication-failed",    STANDS),
    Row("config standby-not-ready",      "config fails: unreachable",              STANDS),
    Row("config already-running",        "config fails: unreachable",              CLEARED),
    Row("boot-env unreachable",          "config fails: invalid-bof",              CLEARED),
    Row("boot-env authentication-failed","config fails: checksum-mismatch",        CLEARED),
    Row("boot-env unreachable",          "config fails: authentication-failed",    STANDS),
    Row("boot-env unreachable",          "config fails: standby-absent",           STANDS),
    # The later stages speak of that scope's files alone, both ways.
    Row("config source-missing",         "boot-env fails: no-space",               STANDS),
    Row("config no-space",               "boot-env fails: replace-failed",         STANDS),
    Row("boot-env source-missing",       "config fails: no-space",                 STANDS),
    Row("boot-env no-space",             "config fails: checksum-mismatch",        STANDS),
    Row("boot-env checksum-mismatch",    "config fails: replace-failed",           STANDS),
    # A success disproves every cause of its scope, those without a stage too.
    Row("config unreachable",            "config succeeds",                        CLEARED),
    Row("config no-space",               "config succeeds",                        CLEARED),
    Row("config replace-failed",         "config succeeds",                        CLEARED),
    Row("config interrupted",            "config succeeds",                        CLEARED),
    Row("config internal-error",         "config succeeds",                        CLEARED),
    Row("boot-env replace-failed",       "boot-env succeeds",                      CLEARED),
    Row("boot-env interrupted",          "boot-env succeeds",                      CLEARED),
    # A success of boot-env covers config.
    Row("config no-space",               "boot-env succeeds",                      CLEARED),
    Row("config replace-failed",         "boot-env succeeds",                      CLEARED),
    Row("config interrupted",            "boot-env succeeds",                      CLEARED),
    Row("config internal-error",         "boot-env succeeds",                      CLEARED),
    # A success of config covers of boot-env only what speaks of the standby itself.
    Row("boot-env unreachable",          "config succeeds",                        CLEARED),
    Row("boot-env standby-not-ready",    "config succeeds",                        CLEARED),
    Row("boot-env already-running",      "config succeeds",                        CLEARED),
    Row("boot-env source-missing",       "config succeeds",                        STANDS),
    Row("boot-env no-space",             "config succeeds",                        STANDS),
    Row("boot-env replace-failed",       "config succeeds",                        STANDS),
    Row("boot-env interrupted",          "config succeeds",                        STANDS),
    Row("boot-env internal-error",       "config succeeds",                        STANDS),
    # Nobody saw how far an interrupted attempt came: it proves nothing.
    Row("config standby-absent",         "config fails: interrupted",              STANDS),
    Row("config unreachable",            "config fails: interrupted",              STANDS),
    Row("config no-space",               "config fails: interrupted",              STANDS),
    Row("boot-env unreachable",          "config fails: interrupted",              STANDS),
    # An internal error proves what its stage proves, and nothing where no stage is known.
    Row("config no-space",               "config fails: internal-error at verify", CLEARED),
    Row("config unreachable",            "boot-env fails: internal-error at read", CLEARED),
    Row("config no-space",               "config fails: internal-error at reserve",STANDS),
    Row("config no-space",               "config fails: internal-error",           STANDS),
    # What happened in an unknown stage is disproved by a success alone.
    Row("config interrupted",            "config fails: replace-failed",           STANDS),
    Row("config internal-error",         "config fails: replace-failed",           STANDS),
    Row("config interrupted",            "config fails: internal-error",           STANDS),
    Row("config internal-error",         "boot-env fails: replace-failed",         STANDS),
    # A probe proves one cause alone; of the later stages, only for the scope that it looked at.
    Row("config no-space",               "probe of config: no-space",              CLEARED),
    Row("boot-env no-space",             "probe of boot-env: no-space",            CLEARED),
    Row("config no-space",               "probe of config: file-too-large",        STANDS),
    Row("config no-space",               "probe of config: checksum-mismatch",     STANDS),
    Row("config no-space",               "probe of boot-env: no-space",            STANDS),
    Row("boot-env no-space",             "probe of config: no-space",              STANDS),
    Row("config unreachable",            "probe of config: unreachable",           CLEARED),
    Row("config unreachable",            "probe of boot-env: unreachable",         CLEARED),
    Row("boot-env standby-absent",       "probe of config: standby-absent",        CLEARED),
    Row("config unreachable",            "probe of config: authentication-failed", STANDS),
]
# fmt: on


def alarm_of(words: str) -> AlarmKey:
    scope, cause = words.split()
    return sync_failed_key("pe1", Slot.B, Scope(scope), Cause(cause))


def attempt(number: int, scope: Scope, outcome: Copied | Failed) -> tuple[Command, Command]:
    return (
        StartSync(scope=scope, trigger=Trigger.MANUAL),
        FinishSync(attempt=number, outcome=outcome, duration_ms=1),
    )


def failed(cause: str, stage: Stage | None = None) -> Failed:
    return Failed(cause=Cause(cause), detail="it failed", stage=stage)


def commands_of(words: str, number: int) -> tuple[Command, ...]:
    """The commands that an event of the table stands for; the last one is decided on."""
    match words.split():
        case ["probe", "of", scope, cause]:
            return (SeeCeased(scope=Scope(scope[:-1]), causes=(Cause(cause),), detail="probed"),)
        case [scope, "succeeds"]:
            return attempt(number, Scope(scope), Copied(files=(), bytes_copied=0))
        case [scope, "fails:", cause]:
            return attempt(number, Scope(scope), failed(cause))
        case [scope, "fails:", cause, "at", stage]:
            return attempt(number, Scope(scope), failed(cause, Stage(stage)))
        case _:
            raise AssertionError(words)


def proof_in(facts: tuple[Fact, ...]) -> int:
    """Where the outcome or the probe stands among the facts of its decision."""
    proofs = (SyncFailed, SyncSucceeded, ConditionCeased)
    return next(number for number, fact in enumerate(facts) if isinstance(fact, proofs))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.standing}, {row.event}")
def test_an_alarm_clears_exactly_when_the_event_disproves_its_cause(
    given: Step, when: Step, now: Now, decided: Decided, row: Row
) -> None:
    scope, cause = row.standing.split()
    given(*attempt(1, Scope(scope), failed(cause)))
    *before, event = commands_of(row.event, 2)
    given(*before)
    version, alarm = now().version, alarm_of(row.standing)
    when(event)
    cleared = [fact for fact in decided() if isinstance(fact, AlarmCleared)]
    if not row.cleared:
        assert cleared == []
        assert now().alarms[alarm].standing
        return
    assert [(fact.alarm, fact.evidence) for fact in cleared] == [(alarm, version + 1 + proof_in(decided()))]
    assert not now().alarms[alarm].standing


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.ALREADY_RUNNING])
def test_the_same_cause_failing_again_is_counted_not_raised_twice_and_never_clears_itself(
    given: Step, when: Step, decided: Decided, scope: Scope, cause: Cause
) -> None:
    given(*attempt(1, scope, failed(cause)))
    start, finish = attempt(2, scope, failed(cause))
    given(start)
    when(finish)
    own = sync_failed_key("pe1", Slot.B, scope, cause)
    said = [fact for fact in decided() if isinstance(fact, AlarmRaised | AlarmRepeated | AlarmCleared)]
    assert [(type(fact), fact.alarm) for fact in said] == [(AlarmRepeated, own)]


def test_one_attempt_clears_everything_that_it_disproves_and_raises_its_own_in_the_decision_of_its_outcome(
    given: Step, when: Step, now: Now, decided: Decided
) -> None:
    given(*attempt(1, Scope.CONFIG, failed("unreachable")), *attempt(2, Scope.BOOT_ENV, failed("standby-not-ready")))
    standing = [
        AlarmRaised(alarm=alarm_of(words), severity=Severity.MAJOR, text="it failed")
        for words in ("config no-space", "config io-error", "boot-env no-space", "boot-env unreachable")
    ]
    given(*standing)
    start, finish = attempt(3, Scope.CONFIG, failed("connection-lost"))
    given(start)
    outcome = now().version + 1
    when(finish)
    kinds = [type(fact) for fact in decided()]
    assert kinds == [SyncFailed, AlarmRaised, AlarmCleared, AlarmCleared, AlarmCleared, AlarmCleared]
    cleared = [fact for fact in decided() if isinstance(fact, AlarmCleared)]
    gone = ("boot-env standby-not-ready", "boot-env unreachable", "config no-space", "config unreachable")
    assert [fact.alarm for fact in cleared] == [alarm_of(words) for words in gone]
    assert {fact.evidence for fact in cleared} == {outcome}
    assert cleared[-1].proof == "attempt 3 got past reach"


@pytest.mark.parametrize("event", ["config succeeds", "boot-env succeeds", "config fails: replace-failed"])
def test_the_alarms_of_the_other_card_are_not_touched(given: Step, when: Step, now: Now, event: str) -> None:
    other = sync_failed_key("pe1", Slot.A, Scope.CONFIG, Cause.NO_SPACE)
    given(AlarmRaised(alarm=other, severity=Severity.MAJOR, text="it failed"))
    *before, last = commands_of(event, 1)
    given(*before)
    when(last)
    assert other in now().standing()


def test_a_probe_of_the_standby_does_not_speak_of_the_other_card(given: Step, when: Step, then_nothing: Step) -> None:
    other = sync_failed_key("pe1", Slot.A, Scope.CONFIG, Cause.NO_SPACE)
    given(AlarmRaised(alarm=other, severity=Severity.MAJOR, text="it failed"))
    when(SeeCeased(scope=Scope.CONFIG, causes=(Cause.NO_SPACE,), detail="12 MB are free"))
    then_nothing()


def test_alarms_of_other_types_are_not_touched_by_an_attempt(given: Step, when: Step, now: Now) -> None:
    full = AlarmKey(resource="pe1/B", alarm_type="card-failed")
    given(AlarmRaised(alarm=full, severity=Severity.MAJOR, text="cf3: is full"))
    start, finish = attempt(1, Scope.BOOT_ENV, Copied(files=(), bytes_copied=0))
    given(start)
    when(finish)
    assert full in now().standing()


def test_that_another_attempt_was_running_ends_with_that_attempt_also_when_it_was_interrupted(
    given: Step, when: Step, decided: Decided
) -> None:
    given(
        StartSync(scope=Scope.BOOT_ENV, trigger=Trigger.MANUAL), StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL)
    )
    when(FinishSync(attempt=1, outcome=failed("interrupted"), duration_ms=1))
    cleared = [fact.alarm for fact in decided() if isinstance(fact, AlarmCleared)]
    assert cleared == [alarm_of("config already-running")]
