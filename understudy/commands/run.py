"""``understudy run``: supervise until told to stop."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from consumers.prometheus.address import Address
from events.envelope import Recorded
from events.errors import RecordAwayError
from events.facts import ChassisProvisioned
from producers.supervision import Settings
from projections.event_log import entry, format_entry
from understudy.commands.export import ListenAddress
from understudy.crew import Crew, check_free
from understudy.home import Home
from understudy.logs import telling
from understudy.notarizing import WitnessOptions, notarizing, witness_options, witnesses_of
from understudy.options import KafkaOptions, chassis_options, kafka_options, use_home
from understudy.outlets import outlets
from understudy.stopping import say_no_more, stopping

_log = logging.getLogger(__name__)


@click.command(
    epilog="""\b
Examples:
  understudy run
  understudy run --chassis pe1 --probe-interval 0.5 --probe-failures 2
  understudy run --kafka kafka1:9092 --create-topics --listen 127.0.0.1:9820"""
)
@click.option("--probe-interval", type=click.FloatRange(min=0.05), default=1.0, show_default=True, help="Seconds.")
@click.option(
    "--probe-failures",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Probes in a row that a card must miss to count as gone or failed.",
)
@click.option("--retry-first", type=click.FloatRange(min=0.05), default=1.0, show_default=True, help="Seconds.")
@click.option(
    "--retry-limit",
    type=click.FloatRange(min=0.05),
    default=300.0,
    show_default=True,
    help="Seconds; a failed synchronisation waits twice as long each time, up to this.",
)
@click.option("--quiet", is_flag=True, help="Do not print the log.")
@click.option(
    "--listen",
    type=ListenAddress(),
    envvar="UNDERSTUDY_LISTEN",
    help="Serve metrics for Prometheus there.  [env: UNDERSTUDY_LISTEN]",
)
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    envvar="UNDERSTUDY_CHECKPOINT_EVERY",
    help="Seconds between signed checkpoints, where anything was recorded; 0 for none.  "
    "[env: UNDERSTUDY_CHECKPOINT_EVERY]",
)
@witness_options
@kafka_options
@chassis_options
@use_home
def run(
    home: Home,
    probe_interval: float,
    probe_failures: int,
    retry_first: float,
    retry_limit: float,
    quiet: bool,
    listen: Address | None,
    checkpoint_every: float,
    witnesses: WitnessOptions,
    kafka: KafkaOptions,
) -> None:
    """Supervise: watch the cards, synchronise automatically, clear alarms, take over; log to standard output.

    All chassis of the record, or the one named by --chassis. With --kafka, what is recorded is published, too, and with
    --listen, Prometheus can scrape it. Checkpoints of the record are signed beside it, and held where --witness and
    --kafka say. SIGTERM and Ctrl-C stop it cleanly.
    """
    record = home.record()
    seen = record.head()
    names = [home.pick()] if home.wanted or not record.chassis() else record.chassis()
    # Whoever is refused takes nothing from the one at work: neither its address nor its topics.
    check_free(home.locks, names)
    notary = notarizing(home, checkpoint_every, witnesses_of(witnesses, kafka))
    with telling(), outlets(record, listen, kafka), notary:
        settings = Settings(probe_interval, probe_failures, retry_first, retry_limit)
        _supervise(home, names, settings, after=seen, quiet=quiet)


def _supervise(home: Home, names: Sequence[str], settings: Settings, *, after: int, quiet: bool) -> None:
    record, seen = home.record(), after
    teller = _Teller(home.wanted, several=len(names) > 1, quiet=quiet)
    with record.follow(after=seen) as facts:
        crew = Crew(record, home.locks, settings, when_over=facts.stop)
        with stopping(crew.stop, when_unread=False), crew:
            for name in names:
                crew.supervise(name)
            for recorded in facts:
                seen = recorded.position
                teller.tell(recorded)
                if isinstance(recorded.fact, ChassisProvisioned) and not home.wanted:
                    crew.supervise(recorded.chassis, if_free=True)
    with suppress(RecordAwayError):  # it is in the record: who stops while that is away is told no more of it
        # What was recorded while everything came to rest.
        for recorded in record.read(after=seen):
            teller.tell(recorded)
    crew.check()


class _Teller:
    """Prints the log, and goes on without when nobody can read it: a full disk or a dead pipe must not end supervision.

    With several chassis, each entry has the name of its own before it.
    """

    def __init__(self, wanted: str | None, *, several: bool, quiet: bool) -> None:
        self._wanted = wanted
        self._several = several
        self._quiet = quiet

    def tell(self, recorded: Recorded) -> None:
        """Prints the entry of a fact, if it is one that is wanted."""
        if self._quiet or self._wanted not in {None, recorded.chassis}:
            return
        prefix = f"{recorded.chassis}: " if self._several else ""
        try:
            sys.stdout.write(f"{prefix}{format_entry(entry(recorded))}\n")
            sys.stdout.flush()
        except OSError as error:
            self._quiet = True
            _log.warning("the log cannot be printed any more: %s; supervision goes on", error.strerror)
            say_no_more()
