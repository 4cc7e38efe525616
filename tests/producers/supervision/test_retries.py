"""When a failed synchronisation is tried again, and how far a probe is believed."""

from datetime import UTC, datetime

import pytest

from events.causes import Cause, Scope
from events.commands import SeeCeased, SeeFlash
from events.envelope import Recorded
from events.facts import Slot, SyncFailed, SyncSucceeded
from producers.supervision.retries import Retries
from producers.supervision.schedule import Settings

SCOPE = Scope.CONFIG


def recorded(fact) -> list[Recorded]:
    now = datetime.now(UTC)
    return [
        Recorded(chassis="pe1", version=1, occurred_at=now, recorded_at=now, correlation="", causation=0, fact=fact)
    ]


def failure(cause: Cause, failures: int = 1) -> list[Recorded]:
    return recorded(
        SyncFailed(
            attempt=1,
            scope=SCOPE,
            standby=Slot.B,
            stage=None,
            cause=cause,
            detail="",
            failures=failures,
            files=(),
            duration_ms=1,
        )
    )


SUCCESS = recorded(SyncSucceeded(attempt=1, scope=SCOPE, standby=Slot.B, files=(), bytes_copied=0, duration_ms=1))


def ceased(*causes: Cause) -> SeeCeased:
    return SeeCeased(scope=SCOPE, causes=causes, detail="a probe met nothing")


@pytest.fixture
def retries() -> Retries:
    return Retries(Settings(retry_first=100.0, retry_limit=300.0))


def test_a_failure_waits_and_the_next_one_waits_longer(retries) -> None:
    retries.attempted(failure(Cause.IO_ERROR))
    first = retries.waits()[SCOPE]
    retries.attempted(failure(Cause.IO_ERROR, failures=2))

    assert 90 < first <= 100
    assert 190 < retries.waits()[SCOPE] <= 200


def test_a_cause_that_has_ceased_ends_the_wait(retries) -> None:
    retries.attempted(failure(Cause.NO_SPACE))

    assert retries.believe([ceased(Cause.NO_SPACE)]) == [ceased(Cause.NO_SPACE)]
    assert retries.waits() == {}


def test_a_probe_that_was_wrong_is_not_believed_again(retries) -> None:
    retries.attempted(failure(Cause.NO_SPACE))
    retries.believe([ceased(Cause.NO_SPACE)])
    retries.attempted(failure(Cause.NO_SPACE, failures=2))

    assert retries.believe([ceased(Cause.NO_SPACE, Cause.READ_ONLY)]) == [ceased(Cause.READ_ONLY)]
    assert retries.believe([ceased(Cause.NO_SPACE)]) == []


def test_after_a_success_it_is_believed_again(retries) -> None:
    retries.believe([ceased(Cause.NO_SPACE)])
    retries.attempted(failure(Cause.NO_SPACE))
    retries.attempted(SUCCESS)

    assert retries.believe([ceased(Cause.NO_SPACE)]) == [ceased(Cause.NO_SPACE)]
    assert retries.waits() == {}


def test_what_else_was_seen_passes(retries) -> None:
    flash = SeeFlash(slot=Slot.B, flash="cf3:", used_percent=93)

    assert retries.believe([flash]) == [flash]
