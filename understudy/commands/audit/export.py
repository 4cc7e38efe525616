"""``understudy audit export``: evidence for somebody who does not have this program."""

from datetime import UTC, datetime
from pathlib import Path

import click

from audit.bundle.asked import Asked, EvidenceError
from audit.bundle.exporting import Exported
from audit.bundle.exporting import export as make_bundle
from audit.bundle.ranges import positions, rows_between
from audit.bundle.sealing import seals_of
from events.audit_commands import NoteExported
from events.errors import CommandRefusedError
from projections.wording import counted
from understudy import __version__
from understudy.auditing import note
from understudy.counting import counting
from understudy.home import Home
from understudy.moments import check_moment, check_order
from understudy.options import chassis_options, json_option, reader_option, use_home
from understudy.reading import Moment
from understudy.screens.json import to_json


@click.command(
    epilog="""\b
Examples:
  understudy audit export --from 2026-05-01 --to 2026-06-01 -o may.zip
  understudy audit export --from 117 --to 240 --chassis pe1 -o night.zip
  understudy audit export --from 117 --to 240 --checkpoint 300 -o night.zip
  python3 -I -S may.zip --key "$(cat ~/.local/state/understudy/notary.pub)\""""
)
@click.option("--from", "begin", type=Moment(), required=True, help="Position or time of recording to begin with.")
@click.option("--to", "end", type=Moment(), required=True, help="Position or time of the last fact.")
@click.option(
    "-o",
    "--output",
    "path",
    required=True,
    metavar="FILE.zip",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The bundle to write.",
)
@click.option(
    "--checkpoint",
    "held",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="FACTS",
    help="Also carry the checkpoint of so many facts, which the reader holds.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@reader_option()
@chassis_options
@json_option
@use_home
def export(
    home: Home,
    begin: datetime | int,
    end: datetime | int,
    path: Path,
    held: tuple[int, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Write the facts of a period, of all chassis or of one, with what proves that nobody has edited them.

    The bundle has a verifier in it that needs Python and nothing else; docs/evidence.md describes it. It is checked
    before it gets its name, and the export is recorded.
    """
    _refuse(path, force=force)
    record, made_at = home.record(), datetime.now(UTC)
    check_order(begin, end, ("--from", "--to"))
    check_moment(record, begin, "--from")
    check_moment(record, end, "--to")
    try:
        with counting("finding the period") as finding:
            first, last = positions(record, begin, end, progress=finding.show)
    except EvidenceError as error:
        raise click.UsageError(f"{error}.") from error
    asked = Asked(
        first=first,
        last=last,
        chassis=home.wanted,
        query={"from": _text(begin), "to": _text(end), "chassis": home.wanted},
        operator=home.operator,
        tool=f"understudy {__version__}",
        made_at=made_at,
    )
    made = _make(home, asked, path, held, replace=force)
    note(home, NoteExported(first=first, last=last, chassis=home.wanted, sha256=made.sha256, operator=home.operator))
    click.echo(to_json(made) if as_json else "\n".join(_lines(made)))


def _make(home: Home, asked: Asked, path: Path, held: tuple[int, ...], *, replace: bool) -> Exported:
    record = home.record()
    with (
        counting("reading the tree") as sealing,
        seals_of(home.folder, record, first=asked.first, last=asked.last, also=held, progress=sealing.show) as seals,
        counting("writing the bundle") as writing,
        counting("checking the bundle") as checking,
    ):
        sealing.clear()
        return make_bundle(
            rows_between(record, asked.first, asked.last, asked.chassis),
            asked,
            seals,
            path,
            replace=replace,
            progress=writing.show,
            checking=lambda what, done, goal: checking.show(done, goal) if what == "checking facts" else None,
        )


def _lines(made: Exported) -> list[str]:
    facts = made.facts
    one = facts.first_position == facts.last_position
    where = f"position {facts.first_position}" if one else f"positions {facts.first_position} to {facts.last_position}"
    return [
        f"{made.path}: {counted(facts.count, 'fact')}, {where}, {made.bytes:,} bytes, verified.",
        f"SHA-256: {made.sha256}",
        f"Check it anywhere: python3 -I -S {Path(made.path).name} --key {made.key}",
    ]


def _text(moment: datetime | int) -> str:
    return str(moment) if isinstance(moment, int) else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _refuse(path: Path, *, force: bool) -> None:
    if path == Path("-"):
        raise click.UsageError("A bundle is checked before it gets its name: name a file.")
    if path.exists() and not force:
        raise CommandRefusedError(f"{path} is there already; --force replaces it.")
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"There is no folder {path.absolute().parent} to write {path.name} to.")
