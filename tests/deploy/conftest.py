"""What the files of ``deploy/`` are held against: the program's own command tree and the variables that it reads."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from producers.cards.ssh_login import KEY_VARIABLE, KNOWN_HOSTS_VARIABLE
from understudy.cli import cli

ROOT = Path(__file__).parents[2]


class Program:
    """The command line, as the real tree parses it."""

    def parse(self, words: Sequence[str]) -> dict[str, Any]:
        """The options of the command that the words call, by name; nothing is run.

        Raises:
            click.ClickException: these words would be refused.
        """
        context = cli.make_context("understudy", list(words))
        while isinstance(context.command, click.Group):
            left = [*context._protected_args, *context.args]  # pyright: ignore[reportPrivateUsage] - click tells it no other way
            _, command, rest = context.command.resolve_command(context, left)
            assert command is not None
            context = command.make_context(command.name, rest, parent=context)
        return context.params

    @property
    def variables(self) -> set[str]:
        """Every environment variable that is read."""
        found = {KEY_VARIABLE, KNOWN_HOSTS_VARIABLE}
        for command in _commands(cli):
            for parameter in command.params:
                named = parameter.envvar or ()
                found |= {named} if isinstance(named, str) else set(named)
        return found

    def unknown(self, names: Iterable[str]) -> set[str]:
        """Those that look like ours and are read by nobody."""
        return {name for name in names if name.startswith("UNDERSTUDY_")} - self.variables


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        below = (command.get_command(context, name) for name in command.list_commands(context))
        yield from (each for found in below if found is not None for each in _commands(found))


@pytest.fixture(scope="session")
def program() -> Program:
    return Program()


def documents(text: str) -> list[dict[str, Any]]:
    reader: Any = YAML(typ="safe", pure=True)
    return [document for document in reader.load_all(text) if document is not None]


@pytest.fixture(scope="session")
def read_yaml() -> Callable[[str], list[dict[str, Any]]]:
    """Reads the documents of a text."""
    return documents


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """The whole stack, merges resolved."""
    (document,) = documents((ROOT / "deploy" / "compose.yaml").read_text())
    return document


@pytest.fixture(scope="session")
def prometheus_config() -> dict[str, Any]:
    """What Prometheus is told."""
    (document,) = documents((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    return document


@pytest.fixture(scope="session")
def dockerfile() -> list[tuple[str, str]]:
    """Each instruction with its argument, continued lines joined."""
    text = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    parted = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(name, argument.strip()) for name, _, argument in parted]


def need(tool: str) -> str:
    """Where a tool is; without it the test is skipped, or fails with CI=true."""
    found = shutil.which(tool)
    if found is None:
        reason = f"there is no {tool} here"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def kubectl() -> str:
    return need("kubectl")


@pytest.fixture(scope="session")
def systemd_analyze() -> str:
    return need("systemd-analyze")
