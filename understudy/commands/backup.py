"""``understudy backup``: a whole copy of the record while it is in use."""

from pathlib import Path

import click

from audit.backup import back_up
from understudy.counting import counting
from understudy.home import Home
from understudy.options import home_option, json_option, use_home
from understudy.screens.json import to_json
from understudy.screens.keeping import backup_lines


@click.command(
    epilog="""\b
Examples:
  understudy backup /srv/backup/record-2026-05-01.sqlite
  understudy backup /srv/backup/record.sqlite --force
  understudy backup copy.sqlite --store postgresql://noc@db/understudy"""
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@home_option
@json_option
@use_home
def backup(home: Home, file: Path, force: bool, as_json: bool) -> None:
    """Copy the record to FILE, an SQLite file, also while it is in use, also from PostgreSQL.

    The copy is read back and compared before it gets its name; archived events are in it, too. Checkpoints and the key
    that verifies them are put beside it. Look into the copy with --store FILE: it is read-only, and reading it leaves
    nothing in it.
    """
    with counting("copying and checking the record") as count:
        made = back_up(home.record(), file.absolute(), home=home.folder, force=force, progress=count.show)
    for line in [to_json(made)] if as_json else backup_lines(made):
        click.echo(line)
