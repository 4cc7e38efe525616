"""``understudy replay``: the state and the alarm list as they were, rebuilt from the record alone."""

from datetime import UTC, datetime

import click

from projections.alarm_views import listing
from projections.redundancy import view
from understudy.auditing import note_read
from understudy.home import Home
from understudy.moments import check_moment, nothing_yet
from understudy.options import chassis_options, json_option, use_home
from understudy.reading import Moment, snapshots_at, standing
from understudy.screens.alarms import alarm_lines
from understudy.screens.json import to_json
from understudy.screens.redundancy import synchronization_lines


@click.command(
    epilog="""\b
Examples:
  understudy replay
  understudy replay --at 17
  understudy replay --at 2026-05-01T02:13:00Z --json"""
)
@click.option("--at", type=Moment(), help="A position of the record, or a time (UTC, unless it has a zone).")
@chassis_options
@json_option
@use_home
def replay(home: Home, at: datetime | int | None, as_json: bool) -> None:
    """The redundancy state and the alarm list as the record says that they were.

    A time means what had been recorded by then. With --at, it is noted in the record who looked.
    """
    chassis, record = home.pick(), home.record()
    check_moment(record, at, "--at")
    then = standing(record, chassis, at, snapshots=snapshots_at(home))
    if at is not None:
        if not then.reached.facts:
            raise nothing_yet(record, chassis, at)
        note_read(home, "as-of", f"{chassis} {at} by replay")
    if as_json:
        answer = {
            "chassis": chassis,
            "position": then.reached.position,
            "recorded_at": then.reached.recorded_at,
            "facts": then.reached.facts,
            "redundancy": view(then.redundancy),
            "alarms": listing(then.alarms),
        }
        click.echo(to_json(answer))
        return
    when = then.reached.recorded_at or datetime.now(UTC)
    click.echo(
        f"{chassis} after event {then.reached.position}, recorded {when.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    )
    for line in synchronization_lines(view(then.redundancy)) + alarm_lines(listing(then.alarms), with_cleared=True):
        click.echo(line)
