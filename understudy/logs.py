"""What a program that runs for long says of itself: our own lines on standard error, and nothing of Kafka's client."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

OURS = ("audit", "consumers", "events", "producers", "understudy")


class _Lines(logging.Formatter):
    """``YYYY/MM/DD HH:MM:SS.SS UTC LEVEL message``: beside the event log, times are written as in there."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - the library's
        """When it was said."""
        time = datetime.fromtimestamp(record.created, UTC)
        return f"{time:%Y/%m/%d %H:%M:%S}.{time.microsecond // 10_000:02d} UTC"


@contextmanager
def telling() -> Generator[None]:
    """Tells on standard error, with its time, what our packages have to say.

    kafka-python warns of each try to connect, several times a second while a broker is away; what that means for us,
    we say ourselves.
    """
    kafka, ours = logging.getLogger("kafka"), [logging.getLogger(name) for name in OURS]
    levels = {logger: logger.level for logger in (kafka, *ours)}
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    for logger in ours:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    kafka.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
            logger.removeHandler(handler)
