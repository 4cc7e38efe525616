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
from consumers.kafka.position import Stored
from consumers.kafka.publishing import Plan, PublisherFencedError, Publishing
from consumers.kafka.session import SessionLostError
from consumers.kafka.settings import ClientSettings
from consumers.kafka.status import FENCED, KAFKA_AWAY, RECORD, TOPICS, PublisherStatus
from consumers.kafka.topics import TopicError
from events.errors import RecordUnreadableError
from events.store import Record

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds between tries; the last one again and again."""
REFUSED_PAUSE = 30.0
"""Seconds between tries where the brokers refuse us, which takes a person to change."""
LOOK_SECONDS = 5.0
"""How often one that stands by looks how far the other one is, and whether it has ended."""
TAKE_OVER_SECONDS = 30.0
"""One that stands by takes over when a fact has waited for so long, and it could see for so long that it waits."""

_log = logging.getLogger(__name__)
_UNREADABLE = (RecordUnreadableError, PersistenceError)
_FAILURES = (ConnectError, SessionLostError, TopicError, *_UNREADABLE)


class Publisher:
    """Publishes a record until it is stopped; ``run`` is for one thread, ``stop`` and ``status`` for any.

    ``stand_by`` is for one beside whom something else goes on: after another publisher has taken over, it waits until
    nobody publishes any more, and where topics are missing or it is refused, until that is mended. Without, each of
    these is its end.
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

    @property
    def begun(self) -> bool:
        """Whether it ever came to publish."""
        return self._publishing.begun

    def stop(self) -> None:
        """Ends ``run`` soon: a transaction that is under way is finished, or given up after some seconds."""
        self._stopped.set()
        self._wake.set()

    def run(self, *, once: bool = False) -> None:
        """Publishes, and goes on after every outage; ``once`` ends when all is published, or with the first failure.

        Raises:
            NotLetInError: the brokers refuse us.
            TopicError: the topics are missing, or are not as they must be, before anything could be published.
            PublisherFencedError: another publisher has taken over, and is at work.
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
                    if once or (not self._stand_by and self._is_hopeless(error)):
                        raise
                    self._wait(error)
        finally:
            self.status.up = False
            recorder.unlisten(self._wake)

    def _is_hopeless(self, error: Exception) -> bool:
        return isinstance(error, NotLetInError) or (isinstance(error, TopicError) and not self.begun)

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
            where = f"has stopped at position {status.position}" if self.begun else "has not begun"
            _log.warning("publishing %s: %s; facts wait in the record", where, error)
        self._see_what_waits()
        # kafka-python leaves the sockets of failed connections to the collector, which has little to do in an outage.
        gc.collect()
        refused = isinstance(error, NotLetInError)
        self._stopped.wait(REFUSED_PAUSE if refused else PAUSES[min(self._tries, len(PAUSES) - 1)])
        self._tries += 1

    def _see_what_waits(self) -> None:
        position = self.status.position
        if position is None:
            return  # Kafka has not told yet what is published
        with suppress(*_UNREADABLE):  # then that is what was told
            self.status.oldest_unpublished = self._publishing.outbox.oldest_after(position)

    def _watch(self, error: PublisherFencedError) -> None:
        """Stands by until the other one has ended, or facts wait and nobody publishes them."""
        status = self.status
        status.up = status.standing_by = True
        status.restarts[FENCED] += 1
        _log.warning("%s, and stands by", error)
        seen, since = -1, time.monotonic()
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                stored = self._publishing.look()
            except _FAILURES:
                # Where we see nothing, the other one may publish nothing, either.
                status.up, since = False, time.monotonic()
                self._see_what_waits()
                continue
            position = stored.position if stored else 0
            status.up, status.position = True, position
            self._see_what_waits()
            if position != seen:
                seen, since = position, time.monotonic()
            if reason := self._why_now(stored, time.monotonic() - since):
                _log.warning("%s: taking over at position %d", reason, position)
                self._publishing.take_over(stored)
                break
        status.standing_by = False

    def _why_now(self, stored: Stored | None, stood: float) -> str:
        """Why to take over, if there is a reason; the position has been the same for ``stood`` seconds."""
        if stored is not None and stored.ended:
            return f"{stored.writer} has ended"
        oldest = self.status.oldest_unpublished
        waited = min(stood, time.time() - oldest) if oldest else 0.0
        return f"nobody has published for {waited:.0f} s" if waited > TAKE_OVER_SECONDS else ""


def _reason(error: Exception) -> str:
    if isinstance(error, SessionLostError):
        return error.reason
    if isinstance(error, TopicError):
        return TOPICS
    return RECORD if isinstance(error, _UNREADABLE) else KAFKA_AWAY
