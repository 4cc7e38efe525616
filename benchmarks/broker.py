"""The Kafka broker of a benchmark: the one that the tests use, on loopback, for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.servers.kafka import Broker, _warm_up
from tests.servers.kafka_installation import install

JVM = ("-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""With room enough that it seldom stops to collect; it compiles little, sharing the cores with what is measured."""


@contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """A broker that keeps its data in ``folder``; killed in the end."""
    data = folder / "broker"
    data.mkdir()
    started = Broker(replace(install(_warm_up), jvm=JVM), data)
    try:
        started.start_anew()
        yield started
    finally:
        started.kill()
