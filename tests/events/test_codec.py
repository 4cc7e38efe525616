"""Facts between memory and the stored JSON: nothing is lost, and nothing is guessed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast, get_args

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.causes import Cause, Scope
from events.codec import FactMapper, JsonTranscoder, decode, encode, utc
from events.envelope import Recorded
from events.errors import EventDecodeError, EventEncodeError
from events.facts import (
    FACTS,
    AlarmCleared,
    AlarmKey,
    CardRemoved,
    ConditionCeased,
    Fact,
    FlashFilled,
    Slot,
    SwitchoverExecSet,
)
from events.upcasts import UPCASTS, Upcast, names_read_as

MOMENT = datetime(2026, 1, 5, 2, 13, 7, 250000, tzinfo=UTC)
CEASED = ConditionCeased(slot=Slot.B, scope=Scope.CONFIG, cause=Cause.NO_SPACE, detail="12 MB are free")
STORED = (
    b'{"occurred_at":"2026-01-05T02:13:07.250000Z","recorded_at":"2026-01-05T02:13:08Z","correlation":"sync-1",'
    b'"causation":6,"fact":{"slot":"B","scope":"config","cause":"no-space","detail":"12 MB are free"}}'
)

texts = st.text(st.characters(exclude_categories=["Cs"]))


def values_of(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Any value that a field of this type may have."""
    match kind:
        case msgspec.inspect.IntType(ge=least):
            return st.integers(-(2**63) if least is None else least, 2**63 - 1)
        case msgspec.inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern, fullmatch=True)
        case msgspec.inspect.StrType():
            return texts
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case msgspec.inspect.UnionType(types=types):
            return st.one_of([values_of(each) for each in types])
        case msgspec.inspect.TupleType(item_types=types):
            return st.tuples(*map(values_of, types))
        case msgspec.inspect.VarTupleType(item_type=each):
            return st.lists(values_of(each), max_size=3).map(tuple)
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: values_of(field.type) for field in fields})
        case _:
            raise AssertionError(kind)


def recorded(fact: Fact, *, at: datetime = MOMENT) -> Recorded:
    later = at.replace(microsecond=0) + timedelta(seconds=1)
    return Recorded(
        chassis="pe1", version=7, occurred_at=at, recorded_at=later, correlation="sync-1", causation=6, fact=fact
    )


def stored_as(**changes: Any) -> bytes:
    """The stored body of ``CEASED`` with other or more fields, or without those given as ``...``."""
    document = orjson.loads(STORED)
    for name, value in changes.items():
        target = document if name in document else document["fact"]
        if value is ...:
            del target[name]
        else:
            target[name] = value
    return orjson.dumps(document)


def read(state: bytes, name: str = ConditionCeased.TYPE) -> Recorded:
    return decode(name, state, chassis="pe1", version=7)


@pytest.mark.parametrize("cls", FACTS.values(), ids=lambda cls: cls.TYPE)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_fact_is_read_as_it_was_written(cls: type[Fact], data: st.DataObject) -> None:
    fact = cast("Fact", data.draw(values_of(msgspec.inspect.type_info(cls))))
    times = st.datetimes(timezones=st.just(UTC))
    envelope = Recorded(
        chassis="pe1",
        version=3,
        occurred_at=data.draw(times),
        recorded_at=data.draw(times),
        correlation=data.draw(texts),
        causation=data.draw(st.integers(0, 2**63 - 1)),
        fact=fact,
        position=11,
    )
    name, stored = encode(envelope)
    again = decode(name, stored, chassis="pe1", version=3, position=11)
    assert again == envelope
    assert encode(again) == (name, stored)


def test_what_is_stored_is_one_compact_document_with_times_in_utc() -> None:
    assert encode(recorded(CEASED)) == ("condition.ceased.v1", STORED)


def test_what_is_stored_is_read() -> None:
    assert read(STORED) == recorded(CEASED)


def test_an_unknown_name_is_an_error_that_names_it() -> None:
    with pytest.raises(EventDecodeError, match=r"unknown stored name 'card\.levitated\.v1' at pe1 version 7"):
        read(STORED, "card.levitated.v1")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"detail": ...}, r"missing required field `detail` - at `\$\.fact`"),
        ({"surprise": 1}, r"unknown field `surprise` - at `\$\.fact`"),
        ({"detail": 5}, r"Expected `str`, got `int` - at `\$\.fact\.detail`"),
        ({"cause": "gremlins"}, r"Invalid enum value 'gremlins' - at `\$\.fact\.cause`"),
        ({"correlation": ...}, r"missing required field `correlation`"),
        ({"causation": -1}, r"Expected `int` >= 0 - at `\$\.causation`"),
        ({"causation": "6"}, r"Expected `int`, got `str` - at `\$\.causation`"),
        (
            {"occurred_at": "2026-01-05T02:13:07"},
            r"Expected `datetime` with a timezone component - at `\$\.occurred_at`",
        ),
        ({"recorded_at": "yesterday"}, r"Invalid RFC3339 encoded datetime - at `\$\.recorded_at`"),
        ({"fact": []}, r"Expected `object`, got `array` - at `\$\.fact`"),
    ],
)
def test_a_field_that_is_not_as_it_should_be_is_an_error_that_names_it(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(EventDecodeError, match=rf"cannot read 'condition\.ceased\.v1' at pe1 version 7: .*{complaint}"):
        read(stored_as(**changes))


@pytest.mark.parametrize("name", [ConditionCeased.TYPE, "card.levitated.v1"])
def test_where_the_position_is_known_the_error_names_it(name: str) -> None:
    with pytest.raises(EventDecodeError, match=rf"'{name}' at position 12 \(pe1 version 7\)"):
        decode(name, b"{}", chassis="pe1", version=7, position=12)


def test_a_field_of_a_part_of_a_fact_is_named_too() -> None:
    name, stored = encode(recorded(AlarmCleared(alarm=AlarmKey(resource="r", alarm_type="t"), evidence=1, proof="p")))
    with pytest.raises(EventDecodeError, match=r"unknown field `colour` - at `\$\.fact\.alarm`"):
        read(stored.replace(b'"resource"', b'"colour":"red","resource"'), name)


@pytest.mark.parametrize("damaged", [b"", b"null", b"[]", STORED[:-1], b"\xff" + STORED, STORED + b"{}"])
@pytest.mark.parametrize("name", [ConditionCeased.TYPE, "card.levitated.v1"])
def test_what_is_not_a_json_document_of_ours_is_an_error_that_names_the_stored_name(damaged: bytes, name: str) -> None:
    with pytest.raises(EventDecodeError, match=f"'{name}' at pe1 version 7"):
        read(damaged, name)


@pytest.mark.parametrize(
    ("fact", "complaint"),
    [
        (SwitchoverExecSet(path="/vip", time_limit_seconds=0, operator="noc"), r"\$\.time_limit_seconds"),
        (FlashFilled(slot=Slot.B, flash="cf3:", used_percent=-1), r"\$\.used_percent"),
        (CardRemoved(slot=Slot.B, detail="/flash/b\udcff"), "surrogates not allowed"),
        (CardRemoved(slot=Slot.B, detail=cast("str", None)), r"\$\.detail"),
        (FlashFilled(slot=Slot.B, flash="cf3:", used_percent=2**70), "64-bit"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(fact: Fact, complaint: str) -> None:
    with pytest.raises(EventEncodeError, match=rf"cannot record '{fact.TYPE}' of pe1: .*{complaint}"):
        encode(recorded(fact))


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(EventEncodeError, match="timezone"):
        encode(recorded(CEASED, at=MOMENT.replace(tzinfo=None)))


def test_a_time_is_brought_to_utc_and_one_without_a_zone_is_refused() -> None:
    assert utc(MOMENT.astimezone(timezone(timedelta(hours=9)))).isoformat() == MOMENT.isoformat()
    with pytest.raises(ValueError, match="2026-01-05T02:13:07 has no time zone"):
        utc(datetime(2026, 1, 5, 2, 13, 7))  # noqa: DTZ001 # that is the point


def test_the_mapper_keeps_what_a_cipher_and_a_compressor_make_of_it() -> None:
    class Reverser:
        def encrypt(self, plaintext: bytes) -> bytes:
            return plaintext[::-1]

        decrypt = encrypt

    class Wrapper:
        def compress(self, data: bytes) -> bytes:
            return b"<" + data + b">"

        def decompress(self, data: bytes) -> bytes:
            return data[1:-1]

    cipher, compressor = cast("Any", Reverser()), cast("Any", Wrapper())
    mapper = FactMapper(transcoder=JsonTranscoder(), cipher=cipher, compressor=compressor)
    stored = mapper.to_stored_event(recorded(CEASED))
    assert stored.state == (b"<" + STORED + b">")[::-1]
    assert mapper.to_domain_event(stored) == recorded(CEASED)


def test_stored_names_are_lower_case_words_that_carry_their_version() -> None:
    for name in FACTS:
        subject, what, version = name.split(".")
        assert subject.isalpha(), name
        assert what.replace("-", "").isalpha(), name
        assert version[0] == "v", name
        assert int(version[1:]) >= 1, name
        assert name == name.lower()


def test_every_fact_of_the_closed_union_has_a_stored_name_of_its_own() -> None:
    assert list(FACTS.values()) == list(get_args(Fact))
    assert len(FACTS) == len(get_args(Fact))


@pytest.fixture
def older_names(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, tuple[str, Upcast]]], None]:
    def put(table: dict[str, tuple[str, Upcast]]) -> None:
        for name, entry in table.items():
            monkeypatch.setitem(UPCASTS, name, entry)

    return put


TWO_STEPS: dict[str, tuple[str, Upcast]] = {
    "probe.passed.v1": ("probe.passed.v2", lambda fact: {**fact, "slot": fact["slot"].upper()}),
    "probe.passed.v2": (
        "condition.ceased.v1",
        lambda fact: {**{name: value for name, value in fact.items() if name != "why"}, "cause": fact["why"]},
    ),
}
OLDEST = stored_as(fact={"slot": "b", "scope": "config", "why": "no-space", "detail": "12 MB are free"})


def test_an_old_shape_is_read_through_every_step_to_the_present_one(older_names: Callable[..., None]) -> None:
    older_names(TWO_STEPS)
    assert read(OLDEST, "probe.passed.v1") == recorded(CEASED)
    assert names_read_as("condition.ceased.v1") == ("condition.ceased.v1", "probe.passed.v2", "probe.passed.v1")


def test_an_upcast_fact_is_written_under_the_present_name(older_names: Callable[..., None]) -> None:
    older_names(TWO_STEPS)
    assert encode(read(OLDEST, "probe.passed.v1")) == ("condition.ceased.v1", STORED)


@pytest.mark.parametrize(
    "damaged",
    [
        OLDEST.replace(b'"why"', b'"reason"'),
        OLDEST.replace(b'"scope"', b'"scoop"'),
        OLDEST.replace(b'"slot":"b"', b'"slot":7'),
        OLDEST.replace(b'"slot":"b"', b'"slot":"c"'),
        OLDEST.replace(b"2026-01-05T02:13:08Z", b"2026-01-05T02:13:08"),
        OLDEST.replace(b'"fact"', b'"fake"'),
        b"[]",
        b"{",
    ],
)
def test_a_damaged_old_shape_is_an_error_that_names_the_stored_name(
    older_names: Callable[..., None], damaged: bytes
) -> None:
    older_names(TWO_STEPS)
    with pytest.raises(EventDecodeError, match=r"cannot read 'probe\.passed\.v1' at pe1 version 7"):
        read(damaged, "probe.passed.v1")
