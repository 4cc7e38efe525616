"""What a program that runs for long says of itself: our own lines on standard error, and nothing of Kafka's client."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

_LINE = "%(asctime)s %(levelname)s %(message)s"


@contextmanager
def telling(*loggers: str) -> Generator[None]:
    """Tells on standard error, with its time, what these loggers have to say.

    kafka-python warns of each try to connect, several times a second while a broker is away; what that means for us,
    we say ourselves.
    """
    kafka = logging.getLogger("kafka")
    levels = {logger: logger.level for logger in (kafka, *map(logging.getLogger, loggers))}
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_LINE))
    for name in loggers:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.INFO)
    kafka.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
            logger.removeHandler(handler)
