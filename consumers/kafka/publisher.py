"""The publisher: every fact, and every change of an alarm, from the record into Kafka, each exactly once.

What is lost if the process dies: nothing. A transaction carries messages and the position after them; what was not
committed is done again by whoever opens the next session. While Kafka is away, facts wait in the record, not here.
"""

import gc
import logging
import time
from contextlib import suppress
from threading import Event

from eventsourcing.persistence import PersistenceError

from consumers.kafka.connecting import ConnectError, NotLetInError
from consumers.kafka.publishing import Plan, PublisherFencedError, Publishing
from consumers.kafka.session import SessionLostError
from consumers.kafka.settings import ClientSettings
from consumers.kafka.status import FENCED, KAFKA_AWAY, RECORD, TOPICS, PublisherStatus
from consumers.kafka.topics import TopicError
from events.errors import RecordUnreadableError
from events.store import Record

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries; the last one again and again."""
LOOK_SECONDS = 5.0
"""How often one that stands by looks how far the other one is."""
TAKE_OVER_SECONDS = 30.0
"""One that stands by takes over when a fact has waited for so long, and it could see for so long that it waits."""

_log = logging.getLogger(__name__)
_UNREADABLE = (RecordUnreadableError, PersistenceError)
_FAILURES = (ConnectError, SessionLostError, TopicError, *_UNREADABLE)


class Publisher:
    """Publishes a record until it is stopped; ``run`` is for one thread, ``stop`` and ``status`` for any.

    ``stand_by``: after another publisher has taken over, this one waits until nobody publishes any more; without, that
    is its end.
    """

    def __init__(
        self, record: Record, settings: ClientSettings, plan: Plan | None = None, *, stand_by: bool = False
    ) -> None:
        self._record = record
        self._stand_by = stand_by
        self._stopped = Event()
        self._wake = Event()
        self._publishing = Publishing(record, settings, plan or Plan(), self._stopped, self._wake)
        self._tries = 0
        self._told: str | None = None

    @property
    def status(self) -> PublisherStatus:
        """What it has done and where it is."""
        return self._publishing.status

    def stop(self) -> None:
        """Ends ``run`` soon: a transaction that is under way is finished, or given up after some seconds."""
        self._stopped.set()
        self._wake.set()

    def run(self, *, once: bool = False) -> None:
        """Publishes, and goes on after every outage; ``once`` ends when all is published, or with the first failure.

        Raises:
            NotLetInError: the brokers refuse us.
            TopicError: the topics are missing, or are not as they must be, before anything could be published.
            PublisherFencedError: another publisher has taken over.
            ConnectError, SessionLostError: with ``once``: no broker answers, or not in time.
        """
        recorder = self._record.recorder
        recorder.listen(self._wake)
        try:
            while not self._stopped.is_set():
                try:
                    return self._publishing.session(once=once)
                except PublisherFencedError as error:
                    if once or not self._stand_by:
                        raise
                    self._watch(error)
                except _FAILURES as error:
                    if once or isinstance(error, NotLetInError) or self._is_wrong_from_the_start(error):
                        raise
                    self._wait(error)
        finally:
            self.status.up = False
            recorder.unlisten(self._wake)

    def _is_wrong_from_the_start(self, error: Exception) -> bool:
        return isinstance(error, TopicError) and not self._publishing.begun

    def _wait(self, error: Exception) -> None:
        """Says once what is the matter, and waits a little."""
        status, reason = self.status, _reason(error)
        if status.up:
            self._tries, self._told = 0, None
        status.up = False
        status.restarts[reason] += 1
        # Of topics, all that is wrong is told; that Kafka is away is told once, since it sounds different each time.
        matter = str(error) if isinstance(error, TopicError) else "record" if reason == RECORD else "kafka"
        if not self._stopped.is_set() and self._told != matter:
            self._told = matter
            _log.warning("publishing has stopped at position %d: %s; facts wait in the record", status.position, error)
        with suppress(*_UNREADABLE):  # then that is what was told
            status.oldest_unpublished = self._publishing.outbox.oldest_after(status.position)
        # kafka-python leaves the sockets of failed connections to the collector, which has little to do in an outage.
        gc.collect()
        self._stopped.wait(PAUSES[min(self._tries, len(PAUSES) - 1)])
        self._tries += 1

    def _watch(self, error: PublisherFencedError) -> None:
        """Stands by until facts wait and nobody publishes them."""
        status = self.status
        status.up = False
        status.restarts[FENCED] += 1
        _log.warning("%s, and stands by", error)
        seen, since = -1, time.monotonic()
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                stored = self._publishing.look()
                position = stored.position if stored else 0
                oldest = self._publishing.outbox.oldest_after(position)
            except _FAILURES:
                # Where we see nothing, the other one may publish nothing, either.
                since = time.monotonic()
                continue
            if position != seen:
                seen, since = position, time.monotonic()
            status.position, status.oldest_unpublished = position, oldest
            waited = min(time.monotonic() - since, time.time() - oldest) if oldest else 0.0
            if waited > TAKE_OVER_SECONDS:
                _log.warning("nobody has published for %d s: taking over at position %d", waited, position)
                self._publishing.take_over()
                return


def _reason(error: Exception) -> str:
    if isinstance(error, SessionLostError):
        return error.reason
    if isinstance(error, TopicError):
        return TOPICS
    return RECORD if isinstance(error, _UNREADABLE) else KAFKA_AWAY
