"""The command tree, in the words of the router's own contexts."""

from importlib import import_module

import click

from understudy import __version__
from understudy.abbreviations import Words
from understudy.options import HELP, chassis_options

COMMANDS = {
    name: f"understudy.commands.{name}"
    for name in ("provision", "config", "admin", "show", "run", "subscribe", "publish", "export", "replay", "demo")
}
"""The words of the first level, and the module of each, which has the command under the same name."""


class Program(Words):
    """Imports a command when it is used: who asks for the alarm list does not wait for the client of Kafka."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """The words, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or of that beginning."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.add_command(getattr(import_module(COMMANDS[cmd_name]), cmd_name))
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=Program,
    context_settings=HELP,
    epilog="""\b
Examples:
  understudy provision pe1 --card A=/srv/pe1/a --card B=ssh://sync@pe1-b/srv/pe1
  understudy config redundancy synchronize boot-env
  understudy admin redundancy synchronize boot-env
  understudy run
  understudy show redundancy synchronization
  understudy show system alarms --json

\b
Words may be shortened while they stay unique: understudy sh red sync

\b
Exit codes: 0 done, 1 tried and failed, 2 wrong usage, 3 refused.
Completion for bash: eval "$(_UNDERSTUDY_COMPLETE=bash_source understudy)"  (also zsh, fish)""",
)
@chassis_options
@click.version_option(__version__, prog_name="understudy")
def cli() -> None:
    """Keep a standby control card identical to the active one, and record what happens.

    Every synchronisation attempt, failure cause, alarm raise, alarm clear and switchover is an immutable event; the
    redundancy state, the alarm list and the log are read back from them, now or for any moment in the past.
    """
