"""Whoever asks about the past of a record that lacks an event is told so, each time."""

from typing import Any

import pytest

from events.causes import Cause, Scope
from events.commands import Failed, FinishSync, StartSync
from events.facts import Trigger

LOST = 6


@pytest.fixture
def gapped(off: Any, installed: Any) -> Any:
    """An event of a chassis was deleted, by somebody who knows how."""
    for number in range(1, 9):
        off.record.execute("pe1", StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL, operator="noc"))
        outcome = Failed(cause=Cause.NO_SPACE, detail="cf3: is full")
        off.record.execute("pe1", FinishSync(attempt=number, outcome=outcome, duration_ms=5))
    installed.edit("DELETE FROM stored_events WHERE originator_id = 'pe1' AND originator_version = ?", LOST)
    return installed


@pytest.mark.parametrize(
    "question",
    [
        ("audit", "as-of", "20"),
        ("audit", "diff", "9", "20"),
        ("audit", "explain", "attempt 2"),
        ("audit", "timeline"),
        ("audit", "report", "-o", "-"),
        ("replay",),
        ("show", "system", "alarms"),
    ],
)
def test_an_answer_says_that_the_record_lacks_an_event(gapped: Any, question: tuple[str, ...]) -> None:
    wanted = f"Warning: the record lacks version {LOST} of pe1: see understudy audit verify\n"
    for _ in range(2):
        assert wanted in gapped.run(*question).stderr


def test_what_is_kept_of_such_a_record_hides_nothing_either(gapped: Any, off: Any) -> None:
    head = str(off.record.head())
    gapped.run("rebuild", "snapshots")
    assert f"the record lacks version {LOST} of pe1" in gapped.run("audit", "as-of", head).stderr


def test_an_answer_from_a_whole_record_says_nothing_of_that(off: Any, installed: Any) -> None:
    assert "lacks" not in installed.run("audit", "as-of", str(off.record.head())).stderr
