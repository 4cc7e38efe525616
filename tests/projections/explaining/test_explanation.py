"""Given facts that real decisions recorded, when somebody asks why, then the chain says it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from click import unstyle
from msgspec.structs import replace

from events.causes import Cause, Scope
from events.commands import AlarmAction, SeeCard
from events.facts import AlarmCleared, AlarmRaised, CardRemoved, SyncFailed, SyncStarted, SyncSucceeded, Trigger
from events.state import Health, Slot
from projections.asking import NotInRecordError
from projections.explanation import ExplainedFact, Explanation, explain
from projections.roles import Role
from understudy.screens.drawing import ASCII, BOXES, Pen
from understudy.screens.explanation import explanation_lines

FULL = "config-sync-failed no-space"


def every(chains: tuple[ExplainedFact, ...]) -> Iterator[ExplainedFact]:
    for fact in chains:
        yield fact
        yield from every(fact.children)


def roles(fact: ExplainedFact) -> object:
    """The shape of a chain: a role, or a role and what it led to."""
    return (fact.role.value, *map(roles, fact.children)) if fact.children else fact.role.value


def ask(chronicle, words: str, chassis: str = "pe1") -> Explanation:
    return explain(chassis, chronicle.facts(chassis), words)


def text(answer: Explanation, pen: Pen = BOXES, *, everything: bool = False) -> str:
    return "".join(f"{unstyle(line)}\n" for line in explanation_lines(answer, pen, everything=everything))


def full_flash(chronicle, alarm) -> None:
    """A saved file, a full flash, a retry that fails again, an operator, room again, a retry that succeeds."""
    chronicle.save()
    chronicle.attempt(Cause.NO_SPACE, trigger=Trigger.SAVED)
    chronicle.wait(59)
    chronicle.attempt(Cause.NO_SPACE, trigger=Trigger.RETRY)
    chronicle.act(AlarmAction.ACKNOWLEDGE, alarm(), text="somebody is on the way")
    chronicle.wait(7200)
    chronicle.probe(Cause.NO_SPACE)
    chronicle.attempt(trigger=Trigger.RETRY)


def test_an_alarm_is_told_from_its_trigger_to_what_cleared_it_and_beyond(chronicle, alarm) -> None:
    full_flash(chronicle, alarm)
    answer = ask(chronicle, FULL)
    assert [roles(chain) for chain in answer.chains] == [
        (
            "trigger",
            (
                "attempt",
                "readiness",
                ("failure", ("raise", "operator")),
                ("retry", "readiness", ("failure", "repeat", ("evidence", "clear"))),
                ("retry", "readiness", ("success", "readiness")),
            ),
        )
    ]


def test_the_tree_of_a_full_flash_reads_as_the_golden_text_does(chronicle, alarm, golden) -> None:
    full_flash(chronicle, alarm)
    golden("full_flash.txt", text(ask(chronicle, FULL)))


def test_without_utf_8_the_tree_is_drawn_in_plain_ascii(chronicle, alarm) -> None:
    full_flash(chronicle, alarm)
    drawn = text(ask(chronicle, FULL), pen=ASCII)
    assert drawn.isascii()
    assert "`- " in drawn


def test_exactly_the_fact_that_was_asked_for_is_marked(chronicle, alarm) -> None:
    full_flash(chronicle, alarm)
    for one in chronicle.facts():
        answer = ask(chronicle, str(one.position))
        assert [fact.position for fact in every(answer.chains) if fact.asked] == [one.position]
        assert text(answer).count("◀ asked") == 1


def test_no_fact_is_told_twice_and_children_come_after_their_parents(chronicle, alarm) -> None:
    full_flash(chronicle, alarm)
    for one in chronicle.facts():
        told = [fact.position for fact in every(ask(chronicle, str(one.position)).chains)]
        assert len(told) == len(set(told))
        for fact in every(ask(chronicle, str(one.position)).chains):
            assert all(child.position > fact.position for child in fact.children)


def test_a_failure_says_its_stage_and_its_cause(chronicle) -> None:
    chronicle.attempt(Cause.CHECKSUM_MISMATCH)
    failure = next(fact for fact in every(ask(chronicle, "attempt 1").chains) if fact.role is Role.FAILURE)
    assert (failure.stage, failure.cause) == ("verify", "checksum-mismatch")


def test_the_alarm_sums_up_its_life(chronicle, alarm) -> None:
    full_flash(chronicle, alarm)
    told = ask(chronicle, FULL).alarm
    assert told is not None
    assert (told.identity, told.count, told.index) == (f"pe1/B {FULL}", 2, 1)
    assert told.ended_at is not None
    assert told.lasted_ms == (told.ended_at - told.raised_at) / timedelta(milliseconds=1) > 7_200_000


def test_an_alarm_that_another_story_clears_has_two_chains(chronicle) -> None:
    chronicle.save()
    chronicle.attempt(Cause.NO_SPACE, trigger=Trigger.SAVED)
    chronicle.attempt(operator="noc")
    answer = ask(chronicle, "no-space")
    assert [chain.role for chain in answer.chains] == [Role.TRIGGER, Role.ATTEMPT]
    assert roles(answer.chains[1]) == ("attempt", ("success", "clear"))
    assert "ended by a success of another story" in ask(chronicle, "attempt 1").summary[0]


def test_a_success_that_ends_the_failures_of_another_story_is_told(chronicle) -> None:
    chronicle.attempt(Cause.INTERRUPTED)
    chronicle.attempt(scope=Scope.BOOT_ENV)
    told = {fact.type for fact in every(ask(chronicle, "attempt 1").chains)}
    assert SyncSucceeded.TYPE in told


def test_the_success_is_told_even_where_no_alarm_was_left_for_it_to_clear(chronicle, alarm) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    chronicle.act(AlarmAction.PURGE, alarm())
    chronicle.attempt()
    assert SyncSucceeded.TYPE in {fact.type for fact in every(ask(chronicle, "attempt 1").chains)}


def test_a_running_story_says_that_it_has_not_succeeded(chronicle) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    chronicle.attempt(Cause.NO_SPACE, trigger=Trigger.RETRY)
    answer = ask(chronicle, "no-space")
    assert "it stands, as far as the record goes" in answer.summary[0]
    assert answer.summary[1].startswith("Story sync-1: 2 attempts, 2 failures, no success as far as")


def test_of_an_alarm_raised_often_the_newest_life_is_told_and_the_others_are_named(chronicle) -> None:
    raises = []
    for _ in range(3):
        raises += [one.position for one in chronicle.attempt(Cause.NO_SPACE) if isinstance(one.fact, AlarmRaised)]
        chronicle.attempt()
    answer = ask(chronicle, "no-space")
    assert answer.alarm is not None
    assert (answer.alarm.raised_position, answer.alarm.earlier) == (raises[2], tuple(raises[:2]))
    first = ask(chronicle, str(raises[0]))
    assert first.alarm is not None
    assert first.alarm.later == tuple(raises[1:])
    assert not {raises[1], raises[2]} & {fact.position for fact in every(first.chains)}


def test_every_sighting_of_an_alarm_is_told_whichever_story_saw_it(chronicle) -> None:
    for _ in range(4):
        chronicle.attempt(Cause.NO_SPACE)
    answer = ask(chronicle, "no-space")
    assert answer.alarm is not None
    assert answer.alarm.count == 4
    assert [fact.role for fact in every(answer.chains) if fact.role in {Role.RAISE, Role.REPEAT}] == [
        Role.RAISE,
        Role.REPEAT,
        Role.REPEAT,
        Role.REPEAT,
    ]


def test_what_an_operator_did_to_an_alarm_hangs_on_its_raise(chronicle, alarm) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    chronicle.act(AlarmAction.SHELVE, alarm(), text="a larger flash is ordered")
    chronicle.act(AlarmAction.UNSHELVE, alarm())
    raised = next(fact for fact in every(ask(chronicle, "no-space").chains) if fact.role is Role.RAISE)
    assert [child.role for child in raised.children] == [Role.OPERATOR, Role.OPERATOR]


def test_a_purged_alarm_says_that_it_was_purged(chronicle, alarm) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    chronicle.act(AlarmAction.PURGE, alarm())
    chronicle.attempt(Cause.NO_SPACE)
    newest = ask(chronicle, "no-space")
    assert newest.alarm is not None
    (earlier,) = newest.alarm.earlier
    assert "it was purged from the list" in ask(chronicle, str(earlier)).summary[0]


def test_a_lost_active_card_leads_to_the_switchover_and_to_its_own_return(chronicle) -> None:
    chronicle.attempt()
    (removed, *_) = chronicle.see(Slot.A, Health.ABSENT)
    chronicle.switch("card-removed")
    chronicle.see(Slot.A, Health.IN_SERVICE)
    chronicle.attempt(trigger=Trigger.STANDBY_UP)
    answer = ask(chronicle, "switchover 1")
    (chain,) = answer.chains
    assert chain.position == removed.position
    assert [child.role for child in chain.children] == [Role.SWITCHOVER, Role.EVIDENCE]
    assert "standby.ready.v1" in {fact.type for fact in every(answer.chains)}


def test_a_card_that_fails_between_absence_and_return_stays_one_flat_story(chronicle) -> None:
    for health in (Health.ABSENT, Health.FAILED) * 300:
        chronicle.see(Slot.B, health)
    (last, *_) = chronicle.see(Slot.B, Health.IN_SERVICE)
    (chain,) = ask(chronicle, str(last.position)).chains
    assert chain.type == "card.removed.v1"
    assert last.position in {child.position for child in chain.children}


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        ("attempt 1", "what moved noc"),
        ("4", "what moved noc"),
        ("1", "what moved operator"),
        ("alarm 1", "what moved noc"),
    ],
)
def test_what_lies_outside_the_record_is_said(chronicle, words, unknown) -> None:
    chronicle.attempt(Cause.NO_SPACE, operator="noc")
    chain = ask(chronicle, words).chains[0]
    assert chain.unrecorded == unknown
    assert f"(Not in the record: {unknown}.)" in text(ask(chronicle, words))


def test_who_saved_a_file_and_what_a_probe_did_not_see_lie_outside_the_record(chronicle, alarm) -> None:
    full_flash(chronicle, alarm)
    said = {fact.type: fact.unrecorded for fact in every(ask(chronicle, FULL).chains)}
    assert said["files.changed.v1"] == "who or what saved or deleted the files"
    assert said["condition.ceased.v1"] == "what made it cease; a probe saw that it had"
    assert said["alarm.cleared.v1"] == said["sync.failed.v1"] == ""


def test_a_cause_that_is_not_among_the_facts_is_named_and_not_invented(chronicle, alarm) -> None:
    full_flash(chronicle, alarm)
    known = [one for one in chronicle.facts() if not isinstance(one.fact, SyncFailed)]
    answer = explain("pe1", known, FULL)
    raised = next(fact for fact in every(answer.chains) if fact.role is Role.RAISE)
    assert raised in answer.chains
    assert raised.unrecorded.startswith("what led to it: version 7 of pe1 is not among the facts")


def test_a_fact_that_names_itself_as_its_cause_sends_nobody_in_circles(chronicle) -> None:
    chronicle.attempt()
    odd = [replace(one, causation=one.version) for one in chronicle.facts()]
    assert explain("pe1", odd, "4").chains[0].position == 4


def test_a_fact_that_was_recorded_late_says_so(chronicle) -> None:
    happened = chronicle.now
    chronicle.wait(179)
    chronicle.tell(SeeCard(slot=Slot.B, health=Health.ABSENT, detail="gone"), occurred_at=happened)
    assert "(recorded 3 min 0 s later)" in text(ask(chronicle, "card-removed"))


def test_of_many_retries_the_middle_is_left_out_unless_it_is_asked_for(chronicle) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    for _ in range(20):
        chronicle.attempt(Cause.NO_SPACE, trigger=Trigger.RETRY)
    retried = [one.position for one in chronicle.facts() if isinstance(one.fact, SyncStarted)]
    short = text(ask(chronicle, "attempt 1"))
    assert "more like these" in short
    assert f"{retried[10]} 2026" not in short
    assert f"{retried[10]} 2026" in text(ask(chronicle, "attempt 1"), everything=True)
    asked = text(ask(chronicle, str(retried[10])))
    assert f"{retried[10]} 2026" in asked
    assert asked.count("more like these") == 2


def test_a_stretch_of_retries_is_all_there_for_programs(chronicle) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    for _ in range(20):
        chronicle.attempt(Cause.NO_SPACE, trigger=Trigger.RETRY)
    (chain,) = ask(chronicle, "attempt 1").chains
    assert sum(child.role is Role.RETRY for child in chain.children) == 20


@pytest.mark.parametrize(
    "words",
    [
        "pe1/B config-sync-failed no-space",
        "  pe1/B   config-sync-failed   no-space ",
        "NO-SPACE",
        "B no-space",
        "alarm no-space",
        "alarm 1",
        "alarm-1",
    ],
)
def test_an_alarm_is_found_by_its_identity_by_part_of_it_and_by_its_index(chronicle, words) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    answer = ask(chronicle, words)
    assert answer.alarm is not None
    assert answer.alarm.identity == "pe1/B config-sync-failed no-space"


@pytest.mark.parametrize("words", ["attempt 2", "attempt-2", "sync-2", "Attempt 2", "sync 2"])
def test_an_attempt_is_found_by_its_number(chronicle, words) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    (started, *_) = chronicle.attempt(Cause.NO_SPACE, trigger=Trigger.RETRY)
    assert ask(chronicle, words).position == started.position


def test_a_story_is_found_by_its_own_name(chronicle) -> None:
    (removed, *_) = chronicle.see(Slot.B, Health.ABSENT)
    assert ask(chronicle, removed.correlation).position == removed.position


def test_a_part_that_fits_several_alarms_is_not_guessed_at(chronicle) -> None:
    for scope in (Scope.CONFIG, Scope.BOOT_ENV):
        chronicle.attempt(Cause.NO_SPACE, scope=scope)
    with pytest.raises(NotInRecordError, match="fits several alarms of pe1: pe1/B config-sync-failed no-space; pe1/B"):
        ask(chronicle, "no-space")
    assert ask(chronicle, "pe1/B config-sync-failed no-space").alarm is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("attempt 9", "pe1 has no attempt 9: its attempts are 1 to 1"),
        ("switchover 1", "pe1 has no switchover 1: it has had no switchover"),
        ("999", "There is no event 999 of pe1; its events lie from 1 to 7"),
        ("alarm 2", "pe1 has no alarm 2: its alarms have the indexes 1 to 1"),
        ("unreachable", "pe1 has no 'unreachable'; its alarms: pe1/B config-sync-failed no-space"),
    ],
)
def test_what_is_not_in_the_record_is_answered_with_what_is(chronicle, words, said) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    with pytest.raises(NotInRecordError) as caught:
        ask(chronicle, words)
    assert said in str(caught.value)


def test_a_chassis_without_alarms_says_so(chronicle) -> None:
    with pytest.raises(NotInRecordError, match="no alarm was ever raised"):
        ask(chronicle, "no-space")


def test_each_clear_stands_under_what_proved_it(chronicle, alarm) -> None:
    full_flash(chronicle, alarm)
    chronicle.see(Slot.B, Health.ABSENT)
    chronicle.see(Slot.B, Health.IN_SERVICE)
    chronicle.attempt(trigger=Trigger.STANDBY_UP)
    cleared = [one for one in chronicle.facts() if isinstance(one.fact, AlarmCleared)]
    assert len(cleared) >= 4
    for one in cleared:
        assert isinstance(one.fact, AlarmCleared)
        evidence = next(fact for fact in chronicle.facts() if fact.version == one.fact.evidence)
        told = every(ask(chronicle, str(one.position)).chains)
        above = next(fact for fact in told if one.position in {child.position for child in fact.children})
        assert above.position == evidence.position


def test_what_a_switchover_was_refused_for_goes_back_to_the_failure_that_made_it_so(chronicle) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    refused = chronicle.switch(operator="noc")[0]
    failed = next(one for one in chronicle.facts() if isinstance(one.fact, SyncFailed))
    for words in (str(refused.position), refused.correlation):
        answer = ask(chronicle, words)
        assert answer.summary[0] == (
            f"What event {refused.position} was refused for (never-synchronized) goes back to event {failed.position}."
        )
        shown = {one.position for one in every(answer.chains)}
        assert {failed.position, refused.position} <= shown
        assert "(Not in the record: what moved noc.)" in text(answer)


def test_what_was_mended_before_a_refusal_is_not_what_it_was_refused_for(chronicle) -> None:
    chronicle.attempt(Cause.NO_SPACE)
    chronicle.attempt()
    chronicle.see(Slot.B, Health.ABSENT)
    refused = chronicle.switch()[0]
    (sentence,) = ask(chronicle, str(refused.position)).summary
    removed = next(one for one in chronicle.facts() if isinstance(one.fact, CardRemoved))
    assert sentence.endswith(f"(not-equipped) goes back to event {removed.position}.")


def test_a_refusal_that_nothing_was_tried_before_stands_alone(chronicle) -> None:
    refused = chronicle.switch()[0]
    answer = ask(chronicle, refused.correlation)
    assert answer.summary == ()
    assert [one.position for one in every(answer.chains)] == [refused.position]
