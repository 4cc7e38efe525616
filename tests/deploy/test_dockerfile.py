"""The image: linted, and its build stage really carried out, as far as that goes without an engine."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# One worker carries the build out, once.
pytestmark = pytest.mark.xdist_group("image")

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
OFFLINE = re.compile("NameResolutionError|NewConnectionError|ConnectTimeoutError")
Instructions = list[tuple[str, str]]


def stages(dockerfile: Instructions) -> list[Instructions]:
    """The instructions of each stage, FROM first; what stands before belongs to none."""
    found: list[Instructions] = []
    for name, argument in dockerfile:
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, argument))
    return found


def only(instructions: Instructions, wanted: str) -> str:
    (argument,) = [argument for name, argument in instructions if name == wanted]
    return argument


def test_the_linter_has_nothing_to_say() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, ROOT / "deploy" / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture(scope="module")
def built(dockerfile: Instructions, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The virtual environment that the build stage makes: its COPY and RUN lines, carried out in a temporary folder."""
    folder = tmp_path_factory.mktemp("image")
    build, _ = stages(dockerfile)
    workdir = folder / only(build, "WORKDIR").lstrip("/")
    workdir.mkdir()
    subprocess.run([sys.executable, "-m", "venv", folder / "base"], check=True)
    for name, argument in build:
        if name == "COPY":
            *sources, target = argument.split()
            for source in sources:
                copy(ROOT / source, workdir / target / ("" if (ROOT / source).is_dir() else source))
        if name == "RUN":
            run(re.sub(r"(?<=\s)/(?=(wheels|opt)\b)", f"{folder}/", argument), workdir, folder / "base" / "bin")
    yield folder / "opt" / "understudy"
    shutil.rmtree(folder)


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def run(script: str, folder: Path, programs: Path) -> None:
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    command = ["sh", "-euc", script.replace("--no-cache-dir ", "")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if OFFLINE.search(said) and os.environ.get("CI") != "true":
        pytest.skip("no package index can be reached from here")
    assert done.returncode == 0, f"{script}\n{said}"


def test_the_image_s_program_runs_and_reaches_for_postgresql(built: Path) -> None:
    version = subprocess.run([built / "bin" / "understudy", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout == f"understudy, version {VERSION}\n"
    found = [
        str(built / "bin" / "python"),
        "-c",
        "import psycopg, understudy; print(psycopg.pq.__impl__, understudy.__file__)",
    ]
    implementation, where = subprocess.run(found, capture_output=True, text=True, check=True, cwd="/").stdout.split()
    assert implementation == "binary", "a slim image has no libpq of its own"
    assert Path(where).is_relative_to(built)


def test_the_image_has_every_room_of_the_program(built: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    imports = "; ".join(f"import {room}" for room in rooms)
    subprocess.run([str(built / "bin" / "python"), "-c", imports], check=True, cwd="/")


def test_the_image_has_the_tested_versions_of_everything_and_no_tool_of_the_build(built: Path) -> None:
    listing = [sys.executable, "-m", "pip", "--python", str(built / "bin" / "python"), "list", "--format=json"]
    listed = json.loads(subprocess.run(listing, capture_output=True, text=True, check=True).stdout)
    installed = {re.sub("[-_.]+", "-", package["name"].lower()): package["version"] for package in listed}
    assert installed.pop("understudy") == VERSION
    pins = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert installed.items() <= {re.sub("[-_.]+", "-", name.lower()): version for name, version in pins}.items()
    assert not installed.keys() & {"pip", "setuptools", "hatchling", "pytest"}


def test_the_build_is_sent_what_it_copies_and_nothing_else(dockerfile: Instructions) -> None:
    build, _ = stages(dockerfile)
    copied = {source for name, argument in build if name == "COPY" for source in argument.split()[:-1]}
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)


def test_both_stages_have_the_same_base_which_names_a_version(dockerfile: Instructions) -> None:
    default = only([each for each in dockerfile if each[0] == "ARG"], "ARG")
    assert re.fullmatch(r"PYTHON=python:3\.\d+\.\d+-slim-\w+", default)
    assert [argument.split()[0] for name, argument in dockerfile if name == "FROM"] == ["${PYTHON}"] * 2


def test_the_container_is_not_root_and_its_volume_belongs_to_it(dockerfile: Instructions) -> None:
    _, image = stages(dockerfile)
    user = only(image, "USER")
    uid, gid = user.split(":")
    assert int(uid) > 1000
    made = only(image, "RUN")
    assert f"--uid {uid} --gid {gid}" in made
    installed = re.search(r"install --directory --owner=understudy --group=understudy --mode=0750 (.*)$", made)
    assert installed is not None
    assert {only(image, "VOLUME"), "/cards/a", "/cards/b"} == set(installed[1].split())
    assert [name for name, _ in image].index("USER") > max(i for i, (name, _) in enumerate(image) if name == "RUN")


def test_what_the_container_runs_is_a_command_that_answers_its_health_check(
    dockerfile: Instructions, program: Any
) -> None:
    _, image = stages(dockerfile)
    assert json.loads(only(image, "ENTRYPOINT")) == ["understudy"]
    program.parse(json.loads(only(image, "CMD")))
    environment = dict(word.split("=", 1) for word in shlex.split(only(image, "ENV")))
    assert not program.unknown(environment)
    assert environment["UNDERSTUDY_HOME"] == only(image, "VOLUME")
    port = only(image, "EXPOSE")
    assert environment["UNDERSTUDY_LISTEN"] == f"0.0.0.0:{port}"
    health = only(image, "HEALTHCHECK")
    words = json.loads(health[health.index("[") :])
    compile(words[2], "HEALTHCHECK", "exec")
    assert f"http://127.0.0.1:{port}/-/healthy" in words[2]
