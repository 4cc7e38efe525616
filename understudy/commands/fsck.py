"""``understudy fsck``: is the record whole, and if not, what is damaged and what helps?"""

from datetime import UTC, datetime
from pathlib import Path

import click

from audit.fsck import Report, check_file, check_record
from audit.mending import mend
from audit.snapshots.digest import rebuild_verdict
from events.store import Record
from events.store.place import show_place
from understudy.counting import counting
from understudy.home import Home
from understudy.options import home_option, json_option, use_home
from understudy.reading import snapshots_at
from understudy.screens.json import to_json
from understudy.screens.keeping import fsck_lines

_DAMAGED = 1


@click.command(
    epilog="""\b
Examples:
  understudy fsck
  understudy fsck --quick --json
  understudy fsck --mend-with copy.sqlite -o mended.sqlite"""
)
@click.option("--quick", is_flag=True, help="Check facts only: neither SQLite's index nor the projections.")
@click.option(
    "--mend-with",
    "backup",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A backup: write a whole record of what can be read here and what the backup has.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file of that record.")
@home_option
@json_option
@use_home
@click.pass_context
def fsck(
    context: click.Context, home: Home, quick: bool, backup: Path | None, output: Path | None, as_json: bool
) -> None:
    """Check the record: every fact, positions and versions without a gap, the file, the archive, the projections.

    Reads a damaged record as far as it can and says what is lost and what helps; changes nothing. Exits 1 if anything
    is wrong.
    """
    if (backup is None) is not (output is None):
        raise click.UsageError("--mend-with and --output go together.")
    if backup is not None and output is not None:
        _mend(home, backup.absolute(), output.absolute(), as_json=as_json)
        return
    report = _check(home, quick=quick)
    for line in [to_json(report)] if as_json else fsck_lines(report):
        click.echo(line)
    if not report.sound:
        context.exit(_DAMAGED)


def _mend(home: Home, backup: Path, output: Path, *, as_json: bool) -> None:
    damaged = home.place
    if not isinstance(damaged, Path) or not damaged.exists():
        raise click.UsageError(f"There is no record in a file at {show_place(damaged)}.")
    with Record(backup, lambda: datetime.now(UTC), create=False) as copy, counting("mending the record") as count:
        made = mend(damaged, copy, output, progress=count.show)
    mended = f"{made.facts} events are in {made.file}, {made.from_backup} of them from the backup"
    click.echo(to_json(made) if as_json else f"{mended}; nothing is wrong there.")
    if made.left_out and not as_json:
        click.echo(f"Readings at the end of the backup that may be its own did not count: {made.left_out}.")


def _check(home: Home, *, quick: bool) -> Report:
    projections = None if quick else lambda: _projections(home)
    with counting("checking the record") as count:
        if not isinstance(home.place, Path):
            return check_record(home.record(), projections=projections, progress=count.show)
        if not home.place.exists():
            where = show_place(home.place)
            raise click.UsageError(f"There is no record at {where}: provision a chassis, or name its --home.")
        return check_file(home.place, quick=quick, projections=projections, progress=count.show)


def _projections(home: Home) -> str:
    with counting("rebuilding the projections") as count:
        verdict = rebuild_verdict(home.record(), snapshots_at(home), count.show, place=home.place)
    if verdict.differs is None:
        return ""
    return f"the {verdict.differs.fold} of {verdict.differs.chassis} is not what the facts say"
