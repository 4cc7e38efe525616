"""Facts and alarms as CloudEvents 1.0 in Kafka's binary content mode, there and back."""

import re
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import orjson
import pytest
from hypothesis import given
from msgspec.structs import replace

from consumers.cloudevents import (
    ALARM_LEFT,
    ALARM_STATE,
    MalformedMessageError,
    Message,
    alarm_message,
    fact_message,
    position_of,
    read_alarm,
    read_fact,
)
from events.alarm_types import sync_failed_key
from events.causes import Cause, Scope
from events.codec import encode
from events.envelope import Recorded
from events.errors import EventDecodeError
from events.facts import AlarmRaised, Severity, Slot
from projections.alarm_changes import AlarmChanges, AlarmLeft, AlarmState

RAISED = Recorded(
    chassis="pe1",
    version=4,
    occurred_at=datetime(2026, 5, 1, 2, 13, tzinfo=UTC),
    recorded_at=datetime(2026, 5, 1, 2, 13, 0, 5000, tzinfo=UTC),
    correlation="sync-1",
    causation=3,
    fact=AlarmRaised(
        alarm=sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE), severity=Severity.MAJOR, text="full"
    ),
    position=17,
)
NAME = "pe1/B config-sync-failed no-space"
REQUIRED = {"ce_specversion", "ce_id", "ce_source", "ce_type"}
# CloudEvents 1.0.2, "Context Attributes": names of attributes, and a timestamp as RFC 3339 has it.
ATTRIBUTE = re.compile(r"ce_[a-z0-9]{1,20}")
TIMESTAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def state() -> tuple[str, AlarmState]:
    ((name, change),) = AlarmChanges().apply(RAISED)
    assert isinstance(change, AlarmState)
    return name, change


def without(message: Message, header: str) -> Message:
    return message._replace(headers=[one for one in message.headers if one[0] != header])


def changed(message: Message, header: str, value: bytes) -> Message:
    return message._replace(headers=[(name, value if name == header else old) for name, old in message.headers])


def test_a_fact_has_these_headers() -> None:
    message = fact_message(RAISED)
    assert message.key == b"pe1"
    assert message.headers == [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", b"17"),
        ("ce_source", b"/understudy"),
        ("ce_type", b"alarm.raised.v1"),
        ("ce_time", b"2026-05-01T02:13:00Z"),
        ("ce_recordedtime", b"2026-05-01T02:13:00.005000Z"),
        ("ce_chassis", b"pe1"),
        ("ce_position", b"17"),
        ("ce_subject", b"pe1"),
        ("ce_streamversion", b"4"),
    ]


def test_an_alarm_has_these_headers() -> None:
    name, change = state()
    message = alarm_message(name, change, RAISED)
    assert (name, message.key) == (NAME, NAME.encode())
    assert message.headers == [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", b"17/" + NAME.encode()),
        ("ce_source", b"/understudy"),
        ("ce_type", ALARM_STATE.encode()),
        ("ce_time", b"2026-05-01T02:13:00Z"),
        ("ce_recordedtime", b"2026-05-01T02:13:00.005000Z"),
        ("ce_chassis", b"pe1"),
        ("ce_position", b"17"),
        ("ce_subject", NAME.encode()),
    ]


def test_the_value_of_a_fact_is_what_the_record_stores() -> None:
    name, document = encode(RAISED)
    assert fact_message(RAISED).value == document
    stored = document.replace(b'"full"', b'"as it was stored"')
    assert fact_message(RAISED, (name, stored)).value is stored


def test_the_value_of_an_alarm_is_its_whole_state() -> None:
    name, change = state()
    value = alarm_message(name, change, RAISED).value
    assert value is not None
    assert orjson.loads(value) == orjson.loads(msgspec.json.encode(change))


def test_headers_are_attributes_of_cloudevents_and_values_are_json(histories) -> None:
    @given(histories)
    def property_(history) -> None:
        changes = AlarmChanges()
        for recorded in history.recorded:
            messages = [fact_message(recorded)]
            messages += [alarm_message(name, change, recorded) for name, change in changes.apply(recorded)]
            for message in messages:
                headers = dict(message.headers)
                assert len(headers) == len(message.headers)
                assert headers.keys() >= REQUIRED
                assert all(ATTRIBUTE.fullmatch(name) for name in headers.keys() - {"content-type"})
                assert all(headers.values())
                assert TIMESTAMP.fullmatch(headers["ce_time"])
                assert TIMESTAMP.fullmatch(headers["ce_recordedtime"])
                assert message.value is None or orjson.loads(message.value)

    property_()


def test_no_two_messages_have_the_same_source_and_id(histories) -> None:
    @given(histories)
    def property_(history) -> None:
        changes, facts, alarms = AlarmChanges(), [], []
        for recorded in history.recorded:
            facts.append(dict(fact_message(recorded).headers)["ce_id"])
            alarms += [
                dict(alarm_message(name, change, recorded).headers)["ce_id"] for name, change in changes.apply(recorded)
            ]
        identifiers = [*facts, *alarms]
        assert len(set(identifiers)) == len(identifiers)

    property_()


def test_what_is_read_back_is_what_was_published(histories) -> None:
    @given(histories)
    def property_(history) -> None:
        changes = AlarmChanges()
        for recorded in history.recorded:
            assert read_fact(fact_message(recorded)) == recorded
            assert position_of(fact_message(recorded)) == recorded.position
            for name, change in changes.apply(recorded):
                message = alarm_message(name, change, recorded)
                assert read_alarm(message) == (name, change)
                assert position_of(message) == recorded.position

    property_()


def test_an_alarm_that_left_is_a_tombstone_that_still_says_which() -> None:
    left = AlarmLeft(chassis="pe1", position=17, identity=NAME)
    message = alarm_message(NAME, left, RAISED)
    assert message.value is None
    assert dict(message.headers)["ce_type"] == ALARM_LEFT.encode()
    assert read_alarm(message) == (NAME, left)


def test_a_time_of_another_zone_is_still_that_moment() -> None:
    elsewhere = replace(RAISED, occurred_at=RAISED.occurred_at.astimezone(timezone(timedelta(hours=2))))
    moment = dict(fact_message(elsewhere, encode(RAISED)).headers)["ce_time"]
    assert datetime.fromisoformat(moment.decode()) == RAISED.occurred_at


def test_the_source_may_be_another_one() -> None:
    assert ("ce_source", b"/noc/west") in fact_message(RAISED, source="/noc/west").headers
    assert ("ce_source", b"/noc/west") in alarm_message(*state(), RAISED, source="/noc/west").headers


@pytest.mark.parametrize("header", ["ce_type", "ce_chassis", "ce_streamversion", "ce_position"])
def test_a_fact_without_a_header_that_it_needs_is_named(header: str) -> None:
    with pytest.raises(MalformedMessageError, match=rf"event b'17' has no header {header}"):
        read_fact(without(fact_message(RAISED), header))


@pytest.mark.parametrize("header", ["ce_streamversion", "ce_position"])
def test_a_number_that_is_none_is_named(header: str) -> None:
    with pytest.raises(MalformedMessageError, match=rf"header {header} is 'x', no number"):
        read_fact(changed(fact_message(RAISED), header, b"x"))


def test_an_event_without_a_value_or_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(MalformedMessageError, match="has no value"):
        read_fact(fact_message(RAISED)._replace(value=None))
    with pytest.raises(EventDecodeError, match="unknown stored name"):
        read_fact(changed(fact_message(RAISED), "ce_type", b"alarm.raised.v9"))


def test_an_alarm_that_is_none_is_refused() -> None:
    message = alarm_message(*state(), RAISED)
    with pytest.raises(MalformedMessageError, match=NAME):
        read_alarm(message._replace(value=b"{}"))
    with pytest.raises(MalformedMessageError, match="ce_position"):
        read_alarm(without(message, "ce_position")._replace(value=None))
