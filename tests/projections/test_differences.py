"""Differences: what is different in the end, and what happened in between."""

from typing import Any, get_args

import pytest

from events.facts import FACTS, AlarmCleared, AlarmRaised, AuditFact, Severity
from projections.as_of import EMPTY, picture
from projections.differences import KINDS, Kind, compare, differences


def between(story: Any, first: int, last: int) -> Any:
    facts = list(story)
    return differences(picture(facts[:first]), picture(facts[:last]), facts[first:last])


def test_between_a_moment_and_itself_nothing_is_different(story: Any) -> None:
    facts = list(story)
    for number in range(len(facts)):
        assert not compare(picture(facts[:number]), picture(facts[:number]))


def test_the_whole_story_has_everything_in_it(story: Any) -> None:
    facts = list(story)
    found = differences(EMPTY, picture(facts), facts)
    assert found.facts == len(facts)
    assert found.counts == {
        "raised": 3,
        "repeated": 1,
        "cleared": 1,
        "acknowledged": 1,
        "shelved": 1,
        "sync begun": 4,
        "synchronized": 1,
        "failed": 2,
        "switchover begun": 1,
        "switched over": 1,
        "configured": 2,
        "card": 3,
        "standby": 3,
        "flash": 2,
        "files": 1,
    }
    effects = {effect.alarm_type_id: effect.effect for effect in found.alarms}
    assert effects["boot-env-sync-failed"] == "raised and cleared in between"
    assert effects["card-removed"] == "raised"
    changes = {(change.subject, change.what): (change.before, change.after) for change in found.changes}
    assert changes["pe1", "active card"] == ("A", "B")
    assert changes["card A", "role"] == ("active", "standby")


def test_no_fact_between_two_moments_is_left_out(story: Any) -> None:
    facts = list(story)
    found = differences(EMPTY, picture(facts), facts)
    assert [one.position for one in found.happenings] == [one.position for one in facts]
    assert sum(found.counts.values()) == found.facts


@pytest.mark.parametrize("kind", [kind for kind in FACTS.values() if kind not in get_args(AuditFact)])
def test_every_fact_of_a_chassis_is_of_a_kind(kind: type) -> None:
    assert kind in KINDS


def test_a_part_of_the_story_says_only_what_changed_in_it(story: Any) -> None:
    found = between(story, 17, 19)
    assert [one.kind for one in found.happenings] == [Kind.FLASH, Kind.CLEARED]
    assert [effect.effect for effect in found.alarms] == ["cleared"]
    assert [(change.what, change.before, change.after) for change in found.changes] == [
        ("alarm", "major, ack", "cleared, ack")
    ]


@pytest.mark.parametrize(("severity", "kind"), [(Severity.MINOR, Kind.SEVERITY_CHANGED), (Severity.MAJOR, Kind.RAISED)])
def test_another_severity_of_an_alarm_that_stands_is_no_new_alarm(
    record: Any, story: Any, severity: Severity, kind: Kind
) -> None:
    before = list(story)
    key = before[-4].fact.alarm
    added = record(AlarmRaised(alarm=key, severity=severity, text="again"))
    found = differences(picture(before), picture([*before, *added]), added)
    assert [one.kind for one in found.happenings] == [kind]
    if severity is Severity.MINOR:
        assert [one.effect for one in found.alarms] == ["severity changed from major to minor"]


def test_an_alarm_that_went_and_came_back_is_said_to_have_done_so(record: Any, story: Any) -> None:
    before = list(story)
    key = before[-4].fact.alarm
    added = record(
        AlarmCleared(alarm=key, evidence=1, proof="seen"), AlarmRaised(alarm=key, severity=Severity.MAJOR, text="again")
    )
    found = differences(picture(before), picture([*before, *added]), added)
    assert [one.effect for one in found.alarms] == ["cleared and raised again"]
    assert not [change for change in found.changes if change.what == "alarm"]
