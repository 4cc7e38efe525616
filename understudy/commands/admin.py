"""``understudy admin redundancy``: synchronise now, switch over now."""

import sys

import click

from events.causes import Scope
from events.decisions import explain
from events.envelope import Recorded
from events.errors import CommandRefusedError
from events.facts import (
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncSucceeded,
    Trigger,
)
from producers.attempts import attempt
from producers.failure import SyncError
from producers.probe import out_of_step
from producers.station import Station
from producers.switchover import switch_over
from understudy.abbreviations import Words
from understudy.commands.alarm import alarm
from understudy.home import Home
from understudy.options import chassis_options, json_option, operator_option, use_home
from understudy.progress import observer
from understudy.screens.files import file_lines
from understudy.screens.json import to_json

WARNING = "WARNING: Configuration and/or Boot options may have changed since the last save."
QUESTION = "Are you sure you want to switchover (y/n)?"


@click.group(cls=Words)
def admin() -> None:
    """Act on a chassis."""


@admin.group()
def redundancy() -> None:
    """Act on the redundancy of a chassis."""


admin.add_command(alarm)


@redundancy.command(
    epilog="""\b
Examples:
  understudy admin redundancy synchronize config
  understudy admin redundancy synchronize boot-env --chassis pe1"""
)
@click.argument("scope", type=click.Choice([Scope.BOOT_ENV.value, Scope.CONFIG.value]))
@chassis_options
@operator_option
@json_option
@use_home
def synchronize(home: Home, scope: str, operator: str, as_json: bool) -> None:
    """Synchronise the standby now: {boot-env | config}.

    All or nothing: a failed attempt leaves the standby as it was, raises an alarm that says why, and exits with 1.
    """
    with observer() as looking_on:
        recorded = attempt(home.station(), Scope(scope), Trigger.MANUAL, operator=operator, observer=looking_on)
    outcome = next(one.fact for one in recorded if isinstance(one.fact, SyncSucceeded | SyncFailed))
    if as_json:
        click.echo(to_json(outcome))
    else:
        for line in file_lines(outcome.files):
            click.echo(line)
        click.echo(_summary(outcome), err=isinstance(outcome, SyncFailed))
    if isinstance(outcome, SyncFailed):
        sys.exit(1)


def _summary(outcome: SyncSucceeded | SyncFailed) -> str:
    took = f"{outcome.duration_ms / 1000:.1f} s"
    if isinstance(outcome, SyncSucceeded):
        done = f"{outcome.bytes_copied:,} bytes copied in {took}".replace(",", " ")
        return f"Syncing {outcome.scope}......Completed: card {outcome.standby} is in step, {done}."
    return f"Syncing {outcome.scope}......Failed: {outcome.cause}: {outcome.detail}"


@redundancy.command(
    name="force-switchover",
    epilog="""\b
Examples:
  understudy admin redundancy force-switchover
  understudy admin redundancy force-switchover now
  understudy admin redundancy force-switchover now --ignore-status""",
)
@click.argument("now", required=False, type=click.Choice(["now"]))
@click.option("--ignore-status", is_flag=True, help="Switch over even to a standby that is not ready.")
@chassis_options
@operator_option
@use_home
def force_switchover(home: Home, now: str | None, ignore_status: bool, operator: str) -> None:
    """Let the standby take over; `now` does not ask.

    Without --ignore-status, a standby that is not ready is refused (exit code 3).
    """
    station = home.station()
    differing, told = _out_of_step(station)
    click.echo(WARNING)
    click.echo(told)
    if now is None and not _sure():
        raise CommandRefusedError("Not switched over.")
    recorded = switch_over(
        station, SwitchoverReason.FORCED, ignore_status=ignore_status, out_of_step=differing, operator=operator
    )
    _tell(recorded)


def _out_of_step(station: Station) -> tuple[tuple[str, ...], str]:
    state = station.state()
    try:
        with station.card(state.active) as active, station.card(state.standby) as standby:
            differing = out_of_step(active, standby)
    except (OSError, SyncError) as error:
        return (), f"Whether they have cannot be told: {error}"
    if not differing:
        return (), f"They have not: card {state.standby} has the same files as card {state.active}."
    return differing, f"They have: card {state.standby} differs in {', '.join(differing)}."


def _sure() -> bool:
    click.echo(f"{QUESTION} ", nl=False)
    answer = sys.stdin.readline()
    if not sys.stdin.isatty():
        click.echo()
    return answer.strip().lower() in {"y", "yes"}


def _tell(recorded: list[Recorded]) -> None:
    for one in recorded:
        match one.fact:
            case SwitchoverRefused():
                why = explain(one.fact.blockers)
                raise CommandRefusedError(f"Switchover to card {one.fact.to_slot} refused: {why}. See --ignore-status.")
            case SwitchoverStarted():
                click.echo(f"Switchover {one.fact.switchover}: card {one.fact.to_slot} takes over.")
            case SwitchoverCompleted():
                click.echo(f"Card {one.fact.active} is active ({one.fact.duration_ms / 1000:.1f} s).")
                click.echo(
                    f"Card {one.fact.active.other} is the standby now, to be synchronised before it can take over."
                )
            case SwitchoverFailed():
                click.echo(f"The switchover failed: {one.fact.detail}. The roles are as they were.", err=True)
                sys.exit(1)
            case _:
                pass
