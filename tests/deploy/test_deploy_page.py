"""The page about deployment: what it tells one to type exists, and the program takes it."""

import re
import shlex
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]


def test_every_file_of_deploy_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"\bdeploy/[\w./-]+\w", PAGE)) - {"deploy/.env", "deploy/kubernetes/overlays/mine"}
    assert len(named) > 3
    assert {name for name in named if not (ROOT / name).exists()} == set()
    for link in re.findall(r"\]\(([\w./-]+)\)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link


def test_the_program_takes_every_command_of_the_page(program: Any) -> None:
    commands = [
        match[1]
        for line in LINES
        if (match := re.search(r"(?:/bin/| exec \w+ )understudy ((?!-).*|--chassis .*)", line))
    ]
    assert len(commands) > 3
    for command in commands:
        program.parse(shlex.split(command))


def test_docker_is_asked_for_services_that_the_stack_has(compose: dict[str, Any]) -> None:
    asked = {match[1] for line in LINES if (match := re.search(r" (?:exec|logs --follow) (\w+)", line))}
    assert asked
    assert asked <= compose["services"].keys()


def test_the_ports_of_the_table_are_those_that_the_stack_publishes(compose: dict[str, Any]) -> None:
    told = {port for row in re.findall(r"^\| `:\d+`.*$", PAGE, re.MULTILINE) for port in re.findall(r"`:(\d+)`", row)}
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert told == {port.split(":")[1] for port in published}


def test_the_chassis_of_the_stack_is_reached_by_the_commands_of_the_page(compose: dict[str, Any]) -> None:
    targets = {volume.split(":")[1] for volume in compose["services"]["understudy"]["volumes"]}
    written = re.findall(r"/cards/\w", PAGE)
    assert written
    assert set(written) <= targets
