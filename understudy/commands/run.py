"""``understudy run``: supervise until told to stop."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from events.envelope import Recorded
from events.facts import ChassisProvisioned
from producers.supervision import Settings
from projections.event_log import entry, format_entry
from understudy.crew import Crew
from understudy.home import Home
from understudy.options import chassis_options, use_home

_log = logging.getLogger(__name__)
_NO_SIGNAL = b"\0"
"""Ends the thread that waits for signals: each of them is written as a byte with its number."""


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
    teller = _Teller(home.wanted, several=len(names) > 1, quiet=quiet)
    settings = Settings(probe_interval, probe_failures, retry_first, retry_limit)
    with record.follow(after=seen) as facts:
        crew = Crew(record, home.locks, settings, when_over=facts.stop)
        with _signals_to(crew.stop), crew:
            for name in names:
                crew.supervise(name)
            for recorded in facts:
                seen = recorded.position
                teller.tell(recorded)
                if isinstance(recorded.fact, ChassisProvisioned) and not home.wanted:
                    crew.supervise(recorded.chassis, if_free=True)
    # What was recorded while everything came to rest.
    for recorded in record.read(after=seen):
        teller.tell(recorded)
    crew.check()


@contextmanager
def _signals_to(stop: Callable[[], None]) -> Generator[None]:
    """Calls ``stop`` at SIGTERM or Ctrl-C, on a thread of its own.

    Not in a handler: that may take none of the locks that it needs, and while the main thread waits for a lock itself,
    a signal that comes a moment before is not handled at all.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def obey() -> None:
        while os.read(reading, 1) != _NO_SIGNAL:
            stop()

    def pass_by(_signal: int, _frame: FrameType | None) -> None:
        """Its byte is written already."""

    thread = threading.Thread(target=obey, name="signals")
    thread.start()
    descriptor = signal.set_wakeup_fd(writing)
    handlers = {number: signal.signal(number, pass_by) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(descriptor)
        os.write(writing, _NO_SIGNAL)
        thread.join()
        os.close(reading)
        os.close(writing)


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
            # What is left in the buffer would make the interpreter complain at its end.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
