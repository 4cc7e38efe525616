"""What the folds make of recorded streams: snapshots hold only as long as that does not change."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.snapshots.digest import digests_of
from audit.snapshots.folding import fold
from audit.snapshots.states import (
    ALARMS,
    CHUNK,
    FOLDS,
    HISTORY,
    NUMBERS,
    REDUNDANCY,
    TALLIES,
    Fold,
    States,
    joined,
    split,
    to_micros,
    to_moment,
)
from events.causes import Scope
from events.codec import decode
from events.envelope import Recorded
from events.facts import Slot, SyncStarted, SyncSucceeded, Trigger

STREAM = Path(__file__).parents[2] / "recorded" / "streams" / "v1" / "pe1.jsonl"
GOLDEN = {
    1: {
        "redundancy": "e91a65c23c79dc9a",
        "alarms": "ec6f96c3bf7bd7dc",
        "history": "fe57663ba0486b1d",
        "tallies": "26db6d134a890653",
    },
    2: {  # the chassis knows when the last switchover was
        "redundancy": "e83181cddaa7c9ec",
        "alarms": "ec6f96c3bf7bd7dc",
        "history": "fe57663ba0486b1d",
        "tallies": "26db6d134a890653",
    },
}
"""The digests that each version of the folds makes of the stream; one is added whenever ``FOLDS`` is raised."""


@pytest.fixture
def stream() -> list[Recorded]:
    found = []
    for line in STREAM.read_bytes().splitlines():
        row = orjson.loads(line)
        body = line[line.index(b'"body":') + len(b'"body":') : -1]
        found.append(decode(row["name"], body, chassis="pe1", version=row["version"], position=row["position"]))
    return found


def test_a_fold_whose_result_has_changed_has_a_new_number(stream: list[Recorded]) -> None:
    found = dict(zip(States._fields, (digest[:16] for digest in digests_of(fold(States(), stream))), strict=True))
    assert GOLDEN.get(FOLDS) == found, "raise FOLDS, so that older snapshots are made anew, and add its digests"


def test_equal_states_have_equal_digests_whatever_the_order_of_their_parts(stream: list[Recorded]) -> None:
    state = fold(States(), stream)
    turned: Any = dict(reversed(state.alarms.alarms.items()))
    other = state._replace(alarms=type(state.alarms)(**{**_fields(state.alarms), "alarms": turned}))
    assert list(other.alarms.alarms) != list(state.alarms.alarms)
    assert digests_of(other) == digests_of(state)


def test_every_state_of_the_stream_is_kept_as_it_is(stream: list[Recorded]) -> None:
    state = States()
    for one in stream:
        state = fold(state, [one])
        for codec, part in zip((REDUNDANCY, ALARMS, HISTORY, TALLIES), state, strict=True):
            kept: Fold[Any] = codec
            assert kept.unpack(kept.pack(part)) == part


def test_a_long_history_is_kept_in_parts_that_are_shared(stream: list[Recorded]) -> None:
    first, facts = stream[-1], list[Recorded]()
    for attempt in range(1, 130):
        started = SyncStarted(attempt=attempt, scope=Scope.CONFIG, trigger=Trigger.RETRY, source=Slot.A, standby=Slot.B)
        done = SyncSucceeded(
            attempt=attempt, scope=Scope.CONFIG, standby=Slot.B, files=(), bytes_copied=1, duration_ms=1
        )
        for fact in (started, done):
            version = len(facts) + 1
            facts.append(type(first)(**{**_fields(first), "fact": fact, "version": version, "position": version}))
    earlier, later = fold(States(), facts[:200]).history, fold(States(), facts).history
    (_, some), (rest, more) = split(earlier), split(later)
    assert [chunk.number for chunk in more][: len(some)] == [chunk.number for chunk in some]
    assert NUMBERS.unpack(NUMBERS.pack(tuple(chunk.number for chunk in more)))
    assert joined(rest, tuple(CHUNK.unpack(CHUNK.pack(chunk.attempts)) for chunk in more)) == later


def test_times_are_kept_to_the_microsecond(stream: list[Recorded]) -> None:
    for one in stream:
        assert to_moment(to_micros(one.recorded_at)) == one.recorded_at


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
