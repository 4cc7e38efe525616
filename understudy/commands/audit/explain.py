"""``understudy audit explain``: why it happened, and what came of it."""

import click

from events.store import Record
from projections.asking import NotInRecordError, position_of
from projections.explanation import explain as explained
from understudy.auditing import note_read
from understudy.home import Home
from understudy.options import chassis_options, json_option, reader_option, use_home
from understudy.screens.drawing import pen_of_output, showable
from understudy.screens.explanation import explanation_lines
from understudy.screens.json import to_json


@click.command(
    epilog="""\b
Examples:
  understudy audit explain 117
  understudy audit explain attempt 5
  understudy audit explain pe1/B boot-env-sync-failed no-space
  understudy audit explain no-space --json
  understudy audit explain alarm 3"""
)
@click.argument("words", metavar="ALARM-or-POSITION-or-ATTEMPT...", nargs=-1, required=True)
@click.option("--all", "everything", is_flag=True, help="Show also the middle of long rows of facts that are alike.")
@reader_option()
@chassis_options
@json_option
@use_home
def explain(home: Home, words: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Why something happened, and what came of it: the chain of facts that led there and away from there.

    What: a position such as 117; `attempt 5` or `sync-5`; `switchover 1`; an alarm by its identity, by any part of it
    that fits no other alarm, or as `alarm 3` by its index of `show system alarms`. Of an alarm that was raised several
    times, the newest raise is explained; each other one by its position.
    """
    query = " ".join(words)
    try:
        chassis = _chassis(home, query)
        answer = explained(chassis, home.record().read_chassis(chassis), query)
    except NotInRecordError as error:
        raise click.UsageError(str(error)) from error
    note_read(home, "explain", query)
    if as_json:
        click.echo(to_json(answer))
        return
    for line in explanation_lines(answer, pen_of_output(), everything=everything):
        click.echo(showable(line))


def _chassis(home: Home, query: str) -> str:
    """Of what chassis the answer is: a position says it itself, and so does the resource of an alarm."""
    position = position_of(query)
    if position is not None:
        chassis = _chassis_at(home.record(), position)
        if chassis != home.wanted and "chassis" in home.typed:
            raise NotInRecordError(f"Event {position} is of {chassis}, not of {home.wanted}.")
        return chassis
    if home.wanted is None:
        resource = query.strip().partition(" ")[0].partition("/")[0]
        if resource in home.record().chassis():
            return resource
    return home.pick()


def _chassis_at(record: Record, position: int) -> str:
    within = 0 < position <= record.head()
    found = next(record.read(after=position - 1, until=position), None) if within else None
    if found is None:
        raise NotInRecordError(
            f"There is no event {position}: the record has those from 1 to {record.head()}. "
            "An alarm by its index: alarm INDEX."
        )
    return found.chassis
