"""Every shape that was ever stored can still be read. The recordings are made by ``tests/record_shapes.py``."""

import runpy
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from events.codec import decode, encode
from events.envelope import Recorded
from events.evolve import evolve
from events.facts import FACTS
from events.state import ChassisState
from events.upcasts import UPCASTS, names_read_as

TESTS = Path(__file__).parents[1]
RECORDED = TESTS / "recorded"
SHAPES = sorted(path for path in RECORDED.glob("*/*.json") if path.parent.name != "streams")
STREAMS = sorted(RECORDED.glob("streams/*/*.jsonl"))


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(TESTS / "record_shapes.py"))


def shape(path: Path) -> str:
    return path.relative_to(RECORDED).as_posix()


def read(path: Path) -> Recorded:
    return decode(path.parent.name, path.read_bytes(), chassis="pe1", version=1)


@pytest.mark.parametrize("path", SHAPES, ids=shape)
def test_every_recorded_shape_is_read(path: Path) -> None:
    assert path.parent.name in names_read_as(read(path).fact.TYPE)


@pytest.mark.parametrize("path", [path for path in SHAPES if path.parent.name in FACTS], ids=shape)
def test_every_shape_of_today_is_written_with_the_same_bytes(path: Path) -> None:
    assert encode(read(path)) == (path.parent.name, path.read_bytes())


def test_every_stored_name_has_a_recording_and_no_recording_lost_its_name() -> None:
    assert {path.parent.name for path in SHAPES} == FACTS.keys() | UPCASTS.keys()


def test_no_stored_name_is_both_written_today_and_upcast() -> None:
    assert not FACTS.keys() & UPCASTS.keys()
    assert {newer for newer, _ in UPCASTS.values()} <= FACTS.keys() | UPCASTS.keys()


@pytest.mark.parametrize("path", STREAMS, ids=shape)
def test_a_recorded_stream_says_what_it_said_when_it_was_recorded(path: Path, script: dict[str, Any]) -> None:
    state = ChassisState("pe1")
    for line in path.read_bytes().splitlines():
        row = orjson.loads(line)
        body = line[line.index(b'"body":') + len(b'"body":') : -1]
        recorded = decode(row["name"], body, chassis=row["chassis"], version=row["version"], position=row["position"])
        assert row["version"] == state.version + 1
        state = evolve(state, recorded.fact)
    expected = cast("dict[str, Any]", orjson.loads(path.with_suffix(".state.json").read_bytes()))
    told = script["told_by"](state)
    assert {name: told[name] for name in expected} == expected


def test_there_is_a_recorded_stream() -> None:
    assert STREAMS


def test_what_was_recorded_once_is_never_written_again(
    tmp_path: Path, script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "card.failed.v1" / "plain.json"
    kept.parent.mkdir()
    kept.write_bytes(b"as it was years ago")
    script["main"](tmp_path)
    assert kept.read_bytes() == b"as it was years ago"
    assert f"{kept}: kept" in capsys.readouterr().out
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.json*")}
    assert made == {path.relative_to(RECORDED) for path in RECORDED.rglob("*.json*")}
