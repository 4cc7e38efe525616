"""Subscriptions: facts and alarm changes as iterators, from the record or from Kafka; see ``docs/subscribe.md``."""

from consumers.subscription.alarm_updates import AlarmUpdate, Change
from consumers.subscription.errors import (
    GroupBusyError,
    MissingPositionsError,
    SubscriptionError,
    SubscriptionUsageError,
)
from consumers.subscription.following_record import RecordGroup, RecordSource
from consumers.subscription.stream import Stream
from consumers.subscription.subscribing import Source, subscribe_alarms, subscribe_events

__all__ = [
    "AlarmUpdate",
    "Change",
    "GroupBusyError",
    "MissingPositionsError",
    "RecordGroup",
    "RecordSource",
    "Source",
    "Stream",
    "SubscriptionError",
    "SubscriptionUsageError",
    "subscribe_alarms",
    "subscribe_events",
]
