"""Between a fact in its envelope and the stored JSON: orjson writes, msgspec reads and checks every field.

Reading is strict. An unknown stored name, or a missing, extra or wrongly typed field, is an ``EventDecodeError`` that
names it; nothing is guessed.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import orjson
from eventsourcing.persistence import Mapper, Notification, StoredEvent, Transcoder

from events.envelope import Recorded
from events.errors import EventDecodeError, EventEncodeError
from events.facts import FACTS, Fact
from events.upcasts import UPCASTS

F = TypeVar("F")
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Body(msgspec.Struct, Generic[F], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The stored JSON document: both times, the links to other facts, and the fact itself."""

    occurred_at: Moment
    recorded_at: Moment
    correlation: str
    causation: Annotated[int, msgspec.Meta(ge=0)]
    fact: F


def _body_of(cls: type[Fact]) -> Any:
    """The type to read into; made at run time from the closed table of facts, which no type checker can follow."""
    generic: Any = Body
    return generic[cls]


_building = Lock()
"""Held while msgspec learns a type. What it knows of one it keeps on the type, also while that is half done: another
thread that meets it there (all facts share their enums) reads by what is not filled in yet, and the process dies."""


class _Readers(dict[str, Callable[[bytes], Any]]):
    """A reader for each stored name, made when the first fact of that name comes: an answer needs a few of them."""

    def __init__(self, type_of: Callable[[type[Fact]], Any]) -> None:
        super().__init__()
        self._type_of = type_of

    def __missing__(self, name: str) -> Callable[[bytes], Any]:
        with _building:
            self[name] = reader = msgspec.json.Decoder(self._type_of(FACTS[name])).decode
            return reader


_READERS: Mapping[str, Callable[[bytes], Body[Fact]]] = _Readers(_body_of)
_CHECKS: Mapping[str, Callable[[bytes], Fact]] = _Readers(lambda cls: cls)
_DOCUMENT = b'{"occurred_at":%b,"recorded_at":%b,"correlation":%b,"causation":%d,"fact":%b}'
"""A ``Body``, put together of parts that orjson has written."""
_OPTIONS = orjson.OPT_UTC_Z
_as_dict = msgspec.structs.asdict


def encode(recorded: Recorded) -> tuple[str, bytes]:
    """The stored name and the stored JSON of a fact in its envelope; times are expected, and written, in UTC.

    Raises:
        EventEncodeError: what is to be written could not be read back.
    """
    fact = recorded.fact
    try:
        body = orjson.dumps(_as_dict(fact), default=_as_dict)
        # A fact that strict reading would reject must not get in: nothing can ever take it out again.
        _CHECKS[fact.TYPE](body)
        state = _DOCUMENT % (
            _moment(recorded.occurred_at),
            _moment(recorded.recorded_at),
            orjson.dumps(recorded.correlation),
            recorded.causation,
            body,
        )
    except (orjson.JSONEncodeError, msgspec.DecodeError) as error:
        raise EventEncodeError(f"cannot record {fact.TYPE!r} of {recorded.chassis}: {error}") from error
    return fact.TYPE, state


@lru_cache(maxsize=64)
def _moment(moment: datetime) -> bytes:
    """A time as JSON; kept, because all facts of a transaction have the same."""
    if moment.tzinfo is None:
        raise orjson.JSONEncodeError(f"{moment.isoformat()} has no timezone")
    return orjson.dumps(moment, option=_OPTIONS)


def decode(stored_name: str, state: bytes, *, chassis: str, version: int, position: int = 0) -> Recorded:
    """The typed fact in its envelope, from what the store holds.

    Raises:
        EventDecodeError: the name is unknown, or the body is not exactly of that name's shape.
    """
    try:
        reader = _READERS[stored_name]
        body = reader(state)
    except KeyError:
        body = _upcast(stored_name, state, place=_place(chassis, version, position))
    except msgspec.DecodeError as error:
        raise _undecodable(stored_name, _place(chassis, version, position), error) from error
    return Recorded(
        chassis=chassis,
        version=version,
        occurred_at=body.occurred_at,
        recorded_at=body.recorded_at,
        correlation=body.correlation,
        causation=body.causation,
        fact=body.fact,
        position=position,
    )


def _upcast(stored_name: str, state: bytes, *, place: str) -> Body[Fact]:
    name = stored_name
    try:
        document = orjson.loads(state)
        while name in UPCASTS:
            name, upcast = UPCASTS[name]
            document = {**document, "fact": upcast(document["fact"])}
        if name not in FACTS:
            raise EventDecodeError(
                f"unknown stored name {stored_name!r} at {place}: was it written by a newer version?"
            )
        with _building:
            body: Body[Fact] = msgspec.convert(document, _body_of(FACTS[name]))
    except (msgspec.ValidationError, ValueError, LookupError, TypeError, AttributeError) as error:
        # Upcasts trust the shape that they are written for; what they stumble over is a damaged body.
        raise _undecodable(stored_name, place, error) from error
    return body


def _place(chassis: str, version: int, position: int) -> str:
    return f"position {position} ({chassis} version {version})" if position else f"{chassis} version {version}"


def _undecodable(stored_name: str, place: str, error: Exception) -> EventDecodeError:
    return EventDecodeError(f"cannot read {stored_name!r} at {place}: {error}")


class FactMapper(Mapper[str]):
    """The library's mapper, with our stored names as topics and our JSON as state."""

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """Converts a ``Recorded`` to what the recorder stores."""
        recorded: Recorded = domain_event
        topic, state = encode(recorded)
        if self.compressor:
            state = self.compressor.compress(state)
        if self.cipher:
            state = self.cipher.encrypt(state)
        return StoredEvent(recorded.chassis, recorded.version, topic, state)

    def to_domain_event(self, stored_event: StoredEvent) -> Recorded:
        """Converts what the recorder stored to a ``Recorded``, with its position where the recorder tells it."""
        state = stored_event.state
        if self.cipher:
            state = self.cipher.decrypt(state)
        if self.compressor:
            state = self.compressor.decompress(state)
        return decode(
            stored_event.topic,
            state,
            chassis=str(stored_event.originator_id),
            version=stored_event.originator_version,
            position=stored_event.id if isinstance(stored_event, Notification) else 0,
        )


class JsonTranscoder(Transcoder):
    """orjson as the library's transcoder, for what it stores beside our facts."""

    def encode(self, obj: Any) -> bytes:
        """JSON of ``obj``, times in UTC."""
        return orjson.dumps(obj, default=_as_dict, option=_OPTIONS)

    def decode(self, data: bytes) -> Any:
        """Plain values from JSON."""
        return orjson.loads(data)


def utc(moment: datetime) -> datetime:
    """``moment`` in UTC.

    Raises:
        ValueError: it has no time zone; a time without one says nothing.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC)
