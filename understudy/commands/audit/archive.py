"""``understudy audit archive``: closed parts of the record move to files beside it."""

from datetime import datetime

import click

from audit.archive import archive as archive_until
from events.store import Record
from understudy.counting import counting
from understudy.home import Home
from understudy.options import home_option, json_option, operator_option, use_home
from understudy.reading import Moment
from understudy.screens.json import to_json
from understudy.screens.keeping import archive_lines


@click.command(
    epilog="""\b
Examples:
  understudy audit archive --until 2026-01-01
  understudy audit archive --until 1000000 --json"""
)
@click.option(
    "--until",
    type=Moment(),
    required=True,
    help="The last position to archive, or a time: all that was recorded by then.",
)
@home_option
@json_option
@operator_option
@use_home
def archive(home: Home, until: datetime | int, as_json: bool, operator: str) -> None:
    """Move the oldest events to files in the folder archive/ beside the record; nothing is edited or lost.

    They are read, replayed and verified as before, as long as the files stay where they are. A legal hold forbids it.
    """
    record = home.record()
    last = until if isinstance(until, int) else _recorded_by(record, until)
    with counting("archiving the record") as count:
        done = archive_until(record, last, operator, progress=count.show)
    for line in [to_json(done)] if as_json else archive_lines(done):
        click.echo(line)


def _recorded_by(record: Record, moment: datetime) -> int:
    """The last position before the first fact that was recorded after a moment."""
    last = record.recorder.archived()
    for recorded in record.read(after=last):
        if recorded.recorded_at > moment:
            break
        last = recorded.position
    return last
