"""Groups of commands that import a command when it is used: who asks for alarms does not wait for Kafka's client."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import click

from understudy.abbreviations import Words


class Lazy(Words):
    """Knows its commands by name; each is in a module of ``package`` that is named like it, under the same name."""

    def __init__(self, *args: Any, package: str, words: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._package = package
        self._words = tuple(words)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """The words, in the order in which one meets them."""
        return list(self._words)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or of that beginning."""
        if cmd_name in self._words and cmd_name not in self.commands:
            name = cmd_name.replace("-", "_")
            self.add_command(getattr(import_module(f"{self._package}.{name}"), name), cmd_name)
        return super().get_command(ctx, cmd_name)
