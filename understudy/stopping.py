"""How what runs until told to ends: at SIGTERM, at Ctrl-C, and when nobody reads its output any more."""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_NO_SIGNAL = b"\0"
"""Ends the thread that waits for signals: each of them is written as a byte with its number."""


@contextmanager
def stopping(stop: Callable[[], None], *, when_unread: bool = True) -> Generator[None]:
    """Calls ``stop`` at a signal, or (``when_unread``) when the reader of standard output has gone.

    On a thread of its own, not in a handler: that may take none of the locks that it needs, and while the main thread
    waits for a lock itself, a signal that comes a moment before is not handled at all.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    thread = threading.Thread(target=_obey, args=(reading, stop, when_unread), name="stopping")
    thread.start()
    descriptor = signal.set_wakeup_fd(writing)
    handlers = {number: signal.signal(number, _pass_by) for number in (signal.SIGTERM, signal.SIGINT)}
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


def _pass_by(_signal: int, _frame: FrameType | None) -> None:
    """Its byte is written already."""


def _obey(reading: int, stop: Callable[[], None], when_unread: bool) -> None:
    waiting = select.poll()
    waiting.register(reading, select.POLLIN)
    output = sys.stdout.fileno()
    if when_unread:
        waiting.register(output, 0)
    while True:
        ready = [descriptor for descriptor, _ in waiting.poll()]
        if reading in ready and os.read(reading, 1) == _NO_SIGNAL:
            return
        stop()
        if output in ready:
            waiting.unregister(output)


def say_no_more() -> None:
    """Lets standard output lead nowhere: what is left in its buffer would make the interpreter complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
