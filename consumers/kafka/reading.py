"""Kafka as a source of subscriptions, by what a user says: brokers, a file of settings, a group."""

import logging
from pathlib import Path

from consumers.kafka.reading_contact import Warn
from consumers.kafka.reading_group import KafkaGroup
from consumers.kafka.reading_stream import KafkaSource
from consumers.kafka.settings import ClientSettings, SettingsError
from consumers.kafka.topics import PREFIX, TopicNames
from consumers.subscription.errors import SubscriptionError

__all__ = ["KafkaGroup", "KafkaSource", "kafka_source"]

_log = logging.getLogger(__name__)


def kafka_source(
    bootstrap: str | None,
    config: Path | None = None,
    *,
    prefix: str = PREFIX,
    group: str | None = None,
    skip_missing: bool = False,
    warn: Warn = _log.warning,
) -> KafkaSource | KafkaGroup:
    """The topics of ``prefix`` as a source, for a group if one is named; it connects when it is subscribed to.

    ``bootstrap`` is ``host:port[,host:port]``, ``config`` a file of client settings in Kafka's own names. ``warn`` is
    told that Kafka is away, and what was skipped because ``skip_missing`` allows it.

    Raises:
        SubscriptionError: a setting is wrong.
    """
    try:
        settings = ClientSettings.read(bootstrap, config)
    except SettingsError as error:
        raise SubscriptionError(str(error)) from error
    source = KafkaSource(settings, TopicNames.of(prefix), skip_missing=skip_missing, warn=warn)
    return source if group is None else KafkaGroup(source, group)
