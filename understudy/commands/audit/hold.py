"""``understudy audit hold``: while a legal hold stands, nothing is archived."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from events.audit_commands import PlaceHold, ReleaseHold
from events.facts import AUDIT_STREAM
from projections.audit_trail import holds
from understudy.abbreviations import Words
from understudy.home import Home
from understudy.options import home_option, json_option, operator_option, use_home
from understudy.screens.json import to_json
from understudy.screens.keeping import hold_lines

F = TypeVar("F", bound=Callable[..., Any])


@click.group(
    cls=Words,
    epilog="""\b
Examples:
  understudy audit hold place case-7 --reason "the night of 5 January is examined"
  understudy audit hold list
  understudy audit hold release case-7 --reason "examined" """,
)
def hold() -> None:
    """Legal holds: while one stands, nothing is archived."""


def _reason(why: str) -> Callable[[F], F]:
    return click.option("--reason", required=True, metavar="TEXT", help=why)


@hold.command(epilog='\b\nExamples:\n  understudy audit hold place case-7 --reason "examined by the regulator"')
@click.argument("name")
@_reason("Why nothing is to be archived.")
@home_option
@operator_option
@use_home
def place(home: Home, name: str, reason: str, operator: str) -> None:
    """Forbid archiving, under a NAME, until it is released."""
    placed = home.record().note(PlaceHold(name=name, reason=reason, operator=operator))
    click.echo(f"Hold {name} stands since event {placed.position}: nothing is archived.")


@hold.command(epilog='\b\nExamples:\n  understudy audit hold release case-7 --reason "the case is closed"')
@click.argument("name")
@_reason("Why it is not needed any more.")
@home_option
@operator_option
@use_home
def release(home: Home, name: str, reason: str, operator: str) -> None:
    """Take the hold NAME back."""
    released = home.record().note(ReleaseHold(name=name, reason=reason, operator=operator))
    click.echo(f"Hold {name} is released with event {released.position}.")


@hold.command("list", epilog="\b\nExamples:\n  understudy audit hold list --json")
@home_option
@json_option
@use_home
def list_holds(home: Home, as_json: bool) -> None:
    """The holds that stand, oldest first."""
    found = holds(home.record().read_chassis(AUDIT_STREAM))
    for line in [to_json(found)] if as_json else hold_lines(found):
        click.echo(line)
