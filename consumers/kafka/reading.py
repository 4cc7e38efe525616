"""Kafka as a source of subscriptions, by what a user says: brokers, a file of settings, a group."""

import logging
from pathlib import Path

from consumers.kafka.reading_group import KafkaGroup
from consumers.kafka.reading_stream import KafkaSource
from consumers.kafka.settings import ClientSettings, SettingsError
from consumers.kafka.topics import PREFIX, PrefixError, TopicNames
from consumers.subscription.errors import SubscriptionUsageError
from consumers.subscription.notices import Warn

__all__ = ["KafkaGroup", "KafkaSource", "kafka_source"]

_log = logging.getLogger(__name__)


def kafka_source(
    bootstrap: str | None,
    config: Path | None = None,
    *,
    prefix: str = PREFIX,
    group: str | None = None,
    begin_now: bool = False,
    skip_missing: bool = False,
    warn: Warn = _log.warning,
) -> KafkaSource | KafkaGroup:
    """The topics of ``prefix`` as a source, for a group if one is named; it connects when it is subscribed to.

    ``bootstrap`` is ``host:port[,host:port]``, ``config`` a file of client settings in Kafka's own names. With
    ``begin_now``, a group of events that Kafka does not know begins with new ones; without, it has to say after which
    position, since Kafka may have forgotten it. ``warn`` is told that Kafka is away, where a group begins, and what was
    skipped because ``skip_missing`` allows it.

    Raises:
        SubscriptionUsageError: a setting is wrong.
    """
    if group == "":
        raise SubscriptionUsageError("a group needs a name")
    try:
        settings, names = ClientSettings.read(bootstrap, config), TopicNames.of(prefix)
    except (SettingsError, PrefixError) as error:
        raise SubscriptionUsageError(str(error)) from error
    source = KafkaSource(settings, names, skip_missing=skip_missing, warn=warn)
    return source if group is None else KafkaGroup(source, group, begin_now=begin_now)
