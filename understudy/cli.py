"""The command tree, in the words of the router's own contexts."""

import click

from understudy import __version__
from understudy.lazy import Lazy
from understudy.options import HELP, chassis_options

COMMANDS = (
    "provision",
    "config",
    "admin",
    "show",
    "run",
    "subscribe",
    "publish",
    "export",
    "replay",
    "audit",
    "fsck",
    "rebuild",
    "backup",
    "demo",
)
"""The words of the first level."""


@click.group(
    cls=Lazy,
    package="understudy.commands",
    words=COMMANDS,
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
