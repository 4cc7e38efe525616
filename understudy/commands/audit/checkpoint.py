"""``understudy audit checkpoint``: signs how many events there are and which root they have."""

import click

from audit.notary import checkpoint as make
from understudy.counting import counting
from understudy.home import Home
from understudy.notarizing import WitnessOptions, witness_options, witnesses_of
from understudy.options import KafkaOptions, home_option, json_option, kafka_options, use_home
from understudy.screens.json import to_json
from understudy.screens.verification import checkpoint_lines


@click.command(
    epilog="""\b
Examples:
  understudy audit checkpoint
  understudy audit checkpoint --witness /mnt/vault/understudy
  understudy audit checkpoint --kafka kafka1:9092 --create-topics
  understudy audit checkpoint --witness-command 'ssh vault "cat > $UNDERSTUDY_CHECKPOINT"'"""
)
@witness_options
@kafka_options
@click.option("--origin", metavar="NAME", help="Name of the log, where none was signed yet.  [default: from event 1]")
@home_option
@json_option
@use_home
def checkpoint(home: Home, witnesses: WitnessOptions, kafka: KafkaOptions, origin: str | None, as_json: bool) -> None:
    """Sign the record as it is now, keep that beside it, and print it (a C2SP checkpoint).

    Who can write to the record can write beside it: hold checkpoints where they cannot, in folders, by commands, in the
    topic PREFIX.checkpoints of Kafka. `understudy run` does so from time to time. The key, notary.key in the
    home, is made at first use.
    """
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
