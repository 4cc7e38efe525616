"""Given facts that real decisions recorded, when somebody asks how a switchover went, then the report says it."""

from collections.abc import Callable

import pytest
from click import unstyle

from events.causes import Cause
from events.commands import AlarmAction, SeeFlash, StartSwitchover
from events.facts import AlarmKey, Blocker, Slot, SwitchoverFailure, SwitchoverReason, Trigger
from events.state import Health
from projections.asking import NotInRecordError
from projections.switchover_report import SwitchoverReport, switchover_report
from projections.switchovers import SwitchoverResult, switchovers
from understudy.screens.switchover import list_lines, report_lines


def report(chronicle, name: str = "last") -> SwitchoverReport:
    return switchover_report("pe1", chronicle.facts(), name)


def text(lines) -> str:
    return "".join(f"{unstyle(line)}\n" for line in lines)


@pytest.fixture
def lost(chronicle) -> Callable[[], None]:
    """The active card is lost while a flash is full, the standby takes over, the card returns and is synchronised."""

    def tell() -> None:
        chronicle.attempt()
        chronicle.tell(SeeFlash(slot=Slot.B, flash="cf3:", used_percent=95))
        chronicle.see(Slot.A, Health.ABSENT)
        chronicle.switch(SwitchoverReason.CARD_REMOVED)
        chronicle.wait(600)
        chronicle.see(Slot.A, Health.IN_SERVICE)
        chronicle.attempt(Cause.UNREACHABLE, trigger=Trigger.STANDBY_UP)
        chronicle.attempt(trigger=Trigger.RETRY)

    return tell


def test_the_report_of_a_lost_card_reads_as_the_golden_text_does(chronicle, lost, golden) -> None:
    lost()
    golden("lost_card.txt", text(report_lines(report(chronicle))))


def test_the_trigger_is_the_loss_that_was_seen_and_the_times_count_from_it(chronicle, lost) -> None:
    lost()
    told = report(chronicle)
    assert told.trigger is not None
    assert told.outcome is not None
    assert told.trigger.type == "card.removed.v1"
    assert (told.trigger.after_ms, told.decision.after_ms, told.outcome.after_ms) == (0, 1000, 2000)
    assert told.unrecorded == "who or what took the card away"


def test_durations_are_given_from_the_trigger_to_full_redundancy(chronicle, lost) -> None:
    lost()
    laps = {lap.name: lap.duration_ms for lap in report(chronicle).laps}
    assert laps["from the trigger to the decision"] == 1000
    assert laps["takeover, with the executable"] == 1000
    assert laps["from the trigger to the outcome"] == 2000
    assert laps["from the outcome to the old active card's return"] == 601_000
    assert laps["from the outcome to full redundancy"] == 605_000


def test_what_came_back_is_the_card_its_synchronisation_and_its_readiness(chronicle, lost) -> None:
    lost()
    assert [one.type for one in report(chronicle).came_back] == [
        "card.inserted.v1",
        "sync.succeeded.v1",
        "standby.ready.v1",
    ]


def test_alarms_in_force_are_told_apart_from_those_that_it_raised_with_the_fate_of_each(chronicle, lost) -> None:
    lost()
    told = report(chronicle)
    assert [alarm.identity for alarm in told.in_force] == ["pe1/B/cf3: flash-full"]
    assert {alarm.identity: alarm.after_ms for alarm in told.raised} == {
        "pe1/A card-removed": 603_000,
        "pe1/A standby-sync-lost": 607_000,
        "pe1 single-card": 607_000,
    }
    assert told.still_open == ("pe1/B/cf3: flash-full",)


def test_an_alarm_that_was_cleared_before_is_not_in_force(chronicle) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    chronicle.attempt()
    chronicle.switch()
    assert report(chronicle).in_force == ()


def test_an_alarm_that_was_shelved_then_is_told_as_shelved(chronicle) -> None:
    chronicle.attempt()
    chronicle.tell(SeeFlash(slot=Slot.B, flash="cf3:", used_percent=95))
    chronicle.act(AlarmAction.SHELVE, AlarmKey(resource="pe1/B/cf3:", alarm_type="flash-full"))
    chronicle.switch()
    assert [alarm.shelved for alarm in report(chronicle).in_force] == [True]


def test_alarms_of_later_stories_are_not_those_of_the_switchover(chronicle, lost) -> None:
    lost()
    chronicle.attempt(Cause.NO_SPACE)
    assert not any("sync-failed" in alarm.identity for alarm in report(chronicle).raised)


def test_a_forced_switchover_says_who_asked_and_which_files_differed(chronicle) -> None:
    chronicle.attempt()
    chronicle.switch(operator="noc", out_of_step=("cf3:\\pe1.cfg",))
    told = report(chronicle)
    assert told.trigger is None
    assert (told.switchover.operator, told.unrecorded) == ("noc", "what moved noc")
    assert (told.compared, told.out_of_step) == (True, ("cf3:\\pe1.cfg",))
    assert told.readiness.ready


def test_the_readiness_is_that_of_the_moment_and_not_of_today(chronicle) -> None:
    chronicle.switch(ignore_status=True)
    chronicle.attempt()
    told = report(chronicle)
    assert not told.readiness.ready
    assert told.readiness.blockers == told.readiness.overridden == (Blocker.NEVER_SYNCHRONIZED,)
    assert "has not been synchronised" in told.readiness.explanation
    assert "Set aside by --ignore-status" in text(report_lines(told))


def test_changes_that_no_success_covered_are_named(chronicle) -> None:
    chronicle.attempt()
    chronicle.save()
    chronicle.switch()
    assert report(chronicle).readiness.unsynchronized == ("config",)


def test_a_failed_switchover_says_why_and_what_followed(chronicle) -> None:
    chronicle.attempt()
    chronicle.switch(failure=SwitchoverFailure.EXEC_TIMED_OUT)
    chronicle.switch()
    told = report(chronicle, "1")
    assert (told.switchover.result, told.switchover.failure) == (SwitchoverResult.FAILED, "exec-timed-out")
    assert [alarm.identity for alarm in told.raised] == ["pe1 switchover-failed"]
    assert told.raised[0].ended_position is not None
    assert told.next_switchover is not None
    assert told.came_back == ()


def test_a_refused_switchover_has_no_number_and_says_what_was_in_the_way(chronicle) -> None:
    chronicle.switch(operator="noc")
    told = report(chronicle)
    assert told.switchover.name == "refusal-4"
    assert told.switchover.result is SwitchoverResult.REFUSED
    assert told.readiness.blockers == (Blocker.NEVER_SYNCHRONIZED,)
    assert told.outcome is None
    assert "Refused switchover (refusal-4) of pe1" in text(report_lines(told))
    assert report(chronicle, "refusal-4") == told


def test_a_refused_automatic_switchover_has_the_loss_as_its_trigger_and_its_return_as_what_came_back(chronicle) -> None:
    chronicle.see(Slot.A, Health.FAILED)
    chronicle.switch(SwitchoverReason.CARD_FAILED)
    chronicle.see(Slot.A, Health.IN_SERVICE)
    told = report(chronicle)
    assert told.trigger is not None
    assert told.trigger.type == "card.failed.v1"
    assert [one.type for one in told.came_back] == ["card.recovered.v1"]
    assert {alarm.identity for alarm in told.raised} == {"pe1/A card-failed", "pe1 switchover-failed"}
    assert told.still_open == ()


def test_a_switchover_that_runs_has_no_outcome_yet(chronicle) -> None:
    chronicle.attempt()
    chronicle.tell(StartSwitchover(reason=SwitchoverReason.FORCED))
    told = report(chronicle)
    assert (told.switchover.result, told.outcome) == (SwitchoverResult.RUNNING, None)
    assert "none, as far as the record goes" in text(report_lines(told))


def test_what_came_back_ends_before_the_roles_change_again(chronicle) -> None:
    chronicle.attempt()
    chronicle.switch()
    chronicle.attempt()
    chronicle.switch()
    chronicle.attempt()
    first, second = report(chronicle, "1"), report(chronicle, "2")
    assert first.next_switchover is not None
    assert first.next_switchover.position == second.decision.position
    assert all(one.position < second.decision.position for one in first.came_back)
    assert second.next_switchover is None


def test_the_list_has_all_of_them_refused_and_failed_ones_included(chronicle) -> None:
    chronicle.switch(operator="noc")
    chronicle.attempt()
    chronicle.switch(failure=SwitchoverFailure.EXEC_FAILED)
    chronicle.switch()
    rows = switchovers(chronicle.facts())
    assert [(row.name, str(row.result)) for row in rows] == [
        ("refusal-4", "refused"),
        ("1", "failed"),
        ("2", "completed"),
    ]
    lines = text(list_lines("pe1", rows)).splitlines()
    assert [line.split()[0] for line in lines[5:-1]] == ["refusal-4", "1", "2"]


def test_an_unknown_switchover_is_answered_with_those_that_there_are(chronicle) -> None:
    with pytest.raises(NotInRecordError, match="pe1 has had no switchover"):
        report(chronicle)
    chronicle.attempt()
    chronicle.switch()
    with pytest.raises(NotInRecordError, match="pe1 has no switchover '7': it has 1"):
        report(chronicle, "7")
