"""``understudy show``: the redundancy state, the cards, the alarms, the synchronisations and the log."""

from contextlib import suppress
from datetime import datetime

import click
import msgspec

from events.store import Record
from producers.lock import Purpose
from projections.alarm_views import listing
from projections.event_log import LogEntry, entry, format_entry
from projections.redundancy import view
from projections.sync_history import listing as history_listing
from understudy.abbreviations import Words
from understudy.home import Home
from understudy.options import chassis_options, json_option, use_home
from understudy.reading import alarm_list, snapshots_at, standing
from understudy.screens.alarms import alarm_lines
from understudy.screens.history import history_lines
from understudy.screens.json import to_json
from understudy.screens.redundancy import card_lines, synchronization_lines

LAST_ENTRIES = 500
"""How many log entries are shown at most, unless --last says otherwise: as many as SR OS' log 99 holds."""


@click.group(cls=Words)
def show() -> None:
    """Show what the record says."""


@show.group()
def redundancy() -> None:
    """Show the redundancy of a chassis."""


@show.group()
def system() -> None:
    """Show the alarms of a chassis."""


def _print(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)


@redundancy.command(
    epilog="\b\nExamples:\n  understudy show redundancy synchronization\n"
    "  understudy show redundancy synchronization --json"
)
@chassis_options
@json_option
@use_home
def synchronization(home: Home, as_json: bool) -> None:
    """Whether the standby can take over now, and what was synchronised when."""
    chassis = home.pick()
    answer = view(standing(home.record(), chassis, snapshots=snapshots_at(home)).redundancy)
    alive = home.locks.is_held(chassis, Purpose.SUPERVISION)
    if as_json:
        click.echo(to_json({**msgspec.to_builtins(answer, builtin_types=(datetime,)), "supervised": alive}))
    else:
        _print(synchronization_lines(answer, alive=alive))


@redundancy.command(
    epilog="\b\nExamples:\n  understudy show redundancy history\n  understudy show redundancy history --last 3 --json"
)
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many attempts to show.")
@chassis_options
@json_option
@use_home
def history(home: Home, last: int, as_json: bool) -> None:
    """The synchronisation attempts, newest first, each with its trigger and outcome."""
    answer = history_listing(standing(home.record(), home.pick(), snapshots=snapshots_at(home)).history)
    _print([to_json(answer)] if as_json else history_lines(answer, last))


@show.command(epilog="\b\nExamples:\n  understudy show card\n  understudy show card --json")
@chassis_options
@json_option
@use_home
def card(home: Home, as_json: bool) -> None:
    """The two control cards, their states and where they lie."""
    answer = view(standing(home.record(), home.pick(), snapshots=snapshots_at(home)).redundancy)
    _print([to_json(answer.cards)] if as_json else card_lines(answer))


@system.command(
    epilog="\b\nExamples:\n  understudy show system alarms\n  understudy show system alarms --cleared --json"
)
@click.option("--cleared", is_flag=True, help="Show also the alarms that went away, and what proved it.")
@chassis_options
@json_option
@use_home
def alarms(home: Home, cleared: bool, as_json: bool) -> None:
    """The alarms that stand, newest first.

    JSON has the active, cleared, shelved and masked ones, with all leaves of RFC 8632 and X.733.
    """
    answer = listing(alarm_list(home.record(), home.pick(), snapshots=snapshots_at(home)))
    _print([to_json(answer)] if as_json else alarm_lines(answer, with_cleared=cleared))


@show.command(epilog="\b\nExamples:\n  understudy show log --last 20\n  understudy show log --follow --json")
@click.option("--follow", is_flag=True, help="Go on with new entries as any process records them; Ctrl-C ends.")
@click.option("--last", type=click.IntRange(min=0), default=LAST_ENTRIES, show_default=True, help="Entries to show.")
@chassis_options
@json_option
@use_home
def log(home: Home, follow: bool, last: int, as_json: bool) -> None:
    """The log: an entry for every event, oldest first. JSON is one entry on each line."""
    chassis, record = home.pick(), home.record()
    head = record.head()
    recent = [recorded for recorded in record.read_chassis(chassis) if recorded.position <= head]
    for recorded in recent[len(recent) - min(last, len(recent)) :]:
        _print_entry(entry(recorded), as_json=as_json)
    if follow:
        with suppress(KeyboardInterrupt):  # Ctrl-C is how following ends
            _follow(record, chassis, head, as_json=as_json)


def _follow(record: Record, chassis: str, head: int, *, as_json: bool) -> None:
    with record.follow(after=head) as facts:
        for recorded in facts:
            if recorded.chassis == chassis:
                _print_entry(entry(recorded), as_json=as_json)


def _print_entry(log_entry: LogEntry, *, as_json: bool) -> None:
    click.echo(to_json(log_entry, indent=False) if as_json else format_entry(log_entry))
