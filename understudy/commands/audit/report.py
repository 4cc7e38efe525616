"""``understudy audit report``: a period as a page to look at."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from audit.report.page import Written, render
from events.envelope import Recorded
from events.errors import CommandRefusedError, UnderstudyError
from events.store import Record
from projections.period import Extent, Period, Span, in_order_of_happening, period, survey
from projections.wording import counted, stamp
from understudy import __version__
from understudy.auditing import note_read
from understudy.counting import Counting, counting
from understudy.home import Home
from understudy.moments import MomentError, check_moment, check_order, end_now
from understudy.options import chassis_options, reader_option, use_home
from understudy.reading import Moment

_STDOUT = Path("-")


@click.command(
    epilog="""\b
Examples:
  understudy audit report -o pe1.html
  understudy audit report --from 2026-05-01 --to 2026-06-01 --chassis pe1 -o may.html
  understudy audit report --from 117 --to 240 --force -o night.html"""
)
@click.option("--from", "since", type=Moment(), help="Where the period begins.  [default: with the first fact]")
@click.option("--to", "until", type=Moment(), help="Where it ends.  [default: with the newest fact]")
@click.option(
    "-o",
    "--output",
    "path",
    required=True,
    metavar="FILE.html",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The page to write; - is standard output.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@reader_option()
@chassis_options
@use_home
def report(home: Home, since: datetime | int | None, until: datetime | int | None, path: Path, force: bool) -> None:
    """Draw a period of a chassis on one page of HTML: states, alarms, attempts and switchovers on one axis of time.

    A time means what happened then, also if it was recorded later; with a position as the end, nothing that was
    recorded after it is shown.
    """
    _refuse(path, force=force)
    chassis, written = home.pick(), Written(datetime.now(UTC), __version__)
    drawn = _read(home.record(), chassis, since, until, written.at)
    note_read(home, "report", f"{chassis} from {_iso(drawn.span.begin)} to {_iso(drawn.span.end)}")
    page = render(drawn, written)
    if path == _STDOUT:
        click.echo(page.encode(), nl=False)
    else:
        _write(path, page, force=force)
    period = f"from {stamp(drawn.span.begin)} to {stamp(drawn.span.end)}"
    click.echo(f"{path}: {chassis}, {counted(drawn.facts, 'fact')} {period}", err=path == _STDOUT)


def _read(
    record: Record, chassis: str, since: datetime | int | None, until: datetime | int | None, now: datetime
) -> Period:
    check_order(since, until, ("--from", "--to"))
    check_moment(record, since, "--from")
    end_now(record, until, "--to")
    cut = until if isinstance(until, int) else record.head()
    with counting(f"reading {chassis}") as count:
        extent = survey(_facts(record, chassis, cut), from_position=since if isinstance(since, int) else 0)
        if extent is None:
            raise click.UsageError(f"Chassis {chassis} has no event in that period.")
        span = _span(extent, since, until, now)
        facts = _counted(_facts(record, chassis, cut), count, extent.head)
        return period(chassis, in_order_of_happening(facts, extent), span)


def _facts(record: Record, chassis: str, cut: int) -> Iterator[Recorded]:
    for recorded in record.read_chassis(chassis):
        if recorded.position > cut:
            return
        yield recorded


def _counted(facts: Iterable[Recorded], count: Counting, goal: int) -> Iterator[Recorded]:
    for recorded in facts:
        count.show(recorded.position, goal)
        yield recorded


def _span(extent: Extent, since: datetime | int | None, until: datetime | int | None, now: datetime) -> Span:
    begin = since if isinstance(since, datetime) else extent.first
    # What is to come is not known: the states of now are not drawn into it.
    end = min(until, max(now, extent.last)) if isinstance(until, datetime) else extent.last
    if begin > end:
        raise MomentError(f"The period would end ({stamp(end)}) before it begins ({stamp(begin)}).")
    return Span(begin, end)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refuse(path: Path, *, force: bool) -> None:
    if path == _STDOUT:
        return
    if path.exists() and not force:
        raise CommandRefusedError(f"{path} is there already; --force replaces it.")
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"There is no folder {path.absolute().parent} to write {path.name} to.")


def _write(path: Path, page: str, *, force: bool) -> None:
    """All of it or nothing: whoever reads ``path`` meanwhile sees what was there before.

    Raises:
        UnderstudyError: it cannot be written; the message names ``path``.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(page)
        _refuse(path, force=force)
        beside.replace(path)
    except OSError as error:
        # Its own name is the one that somebody has typed.
        raise UnderstudyError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):  # where nothing can be written, nothing is there
            beside.unlink(missing_ok=True)
