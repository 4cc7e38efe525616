"""A consumer of one topic that is patient: it waits while Kafka is away, and says so once."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event
from time import monotonic
from typing import Any

import kafka.errors  # type: ignore[import-untyped]

from consumers.cloudevents import MalformedMessageError
from consumers.kafka.connecting import ConnectError, NotLetInError, connect_consumer
from consumers.kafka.reading_offsets import PATIENCE_MS, partitions_of
from consumers.kafka.settings import ClientSettings, SettingsError
from consumers.kafka.topics import how_to_make
from consumers.subscription.errors import NoContactError, SubscriptionError, SubscriptionUsageError
from consumers.subscription.notices import Warn

POLL_MS = 200
"""How long a reader waits before it looks whether it is to stop."""
QUIET_SECONDS = 2.0
"""After so long without a record a reader asks whether Kafka is still there."""
ANSWER_MS = 2_000
PREFERRED: dict[str, Any] = {
    "auto_offset_reset": "none",
    "bootstrap_timeout_ms": 10_000,
    "fetch_max_wait_ms": 500,
    "fetch_min_bytes": 1,  # a record that is there is not kept waiting for company
    "max_poll_records": 200,
    "reconnect_backoff_max_ms": 1_000,  # what comes after a long outage is not to wait for half a minute more
}
_ERRORS: Any = kafka.errors
_log = logging.getLogger(__name__)


class Contact:
    """Connected to one topic; ``stopped`` ends its waiting.

    Raises:
        SubscriptionUsageError: the client cannot work with its settings.
        NoContactError: no broker answers, or there is no such topic.
        SubscriptionError: they refuse us.
    """

    def __init__(
        self, settings: ClientSettings, topic: str, stopped: Event, *, warn: Warn = _log.warning, **preferred: Any
    ) -> None:
        self.topic = topic
        self.stopped = stopped
        self.brokers = ",".join(settings.bootstrap)
        self._warn = warn
        self._heard = monotonic()
        self._away = False
        try:
            self.consumer: Any = connect_consumer(settings, **{**PREFERRED, **preferred})
        except SettingsError as error:
            raise SubscriptionUsageError(str(error)) from error
        except ConnectError as error:
            kind = SubscriptionError if isinstance(error, NotLetInError) else NoContactError
            raise kind(f"{error}. The record can be followed without --kafka and UNDERSTUDY_KAFKA") from error
        with self.beginning():
            self.partitions = partitions_of(self.consumer, topic)
            if not self.partitions:
                remedy = how_to_make(topic.rpartition(".")[0])
                raise NoContactError(f"there is no topic {topic} at {self.brokers}: {remedy} makes it")

    @contextmanager
    def beginning(self) -> Generator[None]:
        """Closes if what is done meanwhile fails; Kafka's errors say what they mean to a subscriber."""
        try:
            with self.errors():
                yield
        except BaseException:
            self.close()
            raise

    @contextmanager
    def errors(self) -> Generator[None]:
        """Turns errors that no waiting mends into ``SubscriptionError``."""
        try:
            yield
        except (_ERRORS.KafkaError, MalformedMessageError) as error:
            raise SubscriptionError(f"{self.topic} at {self.brokers} cannot be read: {error or error!r}") from error

    def poll(self) -> dict[Any, list[Any]]:
        """The next records by partition; none after a while without any.

        Raises:
            KafkaError: one that no waiting mends.
        """
        try:
            found: dict[Any, list[Any]] = self.consumer.poll(POLL_MS)
        except _ERRORS.KafkaError as error:
            if not error.retriable:
                raise
            found = {}
        if found:
            self._hear()
        elif monotonic() - self._heard > QUIET_SECONDS and not self.stopped.is_set():
            self._ask()
        return found

    def _hear(self) -> None:
        self._heard = monotonic()
        if self._away:
            self._away = False
            self._warn(f"Kafka at {self.brokers} answers again.")

    def _ask(self) -> None:
        try:
            self.consumer.end_offsets(self.partitions, timeout_ms=ANSWER_MS)
        except _ERRORS.KafkaError:
            self.miss()
        else:
            self._hear()

    def miss(self) -> None:
        """Says, once, that Kafka does not answer; ``poll`` says when it answers again."""
        self._heard = monotonic()
        if not self._away:
            self._away = True
            self._warn(f"Kafka at {self.brokers} does not answer for {self.topic}; waiting for it.")

    def close(self) -> None:
        """Ends its thread and its connections."""
        self.consumer.close(timeout_ms=PATIENCE_MS)
