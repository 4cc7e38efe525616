"""``understudy config redundancy``: what is synchronised automatically, and what makes a switchover real."""

import os
from pathlib import Path

import click

from events.causes import Scope, SyncMode
from events.commands import SetSwitchoverExec, SetSyncMode
from understudy.abbreviations import Words
from understudy.home import Home
from understudy.options import chassis_options, operator_option, use_home


@click.group(cls=Words)
def config() -> None:
    """Configure a chassis."""


@config.group()
def redundancy() -> None:
    """Configure the redundancy of a chassis."""


@redundancy.command(
    epilog="""\b
Examples:
  understudy config redundancy synchronize boot-env
  understudy config redundancy synchronize config --chassis pe1
  understudy config redundancy no synchronize"""
)
@click.argument("scope", type=click.Choice([Scope.BOOT_ENV.value, Scope.CONFIG.value]))
@chassis_options
@operator_option
@use_home
def synchronize(home: Home, scope: str, operator: str) -> None:
    """Synchronise the standby automatically: {boot-env | config}.

    config covers the configuration files that the BOF names; boot-env covers those, the BOF, the boot loader and the
    images. `understudy run` does it, whenever a file is saved and whenever the standby comes up.
    """
    _set_mode(home, SyncMode(scope), operator)


@redundancy.command(
    name="switchover-exec",
    epilog="""\b
Examples:
  understudy config redundancy switchover-exec /usr/local/sbin/move-vip
  understudy config redundancy switchover-exec ./switch.sh --time-limit 10
  understudy config redundancy no switchover-exec""",
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--time-limit", type=click.IntRange(min=1), default=30, show_default=True, help="Seconds it may take.")
@chassis_options
@operator_option
@use_home
def switchover_exec(home: Home, path: Path, time_limit: int, operator: str) -> None:
    """Run the executable PATH to make a switchover real; if it fails, the switchover fails.

    It is told what happens in its environment: UNDERSTUDY_CHASSIS, _REASON, _FROM_SLOT, _TO_SLOT, _FROM_LOCATION,
    _TO_LOCATION and _SWITCHOVER.
    """
    absolute = path.expanduser().absolute()
    if not absolute.is_file() or not os.access(absolute, os.X_OK):
        raise click.BadParameter(f"{absolute} is not an executable file.", param_hint="PATH")
    command = SetSwitchoverExec(path=str(absolute), time_limit_seconds=time_limit, operator=operator)
    home.record().execute(home.pick(), command)
    click.echo(f"{home.pick()}: a switchover runs {absolute}, for at most {time_limit} s.")


@redundancy.group(name="no")
def no() -> None:
    """Take a configuration back."""


@no.command(name="synchronize", epilog="\b\nExample:\n  understudy config redundancy no synchronize")
@chassis_options
@operator_option
@use_home
def no_synchronize(home: Home, operator: str) -> None:
    """Synchronise nothing automatically (the default)."""
    _set_mode(home, SyncMode.OFF, operator)


@no.command(name="switchover-exec", epilog="\b\nExample:\n  understudy config redundancy no switchover-exec")
@chassis_options
@operator_option
@use_home
def no_switchover_exec(home: Home, operator: str) -> None:
    """Run no executable at a switchover (the default)."""
    home.record().execute(home.pick(), SetSwitchoverExec(path="", time_limit_seconds=30, operator=operator))
    click.echo(f"{home.pick()}: a switchover runs no executable.")


def _set_mode(home: Home, mode: SyncMode, operator: str) -> None:
    home.record().execute(home.pick(), SetSyncMode(mode=mode, operator=operator))
    click.echo(f"{home.pick()}: automatic synchronisation is {mode}.")
