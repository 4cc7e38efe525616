"""The story of ``understudy demo``, with real files and a real supervisor, explained from its record."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.envelope import Recorded
from events.facts import Slot
from events.store import Record
from projections.explanation import ExplainedFact, explain
from projections.roles import Role
from projections.switchover_report import switchover_report
from projections.timeline import of_card, of_chassis


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> list[Recorded]:
    """Everything that the demonstration recorded."""
    folder: Path = tmp_path_factory.mktemp("demo") / "played"
    command = [sys.executable, "-m", "understudy", "demo", "--folder", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    record = Record(folder / "home" / "record.sqlite", lambda: datetime.now(UTC), create=False)
    facts = list(record.read_chassis("pe1"))
    record.close()
    return facts


def every(chains: tuple[ExplainedFact, ...]) -> Iterator[ExplainedFact]:
    for fact in chains:
        yield fact
        yield from every(fact.children)


def test_the_full_flash_is_told_from_the_upgrade_that_was_prepared_to_the_retry_that_succeeded(demo) -> None:
    answer = explain("pe1", demo, "boot-env-sync-failed no-space")
    told = [fact.role for fact in every(answer.chains)]
    assert answer.chains[0].type == "files.changed.v1"
    for role in (Role.ATTEMPT, Role.FAILURE, Role.RAISE, Role.CLEAR, Role.RETRY, Role.SUCCESS):
        assert role in told, role
    assert answer.alarm is not None
    assert answer.alarm.ended_position is not None


def test_every_event_can_be_explained_and_is_marked_once_in_its_own_explanation(demo) -> None:
    for one in demo:
        answer = explain("pe1", demo, str(one.position))
        told = list(every(answer.chains))
        assert [fact.position for fact in told if fact.asked] == [one.position]
        assert len({fact.position for fact in told}) == len(told)


def test_the_pulled_card_is_told_up_to_its_return_as_a_ready_standby(demo) -> None:
    report = switchover_report("pe1", demo, "last")
    assert report.trigger is not None
    assert report.trigger.type == "card.removed.v1"
    assert report.readiness.ready
    assert [one.type for one in report.came_back] == ["card.inserted.v1", "sync.succeeded.v1", "standby.ready.v1"]
    assert report.still_open == ()


def test_the_timeline_has_every_event_and_those_of_the_two_cards_are_all_that_speak_of_cards(demo) -> None:
    everything = {fact.position for fact in of_chassis("pe1", demo, begin=None, end=None).facts}
    assert everything == {one.position for one in demo}
    of_cards = {fact.position for slot in Slot for fact in of_card("pe1", demo, slot, begin=None, end=None).facts}
    rest = {one.fact.TYPE for one in demo if one.position not in of_cards}
    assert rest <= {
        "sync.mode-set.v1",
        "supervision.started.v1",
        "supervision.stopped.v1",
        "alarm.raised.v1",
        "alarm.repeated.v1",
        "alarm.cleared.v1",
    }
