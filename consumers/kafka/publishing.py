"""Publishing in one session after the other: how each begins, and what it sends.

A session begins by finding out whether another publisher has taken over, fences what is left of older ones, writes its
name beside the stored position, and makes good what topics have lost. Then batch follows batch, each a transaction.
"""

import logging
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from threading import Event
from time import monotonic
from typing import Any, NamedTuple

import kafka.errors  # type: ignore[import-untyped]
from msgspec.structs import replace

from consumers.cloudevents import Message
from consumers.kafka.connecting import Admin, NotLetInError, connect_admin, connect_consumer
from consumers.kafka.kept_events import foreign
from consumers.kafka.outbox import FactsLostError, Outbox
from consumers.kafka.position import KEY, Stored, Writer
from consumers.kafka.session import Session, SessionLostError
from consumers.kafka.settings import ClientSettings
from consumers.kafka.standing import Surveyor
from consumers.kafka.status import FENCED, KAFKA_AWAY, TOPICS, PublisherStatus
from consumers.kafka.topics import (
    HOW_TO_MAKE_ANEW,
    PREFIX,
    There,
    TopicError,
    TopicNames,
    TopicsMissingError,
    check_topics,
    create_topics,
    topics_there,
)
from events.errors import CommandRefusedError
from events.store import Record

CHECK_SECONDS = 2.0
"""How old the knowledge of which topics there are may be when a transaction begins, or while nothing is to do."""
CLAIM_SECONDS = 10.0
"""How long after it has fenced us another publisher has surely written its name."""
CLAIM_LOOK_SECONDS = 0.1
STOP_SECONDS = 5.0
"""How long a stop waits for Kafka to finish a transaction."""
PATIENT: dict[str, Any] = {
    "bootstrap_timeout_ms": 5_000,
    "request_timeout_ms": 10_000,
    "reconnect_backoff_max_ms": 1_000,
}

_ERRORS: Any = kafka.errors
_log = logging.getLogger(__name__)


class PublisherFencedError(CommandRefusedError):
    """Another publisher has taken over; this one has published nothing since."""


class Plan(NamedTuple):
    """What to publish as, and whether missing topics are to be made.

    All publishers of the same topics have the same ``transactional_id``, which is how they exclude each other; it is
    derived from the prefix if not given. Of ``partitions``, topics that are made have one if nothing is said.
    """

    prefix: str = PREFIX
    transactional_id: str | None = None
    create: bool = False
    partitions: int | None = None
    replicas: int | None = None


class _Attempt(NamedTuple):
    """A transaction of which it is not known yet whether it counts."""

    stored: Stored
    messages: Counter[str]


class Publishing:
    """A record on its way into Kafka; used by one thread.

    ``stopped`` ends a session; ``wake`` is set when facts were recorded, or when ``stopped`` is.
    """

    def __init__(self, record: Record, settings: ClientSettings, plan: Plan, stopped: Event, wake: Event) -> None:
        self.status = PublisherStatus()
        self.names = TopicNames.of(plan.prefix)
        self.outbox = Outbox(record, self.names)
        self._settings = settings
        self._plan = plan
        self._transactional_id = plan.transactional_id or self.names.publisher
        self._stopped = stopped
        self._wake = wake
        self._writer = Writer.new()
        self._stored: Stored | None = None
        self._attempt: _Attempt | None = None
        self._fenced = False
        self._former: Writer | None = None

    @property
    def begun(self) -> bool:
        """Whether a session ever was in order."""
        return self._stored is not None

    def session(self, *, once: bool) -> None:
        """Publishes until stopped, or, with ``once``, until all is published; see ``Publisher.run`` for the errors."""
        try:
            with _kafka_errors(), closing(connect_admin(self._settings, **PATIENT)) as admin:
                self._make_topics(admin)
                record = self._identity(admin, once=once)
                if record is None:
                    return
                session, there = self._open(admin, record)
                with closing(session):
                    self._go_on(session, admin, there, once=once)
                    self._tell_end(session)
        except FactsLostError as error:
            raise TopicError(foreign(self.names.events)) from error
        except SessionLostError as error:
            self._fenced = error.reason == FENCED
            raise

    def look(self) -> Stored | None:
        """The position as Kafka has it."""
        with _kafka_errors(), closing(connect_admin(self._settings, **PATIENT)) as admin:
            record = self.outbox.identity()
            with closing(connect_consumer(self._settings, **PATIENT)) as consumer:
                surveyor = Surveyor(admin, consumer, self.names, self._transactional_id, self.outbox)
                return surveyor.stored(record or "")

    def take_over(self, found: Stored | None) -> None:
        """The next session does not respect whoever was found to publish; it does, who is faster to take over."""
        self._writer = Writer.new()
        self._former = None if found is None else found.writer
        self._fenced = False

    # The beginning of a session

    def _make_topics(self, admin: Admin) -> None:
        if not self._plan.create:
            self._check_topics(admin)
            return
        wanted = self._plan.partitions
        for line in create_topics(admin, self.names, partitions=wanted or 1, replicas=self._plan.replicas):
            _log.log(logging.DEBUG if self.begun else logging.INFO, "topic %s", line)
        if wanted is None or self.begun:
            return
        for name, count in self._partitions(admin).items():
            if count != wanted:
                _log.warning(
                    "topic %s keeps its partitions: %d, not %d; to have as many, %s",
                    name, count, wanted, HOW_TO_MAKE_ANEW,
                )  # fmt: skip

    def _check_topics(self, admin: Admin) -> None:
        try:
            check_topics(admin, self.names)
        except TopicsMissingError as error:
            if self.names.events in error.missing:
                self.status.position = 0
            raise

    def _partitions(self, admin: Admin) -> dict[str, int]:
        there = topics_there(admin, [self.names.events, self.names.alarms])
        return {name: one.partitions for name, one in there.items()}

    def _identity(self, admin: Admin, *, once: bool) -> str | None:
        """The identity of the record, once it has a fact."""
        while (identity := self.outbox.identity()) is None and not once and not self._stopped.is_set():
            topics_there(admin, self.names)  # nothing else would notice that Kafka is gone
            self.status.up = True
            self._wake.wait(CHECK_SECONDS)
            self._wake.clear()
        return identity

    def _open(self, admin: Admin, record: str) -> tuple[Session, dict[str, There]]:
        with closing(connect_consumer(self._settings, **PATIENT)) as consumer:
            surveyor = Surveyor(admin, consumer, self.names, self._transactional_id, self.outbox)
            self._respect(surveyor, record)
            there = topics_there(admin, self.names)
            if len(there) < len(self.names):
                raise SessionLostError(TOPICS, "a topic was deleted")

            def check(waited: float) -> None:
                if self._stopped.is_set() and waited > STOP_SECONDS:
                    raise SessionLostError(KAFKA_AWAY, "told to stop while Kafka did not answer")
                self._check(admin, there)

            session = Session(self._settings, self._transactional_id, check)
            try:
                self._stand(session, surveyor, there, record)
            except BaseException:
                session.close()
                raise
        return session, there

    def _respect(self, surveyor: Surveyor, record: str) -> None:
        """Fences nobody who has fenced us, and no publisher of another record."""
        began = monotonic()
        while True:
            stored = surveyor.stored(record)
            if self._stored is None:
                return
            self._yield_to(stored)
            gone = stored is not None and stored.ended
            # Kafka also fences who has left a transaction open for too long.
            if (
                gone
                or not self._fenced
                or monotonic() - began > CLAIM_SECONDS
                or self._stopped.wait(CLAIM_LOOK_SECONDS)
            ):
                return

    def _yield_to(self, stored: Stored | None) -> None:
        if self._stored is None or stored is None or stored.ended:
            return
        if stored.writer not in {self._writer, self._former}:
            self._settle(None)
            raise PublisherFencedError(
                f"another publisher has taken over at position {stored.position}: {stored.writer}; "
                "this one has published nothing since"
            )

    def _stand(self, session: Session, surveyor: Surveyor, there: dict[str, There], record: str) -> None:
        """Writes our name beside the stored position, then goes on after it; only now do we know what Kafka has."""
        stored = surveyor.stored(record)
        # Whoever wrote its name after our last look has been fenced by us just now, and comes back.
        self._yield_to(stored)
        ours = stored is not None and stored.writer == self._writer
        if stored is not None:
            stored = replace(stored, writer=self._writer, ended=False)
            self._write(session, [], stored)
        self._settle(stored if ours else None)
        standing = surveyor.standing(stored, there, record, self._writer)
        position, alarms = standing.stored.position, standing.stored.alarms
        self.outbox.begin(position, alarms=alarms)
        mending = list(self.outbox.mend(surveyor.alarms_kept(), position=position)) if standing.mend else []
        if surveyor.unended(there):
            session.void({self.names.events: self.outbox.first_event(), self.names.alarms: Message(KEY, None, [])})
        if mending:
            _log.warning("topic %s is not the alarm list: mending it", self.names.alarms)
        if mending or standing.stored != stored:
            self._write(session, mending, standing.stored)
        self.status.published.update(topic for topic, _ in mending)
        self._stored, self._former, self._fenced = standing.stored, None, False
        self.status.position = position

    def _settle(self, stored: Stored | None) -> None:
        """What became of the transaction in which the last session ended."""
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return
        if stored is not None and stored.position >= attempt.stored.position:
            self._count(attempt)
        else:
            self.status.transactions["aborted"] += 1

    def _write(self, session: Session, messages: list[tuple[str, Message]], stored: Stored) -> None:
        session.begin([*messages, (self.names.publisher, stored.message())])
        session.commit()
        self.status.transactions["committed"] += 1

    # The session

    def _go_on(self, session: Session, admin: Admin, there: dict[str, There], *, once: bool) -> None:
        self.status.up = True
        _log.info("publishing to %s after position %d", self.names.events, self.status.position)
        checked = monotonic()
        while not self._stopped.is_set():
            self._wake.clear()
            if monotonic() - checked > CHECK_SECONDS:
                self._check(admin, there)
                checked = monotonic()
            if self._send_next(session):
                continue
            if once:
                return
            self._wake.wait(CHECK_SECONDS)

    def _send_next(self, session: Session) -> bool:
        """Publishes the next batch, if there is one."""
        batch = self.outbox.next()
        if batch is None:
            self.status.oldest_unpublished = None
            return False
        assert self._stored is not None
        self.status.oldest_unpublished = batch.oldest
        alarms = max(self._stored.alarms, batch.position)
        stored = replace(self._stored, position=batch.position, alarms=alarms)
        self._attempt = _Attempt(stored, Counter(topic for topic, _ in batch.messages))
        session.begin([*batch.messages, (self.names.publisher, stored.message())])
        self.outbox.prepare()
        session.commit()
        self.outbox.done()
        self.status.oldest_unpublished = self.outbox.oldest_ready()
        self._count(self._attempt)
        self._stored, self._attempt = stored, None
        return True

    def _tell_end(self, session: Session) -> None:
        """Lets who stands by go on at once."""
        assert self._stored is not None
        with suppress(SessionLostError):  # then they find out by waiting, or are at work already
            self._write(session, [], replace(self._stored, ended=True))

    def _count(self, attempt: _Attempt) -> None:
        self.status.position = attempt.stored.position
        self.status.published.update(attempt.messages)
        self.status.transactions["committed"] += 1

    def _check(self, admin: Admin, there: dict[str, There]) -> None:
        if topics_there(admin, self.names) != there:
            raise SessionLostError(TOPICS, "a topic was deleted, made anew, or given more partitions")


@contextmanager
def _kafka_errors() -> Generator[None]:
    """What kafka-python's clients raise beside a session is the end of the session, too."""
    try:
        yield
    except _ERRORS.AuthorizationError as error:
        raise NotLetInError(f"Kafka does not allow it: {error}") from error
    except _ERRORS.KafkaError as error:
        raise SessionLostError(KAFKA_AWAY, f"{type(error).__name__}: {error}") from error
