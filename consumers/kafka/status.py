"""How the publisher is: plain numbers, written by its one thread and read by whoever wants to know."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class PublisherStatus:
    """What the publisher has done and where it is, for metrics and for the log.

    ``up``: it is in contact with Kafka; false before the first contact, during an outage, and after it has ended.
    ``standing_by``: another publisher is at work, and this one writes nothing until that one does nothing any more.
    ``position``: the newest position that is known to be committed in Kafka; none until Kafka has told it.
    ``oldest_unpublished``: when the oldest fact that is recorded but not published was recorded, in Unix time; none if
    all is published, or as long as that is not known.
    ``published``: messages committed, by topic. ``transactions``: by result, ``committed`` or
    ``aborted``. ``restarts``: how often it began anew from the position that Kafka has, by reason (``REASONS``).
    """

    up: bool = False
    standing_by: bool = False
    position: int | None = None
    oldest_unpublished: float | None = None
    published: Counter[str] = field(default_factory=Counter[str])
    transactions: Counter[str] = field(default_factory=Counter[str])
    restarts: Counter[str] = field(default_factory=Counter[str])


KAFKA_AWAY = "kafka-away"
"""No broker answers, or none did in time."""
NOT_SENT = "not-sent"
"""Kafka did not take a message, or not in time."""
OUTCOME_UNKNOWN = "outcome-unknown"
"""Kafka did not say in time whether a transaction is committed."""
FENCED = "fenced"
"""Another publisher has taken over, or Kafka has given the transaction up."""
TOPICS = "topics"
"""A topic is missing, was made anew, or is not as it must be."""
RECORD = "record"
"""The record could not be read."""
REASONS = (KAFKA_AWAY, NOT_SENT, OUTCOME_UNKNOWN, FENCED, TOPICS, RECORD)
