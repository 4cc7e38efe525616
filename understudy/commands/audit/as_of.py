"""``understudy audit as-of``: what was so at a moment, as it was known then or as it truly was."""

from datetime import datetime

import click

from audit.snapshots.past import Past
from projections.as_of import Axis, LateFact, Picture, in_order, is_within, late_ones, picture, show
from understudy.auditing import note_read
from understudy.home import Home
from understudy.moments import check_moment, nothing_yet
from understudy.options import chassis_options, json_option, reader_option, use_home
from understudy.reading import Moment, reading_past, snapshots_at
from understudy.screens.as_of import AsOf, AxisChange, as_of_lines
from understudy.screens.json import to_json

NAMED_LATE = 100
"""Earlier late facts that are named, the newest ones."""


@click.command(
    "as-of",
    epilog="""\b
Examples:
  understudy audit as-of 2026-05-01T02:13:00Z
  understudy audit as-of 2026-05-01T02:13:00Z --as happened
  understudy audit as-of 4711 --chassis pe1 --json""",
)
@click.argument("moment", metavar="TIME-or-POSITION", type=Moment())
@click.option(
    "--as",
    "axis",
    type=click.Choice([axis.value for axis in Axis]),
    default=Axis.KNOWN.value,
    show_default=True,
    help="By when an event was recorded (known), or by when it occurred (happened).",
)
@reader_option()
@chassis_options
@json_option
@use_home
def as_of(home: Home, moment: datetime | int, axis: str, as_json: bool) -> None:
    """Redundancy, cards and alarms as they were at a moment.

    A time means what had been recorded by then; with --as happened, what had occurred by then, also if it was recorded
    later. Where the two differ, the answer says so and names the events that came late.
    """
    chassis, record = home.pick(), home.record()
    check_moment(record, moment, "TIME-or-POSITION")
    with reading_past(record, chassis, snapshots_at(home)) as past:
        answer = _answer(past, chassis, moment, Axis(axis))
    if not answer.picture.facts:
        raise nothing_yet(record, chassis, moment)
    note_read(home, "as-of", f"{chassis} {moment} as {axis}")
    if as_json:
        click.echo(to_json(answer))
        return
    for line in as_of_lines(answer):
        click.echo(line)


def _answer(past: Past, chassis: str, moment: datetime | int, axis: Axis) -> AsOf:
    known = past.picture(chassis, moment, Axis.KNOWN)
    span = past.span(chassis, moment, moment, Axis.HAPPENED)
    happened = picture(in_order(one for one in span.facts if is_within(one, moment, Axis.HAPPENED)), span.base)
    differs = _differs(known, happened)
    late: list[LateFact] = []
    if differs:
        late = past.late(chassis, span.base.facts, NAMED_LATE)
        late += late_ones(span.facts, moment, span.base.occurred_at)
    return AsOf(
        chassis=chassis,
        axis=axis,
        moment=moment,
        picture=show(known if axis is Axis.KNOWN else happened),
        differs=differs,
        late=tuple(late),
    )


def _differs(known: Picture, happened: Picture) -> tuple[AxisChange, ...]:
    if known.redundancy == happened.redundancy and known.alarms == happened.alarms:
        return ()
    # Most answers need none of this.
    from projections.differences import compare  # noqa: PLC0415

    return tuple(
        AxisChange(subject=change.subject, what=change.what, known=change.before, happened=change.after)
        for change in compare(known, happened)
    )
