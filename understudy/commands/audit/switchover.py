"""``understudy audit switchover``: how a switchover went."""

import click

from projections.asking import NotInRecordError
from projections.switchover_report import switchover_report
from projections.switchovers import switchovers
from understudy.auditing import note_read
from understudy.home import Home
from understudy.options import chassis_options, json_option, reader_option, use_home
from understudy.screens.drawing import showable
from understudy.screens.json import to_json
from understudy.screens.switchover import list_lines, report_lines


@click.command(
    epilog="""\b
Examples:
  understudy audit switchover
  understudy audit switchover 3
  understudy audit switchover refusal-57 --json
  understudy audit switchover --list"""
)
@click.argument("name", metavar="[NUMBER|last]", default="last")
@click.option("--list", "listed", is_flag=True, help="One line for each switchover, refused and failed ones included.")
@reader_option()
@chassis_options
@json_option
@use_home
def switchover(home: Home, name: str, listed: bool, as_json: bool) -> None:
    """How a switchover went: trigger, decision, readiness, durations, alarms, and what came back when.

    A refused one has no number; `--list`, oldest first, shows what to call it. Without a name it is the newest one,
    refused or not.
    """
    chassis = home.pick()
    facts = home.record().read_chassis(chassis)
    if listed:
        rows = switchovers(facts)
        note_read(home, "switchover", f"{chassis} --list")
        lines = [to_json(rows)] if as_json else list_lines(chassis, rows)
    else:
        try:
            report = switchover_report(chassis, facts, name)
        except NotInRecordError as error:
            raise click.UsageError(str(error)) from error
        note_read(home, "switchover", f"{chassis} {report.switchover.name}")
        lines = [to_json(report)] if as_json else report_lines(report)
    for line in lines:
        click.echo(showable(line))
