"""``understudy run``: supervise until told to stop."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

import click

from events.envelope import Recorded
from events.facts import ChassisProvisioned
from producers.supervision import Settings
from projections.event_log import entry, format_entry
from understudy.crew import Crew
from understudy.home import Home
from understudy.options import chassis_options, use_home


@click.command(
    epilog="""\b
Examples:
  understudy run
  understudy run --chassis pe1 --probe-interval 0.5 --probe-failures 2"""
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
@chassis_options
@use_home
def run(
    home: Home, probe_interval: float, probe_failures: int, retry_first: float, retry_limit: float, quiet: bool
) -> None:
    """Supervise: watch the cards, synchronise automatically, clear alarms, take over; log to standard output.

    All chassis of the record, or the one named by --chassis. SIGTERM and Ctrl-C stop it cleanly.
    """
    record = home.record()
    seen = record.head()
    names = [home.pick()] if home.wanted or not record.chassis() else record.chassis()
    settings = Settings(probe_interval, probe_failures, retry_first, retry_limit)
    with record.follow(after=seen) as facts:
        crew = Crew(record, home.locks, settings, when_over=facts.stop)
        with _signals_to(crew.stop), crew:
            for name in names:
                crew.supervise(name)
            for recorded in facts:
                seen = recorded.position
                _print(recorded, home.wanted, quiet=quiet)
                if isinstance(recorded.fact, ChassisProvisioned) and not home.wanted:
                    crew.supervise(recorded.chassis, if_free=True)
    # What was recorded while everything came to rest.
    for recorded in record.read(after=seen):
        _print(recorded, home.wanted, quiet=quiet)
    crew.check()


@contextmanager
def _signals_to(stop: Callable[[], None]) -> Generator[None]:
    """Calls ``stop`` at SIGTERM or Ctrl-C, on a thread: a signal handler may take none of the locks that it needs."""
    told: SimpleQueue[bool] = SimpleQueue()

    def obey() -> None:
        while told.get():
            stop()

    def tell(_signal: int, _frame: FrameType | None) -> None:
        told.put(True)

    thread = threading.Thread(target=obey, name="signals")
    thread.start()
    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        told.put(False)
        thread.join()


def _print(recorded: Recorded, wanted: str | None, *, quiet: bool) -> None:
    if not quiet and wanted in {None, recorded.chassis}:
        click.echo(format_entry(entry(recorded)))
