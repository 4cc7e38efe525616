"""What a process that does something else lets out beside it: metrics, and the streams in Kafka."""

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import click

from consumers.prometheus.address import Address
from events.store import Record
from understudy import __version__
from understudy.options import KafkaOptions

if TYPE_CHECKING:
    from consumers.kafka.publisher import Publisher
    from consumers.kafka.status import PublisherStatus

_log = logging.getLogger(__name__)


@contextmanager
def exporting(
    record: Record, listen: Address | None, status: "PublisherStatus | None" = None, *, say: bool = True
) -> Generator[None]:
    """Serves metrics meanwhile, if an address is given; ``say`` tells on standard output where.

    Raises:
        ListenError: it cannot listen there.
    """
    if listen is None:
        yield
        return
    # Whoever serves no metrics does not wait for the client library.
    from consumers.prometheus.exporter import Exporter  # noqa: PLC0415

    with Exporter(record, listen, version=__version__, publisher=status) as exporter:
        if say:
            click.echo(f"Metrics are served at {exporter.url}/metrics")
        yield


@contextmanager
def outlets(record: Record, listen: Address | None, kafka: KafkaOptions) -> Generator[None]:
    """Serves metrics and publishes meanwhile, as far as each is configured.

    What keeps the publisher from going on is logged and shown by its metrics, and does not end what is done meanwhile.

    Raises:
        UsageError: the settings of Kafka are wrong.
        ListenError: it cannot listen at the address.
    """
    publisher = _publisher(record, kafka)
    status = publisher.status if publisher else None
    with exporting(record, listen, status), _publishing(publisher) if publisher else nullcontext():
        yield


def _publisher(record: Record, kafka: KafkaOptions) -> "Publisher | None":
    if not kafka.brokers and not kafka.config:
        return None
    # Whoever publishes nothing does not wait for the client of Kafka.
    from consumers.kafka.publisher import Publisher  # noqa: PLC0415
    from consumers.kafka.publishing import Plan  # noqa: PLC0415
    from consumers.kafka.settings import ClientSettings, SettingsError  # noqa: PLC0415

    try:
        settings = ClientSettings.read(kafka.brokers, kafka.config)
    except SettingsError as error:
        raise click.UsageError(f"{error}.") from error
    plan = Plan(kafka.topic_prefix, create=kafka.create_topics)
    return Publisher(record, settings, plan, stand_by=True)


@contextmanager
def _publishing(publisher: "Publisher") -> Generator[None]:
    def run() -> None:
        try:
            publisher.run()
        except Exception as error:  # noqa: BLE001 - said, and shown as publisher_up 0: supervision has to go on
            _log.error("nothing is published any more: %s", error)

    thread = threading.Thread(target=run, name="publisher")
    thread.start()
    try:
        yield
    finally:
        publisher.stop()
        thread.join()
