"""``understudy audit diff``: what is different between two moments, and what made it so."""

from datetime import datetime

import click

from audit.snapshots.past import Past
from projections.as_of import Axis, in_order, is_within, late_ones, picture
from projections.differences import differences
from understudy.auditing import note_read
from understudy.home import Home
from understudy.moments import MomentError, check_moment, check_order
from understudy.options import chassis_options, json_option, reader_option, use_home
from understudy.reading import Moment, reading_past, snapshots_at
from understudy.screens.differences import Diff, diff_lines
from understudy.screens.json import to_json


@click.command(
    epilog="""\b
Examples:
  understudy audit diff 2026-05-01T02:00Z 2026-05-01T03:00Z
  understudy audit diff 100 200 --chassis pe1
  understudy audit diff 2026-05-01 2026-05-02 --as happened --json"""
)
@click.argument("since", metavar="FROM", type=Moment())
@click.argument("until", metavar="TO", type=Moment())
@click.option(
    "--as",
    "axis",
    type=click.Choice([axis.value for axis in Axis]),
    default=Axis.KNOWN.value,
    show_default=True,
    help="By when events were recorded (known), or by when they occurred (happened).",
)
@reader_option()
@chassis_options
@json_option
@use_home
def diff(home: Home, since: datetime | int, until: datetime | int, axis: str, as_json: bool) -> None:
    """What was raised, cleared, acknowledged, synchronised, switched over and configured between two moments.

    Events after FROM and up to TO count. The net effect comes first: what was raised and cleared in between is there,
    too.
    """
    chassis, record = home.pick(), home.record()
    check_order(since, until, ("FROM", "TO"))
    check_moment(record, since, "FROM")
    check_moment(record, until, "TO")
    with reading_past(record, chassis, snapshots_at(home)) as past:
        answer = _answer(past, chassis, since, until, Axis(axis))
    note_read(home, "diff", f"{chassis} {since} {until} as {axis}")
    if as_json:
        click.echo(to_json(answer))
        return
    for line in diff_lines(answer):
        click.echo(line)


def _answer(past: Past, chassis: str, since: datetime | int, until: datetime | int, axis: Axis) -> Diff:
    asked = since, until
    if isinstance(since, int) is not isinstance(until, int):
        if axis is Axis.HAPPENED:
            raise click.UsageError("With --as happened, give two times or two positions.")
        since, until = _position(past, chassis, since), _position(past, chassis, until)
        if since > until:
            raise MomentError(f"FROM comes after TO: event {since} is later than event {until}.")
    base, facts = past.span(chassis, since, until, axis)
    counted = [one for one in facts if is_within(one, until, axis)]
    ordered = counted if axis is Axis.KNOWN else in_order(counted)
    before = picture((one for one in ordered if is_within(one, since, axis)), base)
    between = [one for one in ordered if not is_within(one, since, axis)]
    named = {one.position for one in between}
    return Diff(
        chassis=chassis,
        axis=axis,
        since=asked[0],
        until=asked[1],
        differences=differences(before, picture(ordered, base), between),
        late=tuple(one for one in late_ones(facts, until, base.occurred_at) if one.position in named),
    )


def _position(past: Past, chassis: str, moment: datetime | int) -> int:
    """The position of the newest event of a chassis that was known at a moment."""
    return moment if isinstance(moment, int) else past.picture(chassis, moment, Axis.KNOWN).position
