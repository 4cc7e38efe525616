"""The house rules that a machine can check: who imports whom, what is pure, names and sizes."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from events.facts import FACTS

HOUSE = Path(__file__).parents[1]
ROOMS = ("events", "producers", "projections", "consumers", "audit", "understudy")
SOURCES = [path for room in ROOMS for path in sorted((HOUSE / room).rglob("*.py"))]
TESTS = sorted((HOUSE / "tests").rglob("*.py"))
SCRIPTS = [path for folder in ("benchmarks", "dashboards", "docs") for path in sorted((HOUSE / folder).rglob("*.py"))]

MAY_IMPORT = {
    "events": set[str](),
    "producers": {"events"},
    "projections": {"events"},
    "consumers": {"events", "projections"},
    "audit": {"events", "projections"},
    "understudy": {"events", "producers", "projections", "consumers", "audit"},
}
IMPURE = {
    "asyncio",
    "concurrent",
    "http",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "psycopg",
    "random",
    "secrets",
    "select",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
# It is no fold, and keeps threads from learning types at once, which kills the process.
MAY_ALSO_IMPORT = {"events/codec.py": {"threading"}}
LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 400, 60


def name_of(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def imported_by(path: Path) -> Iterator[str]:
    """The dotted names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: imports are absolute"
            yield node.module or ""


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported_by(path)}


def is_pure(path: Path) -> bool:
    store = HOUSE / "events" / "store"
    return path.is_relative_to(HOUSE / "projections") or (
        path.is_relative_to(HOUSE / "events") and not path.is_relative_to(store)
    )


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_along_the_arrow(path: Path) -> None:
    room = path.relative_to(HOUSE).parts[0]
    assert tops(path) & set(ROOMS) <= MAY_IMPORT[room] | {room}


@pytest.mark.parametrize("path", [path for path in SOURCES if is_pure(path)], ids=name_of)
def test_facts_decisions_and_folds_touch_no_file_socket_or_clock(path: Path) -> None:
    assert not tops(path) & IMPURE - MAY_ALSO_IMPORT.get(name_of(path), set())
    calls = [
        f"{name_of(path)}:{node.lineno}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"})
        or (isinstance(node, ast.Name) and node.id in {"open", "print", "input"})
    ]
    assert not calls


def test_the_store_is_the_one_place_of_events_that_knows_a_database() -> None:
    drivers = {"sqlite3", "psycopg", "eventsourcing.sqlite", "eventsourcing.postgres"}
    knows = {path for path in SOURCES if drivers & {*tops(path), *imported_by(path)}}
    assert knows
    assert all(
        path.is_relative_to(HOUSE / "events" / "store") for path in knows if path.is_relative_to(HOUSE / "events")
    )


def test_nobody_but_the_store_knows_the_driver_of_the_optional_database() -> None:
    knows = {path for path in SOURCES if {"psycopg", "eventsourcing.postgres"} & {*tops(path), *imported_by(path)}}
    assert all(path.is_relative_to(HOUSE / "events" / "store") for path in knows)


def test_one_place_knows_kafka() -> None:
    places = {path.relative_to(HOUSE).parts[:2] for path in SOURCES if "kafka" in tops(path)}
    assert len(places) <= 1, places
    assert all(place[0] == "consumers" for place in places)


def test_deploy_holds_no_importable_python() -> None:
    assert not list((HOUSE / "deploy").rglob("*.py"))


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name_of)
def test_names_say_what_is_inside(path: Path) -> None:
    words = {part for name in path.relative_to(HOUSE).with_suffix("").parts for part in re.split(r"[_.]", name)}
    assert not words & FORBIDDEN_NAMES


@pytest.mark.parametrize("path", [*SOURCES, *TESTS, *SCRIPTS], ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES_OF_A_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < LINES_OF_A_FUNCTION, f"{name_of(path)}:{node.lineno} {node.name}"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.read_bytes().strip()], ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name_of)
def test_nothing_is_left_to_do_and_no_error_is_swallowed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", text)
    swallowed = [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler) and all(isinstance(line, ast.Pass) for line in node.body)
    ]
    assert not swallowed


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_wait_for_conditions_and_not_for_time(path: Path) -> None:
    sleeps = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"
    ]
    assert not sleeps


def test_no_other_distribution_installs_a_room_of_this_house() -> None:
    installed = packages_distributions()
    assert {room: set(installed.get(room, [])) - {"understudy"} for room in ROOMS} == {room: set() for room in ROOMS}


def test_no_module_of_the_standard_library_has_the_name_of_a_room() -> None:
    assert not set(ROOMS) & sys.stdlib_module_names


@pytest.mark.parametrize("cls", FACTS.values(), ids=lambda cls: cls.TYPE)
def test_every_fact_says_when_it_is_recorded(cls: type) -> None:
    assert cls.__doc__
    assert cls.__doc__.startswith("Recorded when ")


def test_rooms_are_packages_that_ship_with_their_types() -> None:
    shipped = (HOUSE / "pyproject.toml").read_text(encoding="utf-8")
    for room in ROOMS:
        assert (HOUSE / room / "py.typed").exists(), room
        assert f'"{room}"' in shipped
