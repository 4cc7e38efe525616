"""As of: two axes, and where they differ."""

from datetime import timedelta
from typing import Any

from projections.as_of import Axis, as_of, late_ones, picture, show


def test_a_time_includes_what_it_names_on_either_axis(story: Any) -> None:
    facts = list(story)
    for one in facts:
        assert as_of(facts, one.recorded_at, Axis.KNOWN).facts == one.position
        assert as_of(facts, one.occurred_at, Axis.HAPPENED).facts == one.position
        assert as_of(facts, one.position, Axis.HAPPENED) == as_of(facts, one.position, Axis.KNOWN)


def test_a_picture_may_go_on_from_any_earlier_one(story: Any) -> None:
    facts = list(story)
    for number in range(len(facts)):
        assert picture(facts[number:], picture(facts[:number])) == picture(facts)


def test_facts_of_one_time_keep_the_order_of_the_record(record: Any, story: Any) -> None:
    del record
    facts = list(story)
    same = [type(one)(**{**_fields(one), "occurred_at": facts[0].occurred_at}) for one in facts]
    assert as_of(same, None, Axis.HAPPENED).redundancy == picture(same).redundancy


def test_what_came_late_is_named_with_how_late_and_whether_it_was_known(story: Any) -> None:
    facts = list(story)
    last = facts[-1]
    back = type(last)(**{**_fields(last), "occurred_at": facts[3].occurred_at})
    known = late_ones([*facts[:-1], back], last.recorded_at, None)
    assert [(one.position, one.known_then) for one in known] == [(last.position, True)]
    then = late_ones([*facts[:-1], back], facts[5].recorded_at, None)
    assert [(one.position, one.known_then) for one in then] == [(last.position, False)]
    assert then[0].late_ms == (last.recorded_at - facts[3].occurred_at) / timedelta(milliseconds=1)


def test_a_clock_that_is_ahead_makes_the_axes_differ_too(story: Any) -> None:
    facts = list(story)
    ahead = type(facts[-1])(**{**_fields(facts[-1]), "occurred_at": facts[-1].recorded_at + timedelta(hours=1)})
    found = late_ones([*facts[:-1], ahead], ahead.recorded_at, None)
    assert [(one.position, one.late_ms) for one in found] == [(ahead.position, -3_600_000)]


def test_a_picture_is_shown_with_its_cards_and_its_alarms(story: Any) -> None:
    shown = show(picture(story))
    assert shown.chassis == shown.alarms.chassis == "pe1"
    assert [card.slot.value for card in shown.redundancy.cards] == ["A", "B"]
    assert shown.alarms.shelved


def _fields(recorded: Any) -> dict[str, Any]:
    return {name: getattr(recorded, name) for name in recorded.__struct_fields__}
