"""``understudy publish``: the record as streams that other programs subscribe to."""

import click

from consumers.prometheus.address import Address
from events.errors import UnderstudyError
from understudy.abbreviations import Words
from understudy.commands.export import ListenAddress, means_all
from understudy.home import Home
from understudy.logs import telling
from understudy.options import KafkaOptions, home_option, kafka_options, use_home
from understudy.outlets import exporting
from understudy.stopping import stopping


@click.group(cls=Words)
def publish() -> None:
    """Publish the record to those who subscribe."""


@publish.command(
    "kafka",
    epilog="""\b
Examples:
  understudy publish kafka --kafka kafka1:9092 --create-topics
  understudy publish kafka --kafka-config client.properties
  understudy publish kafka --once""",
)
@kafka_options
@click.option(
    "--partitions",
    type=click.IntRange(min=1),
    help="Of topics that are made; with more than one, the order is kept for each chassis only.  [default: 1]",
)
@click.option(
    "--replication-factor",
    type=click.IntRange(min=1),
    help="Of topics that are made.  [default: 3, or as many as there are brokers]",
)
@click.option(
    "--transactional-id",
    metavar="ID",
    help="The same for all that publish to these topics.  [default: PREFIX.publisher]",
)
@click.option(
    "--listen",
    type=ListenAddress(),
    envvar="UNDERSTUDY_LISTEN",
    help="Serve metrics there, those of the publisher among them.  [env: UNDERSTUDY_LISTEN]",
)
@click.option("--once", is_flag=True, help="Publish what is there, and end.")
@home_option
@use_home
def publish_to_kafka(
    home: Home,
    kafka: KafkaOptions,
    partitions: int | None,
    replication_factor: int | None,
    transactional_id: str | None,
    listen: Address | None,
    once: bool,
) -> None:
    """Publish every event, and every change of an alarm, to Kafka, each exactly once.

    Goes on after the position that is stored in Kafka, waits while Kafka is away, and ends at SIGTERM and Ctrl-C. Only
    one publisher can be at work on the same topics: a new one takes over, and the older one ends with exit code 3
    (beside ``run`` it stands by), unless the new one has ended by then.
    """
    # Whoever does something else does not wait for the client of Kafka.
    from consumers.kafka.connecting import ConnectError  # noqa: PLC0415
    from consumers.kafka.publisher import Publisher  # noqa: PLC0415
    from consumers.kafka.publishing import Plan  # noqa: PLC0415
    from consumers.kafka.session import SessionLostError  # noqa: PLC0415
    from consumers.kafka.settings import ClientSettings, SettingsError  # noqa: PLC0415
    from consumers.kafka.topics import TopicError  # noqa: PLC0415

    plan = Plan(kafka.topic_prefix, transactional_id, kafka.create_topics, partitions, replication_factor)
    means_all(home, "every chassis of the record is published")
    try:
        record = home.record()
        publisher = Publisher(record, ClientSettings.read(kafka.brokers, kafka.config), plan)

        def stop() -> None:
            publisher.stop()
            record.hurry()

        with telling(), stopping(stop), exporting(record, listen, publisher.status):
            publisher.run(once=once)
    except SettingsError as error:
        raise click.UsageError(f"{error}.") from error
    except (TopicError, ConnectError, SessionLostError) as error:
        raise UnderstudyError(f"{error}.") from error
    click.echo(
        f"Published up to position {publisher.status.position}." if publisher.begun else "Nothing was published."
    )
