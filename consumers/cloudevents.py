"""Facts and alarms as CloudEvents 1.0 in Kafka's binary mode: attributes in ``ce_`` headers, JSON in the value.

Nothing here knows a Kafka client: a ``Message`` is what is sent and what is read back. The value of a fact is the
document that the record stores, byte for byte; an alarm's is an ``AlarmState``, or nothing where the alarm has left the
list (a tombstone, which makes a compacted topic forget its key).
"""

from typing import NamedTuple

import msgspec
import orjson

from events.codec import decode, encode
from events.envelope import Recorded
from projections.alarm_changes import AlarmLeft, AlarmState

SOURCE = "/understudy"
"""``ce_source`` where none is configured; with ``ce_id`` it names an event among those of all sources."""
ALARM_STATE = "alarm.state.v1"
ALARM_LEFT = "alarm.left.v1"
JSON = b"application/json"

Headers = list[tuple[str, bytes]]


class Message(NamedTuple):
    """One Kafka record, without its topic; ``value`` is none for a tombstone."""

    key: bytes
    value: bytes | None
    headers: Headers


class MalformedMessageError(Exception):
    """A message on one of our topics is not one of ours, or not whole."""


def fact_message(recorded: Recorded, stored: tuple[str, bytes] | None = None, *, source: str = SOURCE) -> Message:
    """The message of a fact, keyed by its chassis; ``stored`` spares encoding it again where the row is at hand."""
    name, document = stored or encode(recorded)
    chassis = recorded.chassis.encode()
    headers = _headers(str(recorded.position), name, recorded, source)
    headers += [("ce_subject", chassis), ("ce_streamversion", b"%d" % recorded.version)]
    return Message(chassis, document, headers)


def alarm_message(
    identity: str, change: AlarmState | AlarmLeft, recorded: Recorded, *, source: str = SOURCE
) -> Message:
    """The message of an alarm that ``recorded`` changed, keyed by its identity, which names its chassis."""
    left = isinstance(change, AlarmLeft)
    headers = _headers(f"{change.position}/{identity}", ALARM_LEFT if left else ALARM_STATE, recorded, source)
    headers.append(("ce_subject", identity.encode()))
    value = None if left else orjson.dumps(change, default=msgspec.to_builtins, option=orjson.OPT_UTC_Z)
    return Message(identity.encode(), value, headers)


def _headers(identifier: str, kind: str, recorded: Recorded, source: str) -> Headers:
    return [
        ("content-type", JSON),
        ("ce_specversion", b"1.0"),
        ("ce_id", identifier.encode()),
        ("ce_source", source.encode()),
        ("ce_type", kind.encode()),
        ("ce_time", _moment(recorded.occurred_at)),
        ("ce_recordedtime", _moment(recorded.recorded_at)),
        ("ce_chassis", recorded.chassis.encode()),
        ("ce_position", b"%d" % recorded.position),
    ]


def _moment(moment: object) -> bytes:
    return orjson.dumps(moment, option=orjson.OPT_UTC_Z)[1:-1]


def position_of(message: Message) -> int:
    """The position of the record that a message speaks of.

    Raises:
        MalformedMessageError: it has none.
    """
    return _number(_attributes(message), "ce_position")


def read_fact(message: Message) -> Recorded:
    """The fact of a message on the topic of events.

    Raises:
        MalformedMessageError: a header is missing or no number, or there is no value.
        EventDecodeError: the value is not of the shape that its type says.
    """
    found = _attributes(message)
    if message.value is None:
        raise MalformedMessageError(f"event {found.get('ce_id', b'?')!r} has no value")
    return decode(
        _text(found, "ce_type"),
        message.value,
        chassis=_text(found, "ce_chassis"),
        version=_number(found, "ce_streamversion"),
        position=_number(found, "ce_position"),
    )


def read_alarm(message: Message) -> tuple[str, AlarmState | AlarmLeft]:
    """The identity and the state of a message on the topic of alarms.

    Raises:
        MalformedMessageError: a header is missing or no number, or the value is no alarm state.
    """
    found = _attributes(message)
    identity = message.key.decode()
    if message.value is None:
        chassis, position = _text(found, "ce_chassis"), _number(found, "ce_position")
        return identity, AlarmLeft(chassis=chassis, position=position, identity=identity)
    try:
        return identity, _read_state(message.value)
    except msgspec.DecodeError as error:
        raise MalformedMessageError(f"alarm {identity!r}: {error}") from error


_read_state = msgspec.json.Decoder(AlarmState).decode


def _attributes(message: Message) -> dict[str, bytes]:
    return dict(message.headers)


def _text(attributes: dict[str, bytes], name: str) -> str:
    if name not in attributes:
        raise MalformedMessageError(f"event {attributes.get('ce_id', b'?')!r} has no header {name}: is it ours?")
    return attributes[name].decode()


def _number(attributes: dict[str, bytes], name: str) -> int:
    text = _text(attributes, name)
    if not text.isdigit():
        raise MalformedMessageError(f"event {attributes.get('ce_id', b'?')!r}: header {name} is {text!r}, no number")
    return int(text)
