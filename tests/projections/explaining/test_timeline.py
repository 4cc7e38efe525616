"""Given facts that real decisions recorded, when somebody asks what happened, then one line follows the other."""

from datetime import timedelta

import pytest
from click import unstyle

from events.causes import Cause
from events.commands import AlarmAction, SeeCard, SeeFlash
from events.facts import Slot, Trigger
from events.state import Health
from projections.asking import NotInRecordError
from projections.event_log import entry
from projections.timeline import Timeline, of_alarm, of_card, of_chassis, of_operator
from understudy.screens.timeline import timeline_lines


def types(answer: Timeline) -> list[str]:
    return [fact.type for fact in answer.facts]


def test_a_chassis_has_a_line_for_every_fact_in_the_words_of_the_log(chronicle) -> None:
    chronicle.attempt()
    answer = of_chassis("pe1", chronicle.facts(), begin=None, end=None)
    assert [fact.sentence for fact in answer.facts] == [entry(one).message for one in chronicle.facts()]


def test_each_line_says_how_long_after_the_one_before_it_it_happened(chronicle) -> None:
    chronicle.attempt()
    chronicle.wait(3600)
    chronicle.save()
    answer = of_chassis("pe1", chronicle.facts(), begin=None, end=None)
    assert answer.facts[0].after_ms is None
    assert answer.facts[-1].after_ms == 3_601_000
    assert "+1 h 0 min" in unstyle(list(timeline_lines(answer, several=False))[-2])


def test_a_card_has_its_attempts_alarms_and_flashes_and_not_those_of_the_other_card(chronicle) -> None:
    chronicle.tell(
        SeeFlash(slot=Slot.A, flash="cf3:", used_percent=95), SeeFlash(slot=Slot.B, flash="cf3:", used_percent=96)
    )
    chronicle.attempt(Cause.NO_SPACE)
    chronicle.save()
    answer = of_card("pe1", chronicle.facts(), Slot.B, begin=None, end=None)
    told = " ".join(fact.sentence for fact in answer.facts)
    assert "96 %" in told
    assert "95 %" not in told
    assert "files.changed.v1" not in types(answer)
    assert types(answer).count("alarm.raised.v1") == 2
    assert {"sync.started.v1", "sync.failed.v1"} <= set(types(answer))


def test_an_attempt_and_a_switchover_are_of_both_cards(chronicle) -> None:
    chronicle.attempt()
    chronicle.switch()
    for slot in Slot:
        told = types(of_card("pe1", chronicle.facts(), slot, begin=None, end=None))
        assert {"sync.started.v1", "sync.succeeded.v1", "switchover.started.v1", "switchover.completed.v1"} <= set(told)


def test_an_alarm_has_all_its_lives_with_every_attempt_that_saw_it_and_what_proved_its_clears(chronicle, alarm) -> None:
    chronicle.save()
    chronicle.attempt(Cause.NO_SPACE, trigger=Trigger.SAVED)
    chronicle.act(AlarmAction.ACKNOWLEDGE, alarm())
    chronicle.probe(Cause.NO_SPACE)
    chronicle.attempt(Cause.NO_SPACE)
    chronicle.attempt()
    answer = of_alarm("pe1", chronicle.facts(), "no-space", begin=None, end=None)
    assert types(answer) == [
        "files.changed.v1",
        "sync.started.v1",
        "sync.failed.v1",
        "alarm.raised.v1",
        "alarm.acknowledged.v1",
        "condition.ceased.v1",
        "alarm.cleared.v1",
        "sync.started.v1",
        "sync.failed.v1",
        "alarm.raised.v1",
        "sync.started.v1",
        "sync.succeeded.v1",
        "alarm.cleared.v1",
    ]


def test_an_operator_has_what_they_did_on_every_chassis(chronicle, alarm) -> None:
    chronicle.provision("pe2")
    chronicle.attempt(Cause.NO_SPACE, operator="noc")
    chronicle.attempt(operator="noc", chassis="pe2")
    chronicle.act(AlarmAction.CLOSE, alarm(), operator="somebody")
    everything = list(chronicle.record.read())
    answer = of_operator("noc", everything, begin=None, end=None)
    assert [(fact.chassis, fact.type) for fact in answer.facts] == [
        ("pe1", "sync.started.v1"),
        ("pe2", "sync.started.v1"),
    ]
    assert "pe2: " in "".join(timeline_lines(answer, several=True))


def test_what_was_recorded_late_stands_where_it_happened_and_says_so(chronicle) -> None:
    happened = chronicle.now + timedelta(seconds=1)
    chronicle.wait(60)
    chronicle.save()
    chronicle.tell(SeeCard(slot=Slot.B, health=Health.ABSENT, detail="gone"), occurred_at=happened)
    answer = of_chassis("pe1", chronicle.facts(), begin=None, end=None)
    assert types(answer)[-1] == "files.changed.v1"
    assert "(recorded 1 min 1 s later)" in "".join(timeline_lines(answer, several=False))


def test_a_period_is_bounded_by_times_at_the_source_or_by_positions(chronicle) -> None:
    for _ in range(5):
        chronicle.attempt()
    everything = chronicle.facts()
    begin, end = everything[4], everything[9]
    by_position = of_chassis("pe1", everything, begin=begin.position, end=end.position)
    assert [fact.position for fact in by_position.facts] == list(range(begin.position, end.position + 1))
    by_time = of_chassis("pe1", everything, begin=begin.occurred_at, end=end.occurred_at)
    assert {fact.position for fact in by_position.facts} <= {fact.position for fact in by_time.facts}
    assert all(begin.occurred_at <= fact.occurred_at <= end.occurred_at for fact in by_time.facts)


def test_a_period_in_which_nothing_happened_is_an_empty_timeline(chronicle) -> None:
    answer = of_chassis("pe1", chronicle.facts(), begin=99, end=None)
    assert answer.facts == ()
    assert "[0]" in "".join(timeline_lines(answer, several=False))


def test_an_unknown_alarm_is_answered_with_those_that_there_are(chronicle) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    with pytest.raises(NotInRecordError, match="its alarms: pe1/B config-sync-failed no-space"):
        of_alarm("pe1", chronicle.facts(), "unreachable", begin=None, end=None)
