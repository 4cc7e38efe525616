"""``understudy audit checkpoint``: signs how many events there are and which root they have."""

from datetime import UTC, datetime

import click

from audit.notary import checkpoint as make
from audit.notary_list import list_checkpoints
from audit.notary_restored import begin_anew, refuse_unless_restored
from audit.verification import verify
from audit.witnesses import reading
from events.audit_commands import NoteVerified
from understudy.auditing import note
from understudy.counting import counting
from understudy.home import Home
from understudy.notarizing import WitnessOptions, held_in, witness_options, witnesses_of
from understudy.options import KafkaOptions, home_option, json_option, kafka_options, use_home
from understudy.screens.json import to_json
from understudy.screens.verification import checkpoint_lines, checkpoint_list_lines

UNKNOWN_ROOT = "0" * 64


@click.command(
    epilog="""\b
Examples:
  understudy audit checkpoint
  understudy audit checkpoint --witness /mnt/vault/understudy
  understudy audit checkpoint --kafka kafka1:9092 --create-topics
  understudy audit checkpoint --witness-command 'ssh vault "cat > $UNDERSTUDY_CHECKPOINT"'
  understudy audit checkpoint --list --witness /mnt/vault/understudy
  understudy audit checkpoint --after-restore "disk of 5 January" --witness /mnt/vault/understudy-2"""
)
@witness_options
@kafka_options
@click.option("--origin", metavar="NAME", help="Name of the log, where none was signed yet.  [default: from event 1]")
@click.option("--list", "as_list", is_flag=True, help="Sign nothing; list the checkpoints at hand, here and there.")
@click.option(
    "--after-restore",
    "reason",
    metavar="REASON",
    help="A backup was put in the place of the record: begin a new log, keep what was signed before aside.",
)
@home_option
@json_option
@use_home
def checkpoint(
    home: Home,
    witnesses: WitnessOptions,
    kafka: KafkaOptions,
    origin: str | None,
    as_list: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Sign the record as it is now, keep that beside it, and print it (a C2SP checkpoint).

    Who can write to the record can write beside it: hold checkpoints where they cannot, in folders, by commands, in the
    topic PREFIX.checkpoints of Kafka. `understudy run` does so from time to time. The key, notary.key in the
    home, is made at first use. Nothing is signed on top of a record that is not the one that was signed before.
    """
    if as_list:
        _list(home, witnesses, kafka, reason or origin, as_json=as_json)
        return
    if reason is not None:
        _begin_anew(home, reason, origin)
    outside = witnesses_of(witnesses, kafka)
    with counting("hashing the record") as count:
        signed = make(home.folder, home.record(), witnesses=outside, origin=origin, progress=count.show)
    if as_json:
        made = signed.checkpoint
        answer = {"origin": made.origin, "size": made.size, "root": made.root.hex(), "note": signed.note.whole}
        click.echo(to_json(answer))
        return
    for line in checkpoint_lines(signed):
        click.echo(line)


def _list(home: Home, witnesses: WitnessOptions, kafka: KafkaOptions, other: str | None, *, as_json: bool) -> None:
    if other is not None or witnesses.commands:
        raise click.UsageError("--list goes with --witness and Kafka alone.")
    if missing := next((folder for folder in witnesses.folders if not folder.exists()), None):
        raise click.UsageError(f"There is no folder {missing}.")
    found = list_checkpoints(home.folder, [*map(reading, witnesses.folders), *held_in(kafka)])
    for line in [to_json(found)] if as_json else checkpoint_list_lines(found):
        click.echo(line)


def _begin_anew(home: Home, reason: str, origin: str | None) -> None:
    if origin is not None or not reason.strip():
        raise click.UsageError("--after-restore needs a REASON and names the new log itself, without --origin.")
    with counting("verifying the record") as count:
        found = verify(home.folder, home.record(), progress=count.show)
    refuse_unless_restored(found)
    restored = begin_anew(home.folder, found, reason=reason, operator=home.operator, at=datetime.now(UTC))
    what = NoteVerified(
        size=found.size,
        root=found.root or UNKNOWN_ROOT,
        integrity=f"{found.integrity.answer}: {found.integrity.text}",
        completeness=f"{found.completeness.answer}: {found.completeness.text}",
        rebuild=f"not asked: a backup was put in place ({reason}), the log goes on as {restored.log}",
        passed=False,
        operator=home.operator,
    )
    note(home, what)
    kept = f"What was signed before is in {home.folder / restored.folder}"
    click.echo(f"The log goes on as {restored.log}. {kept}; {restored.agreed} events of it are the record's.", err=True)
    click.echo("Hold notary.pub and the new checkpoints in a new place outside.", err=True)
