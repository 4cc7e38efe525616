"""``understudy audit verify``: whether the record is the one that was signed, whole, and what projections say."""

from functools import partial
from pathlib import Path

import click

from audit.notes import NoteError, VerifierKey, parse_verifier_key
from audit.verification import Rebuilt
from audit.verification import verify as verify_record
from audit.verification_answer import Answer, Verification
from audit.witnesses import reading
from events.audit_commands import NoteVerified
from understudy.auditing import note
from understudy.counting import counting
from understudy.home import Home
from understudy.notarizing import held_in
from understudy.options import KafkaOptions, home_option, json_option, kafka_options, use_home
from understudy.reading import snapshots_at
from understudy.screens.json import to_json
from understudy.screens.verification import verification_lines

UNKNOWN_ROOT = "0" * 64
FAILED = 1


class VerifierKeyText(click.ParamType[VerifierKey]):
    """A verifier key: its text, or the file that has it."""

    name = "VKEY"

    def convert(
        self, value: str | VerifierKey, param: click.Parameter | None, ctx: click.Context | None
    ) -> VerifierKey:
        """The key that is meant."""
        if isinstance(value, VerifierKey):
            return value
        try:
            return parse_verifier_key(Path(value).read_text(encoding="utf-8") if Path(value).is_file() else value)
        except (NoteError, UnicodeDecodeError, OSError) as error:
            self.fail(f"{error}.", param, ctx)


@click.command(
    epilog="""\b
Examples:
  understudy audit verify
  understudy audit verify --witness /mnt/vault/understudy --key /mnt/vault/notary.pub
  understudy audit verify --no-rebuild --json
  understudy audit verify --no-trace"""
)
@click.option(
    "--witness",
    "witnesses",
    metavar="DIR|FILE",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    envvar="UNDERSTUDY_WITNESS",
    help="Checkpoints that are held outside; may be repeated.  [env: UNDERSTUDY_WITNESS]",
)
@click.option(
    "--key", type=VerifierKeyText(), help="Whose checkpoints count: a verifier key, or its file.  [default: notary.pub]"
)
@kafka_options
@click.option(
    "--no-rebuild",
    is_flag=True,
    help="Do not make the projections again, nor compare the index by which a chassis is read.",
)
@click.option("--no-trace", is_flag=True, help="Record nothing: the record is left as it is.")
@home_option
@json_option
@use_home
def verify(
    home: Home,
    witnesses: tuple[Path, ...],
    kafka: KafkaOptions,
    key: VerifierKey | None,
    no_rebuild: bool,
    no_trace: bool,
    as_json: bool,
) -> None:
    """Verify the record: integrity (nothing edited), completeness (nothing missing), rebuild (projections equal).

    The verdicts do not depend on each other, and name the first position that is wrong. Exits with 0 if all that was
    asked holds, else with 1; without a witness outside, nobody can tell whether the end is missing. That it was
    verified is recorded, unless something is missing, or --no-trace says not to: then the record is left as it is.
    """
    with counting("verifying the record") as count:
        found = verify_record(
            home.folder,
            home.record(),
            key=key,
            witnesses=[*map(reading, witnesses), *held_in(kafka)],
            rebuild=None if no_rebuild else partial(_rebuild, home),
            progress=count.show,
        )
    if no_trace:
        click.echo("This verification is not recorded: --no-trace.", err=True)
    elif found.completeness.answer is Answer.FAILS:
        # Another fact would take the position of one that was cut off, and hide that.
        click.echo("This verification is not recorded: a record that is not whole is left as it is.", err=True)
    else:
        _note(home, found)
    for line in [to_json(found)] if as_json else verification_lines(found):
        click.echo(line)
    if not found.holds:
        raise click.exceptions.Exit(FAILED)


def _rebuild(home: Home) -> Rebuilt:
    # Nobody else waits for what shares work over processes.
    from audit.snapshots.digest import rebuild_verdict  # noqa: PLC0415

    with counting("making the projections again") as count:
        verdict = rebuild_verdict(home.record(), snapshots_at(home), count.show, place=home.place)
    if verdict.differs is None:
        return Rebuilt(compared=verdict.snapshots)
    text = f"{verdict.differs.fold} of {verdict.differs.chassis}, made again from position 1, is not what is live"
    return Rebuilt([text], verdict.snapshots)


def _note(home: Home, found: Verification) -> None:
    what = NoteVerified(
        size=found.size,
        root=found.root or UNKNOWN_ROOT,
        integrity=f"{found.integrity.answer}: {found.integrity.text}",
        completeness=f"{found.completeness.answer}: {found.completeness.text}",
        rebuild=f"{found.rebuild.answer}: {found.rebuild.text}",
        passed=found.holds,
        operator=home.operator,
    )
    note(home, what)
