"""``understudy audit archive``: closed parts of the record move to files beside it."""

import sys
from datetime import UTC, datetime

import click

from audit.archive import Archived
from audit.archive import archive as archive_until
from events.errors import CommandRefusedError
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
@click.option("--yes", is_flag=True, help="Do not ask, which is done on a terminal only.")
@home_option
@json_option
@operator_option
@use_home
def archive(home: Home, until: datetime | int, yes: bool, as_json: bool, operator: str) -> None:
    """Move the oldest events to files in the folder archive/ beside the record; nothing is edited or lost.

    They are read, replayed and verified as before, as long as the files stay where they are, and do not move back. A
    legal hold forbids it.
    """
    record = home.record()
    last = _last(record, until)
    if not yes and sys.stdin.isatty() and sys.stderr.isatty():
        _ask(record, last)
    with counting("archiving the record") as count:
        done = archive_until(record, last, operator, progress=count.show)
    for line in [to_json(done)] if as_json else _lines(done, last):
        click.echo(line)


def _ask(record: Record, last: int) -> None:
    first, last = record.recorder.archived() + 1, min(last, record.head() - 1)
    if first <= last and not click.confirm(f"Move events {first} to {last} to files? They do not move back.", err=True):
        raise CommandRefusedError("nothing was archived")


def _lines(done: Archived, last: int) -> list[str]:
    if done.segments:
        return archive_lines(done)
    why = "the newest event stays where it is" if last else "nothing was recorded by then"
    return [f"There is nothing to archive: {f'events up to {done.until} are archived already' if done.until else why}."]


def _last(record: Record, until: datetime | int) -> int:
    """The last position that is meant, of those that there are.

    Raises:
        click.BadParameter: it is not there, or the time is still to come.
    """
    if isinstance(until, datetime):
        if until > (now := datetime.now(UTC)):
            raise click.BadParameter(f"{until}: it is only {now:%Y-%m-%d %H:%M:%S} UTC.", param_hint="--until")
        return _recorded_by(record, until)
    head = record.head()
    if not 1 <= until <= head:
        raise click.BadParameter(f"there is no position {until}: the record ends at {head}.", param_hint="--until")
    return until


def _recorded_by(record: Record, moment: datetime) -> int:
    """The last position before the first fact that was recorded after a moment."""
    last = record.recorder.archived()
    for recorded in record.read(after=last):
        if recorded.recorded_at > moment:
            break
        last = recorded.position
    return last
