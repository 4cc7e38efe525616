"""One session of the publisher with Kafka: from the moment that it fences older ones until anything at all fails.

A transaction is committed only after every message of it is known to be written: kafka-python 3.0.12 commits others,
too. Nothing is tried again here. Whoever comes next opens a new session, which makes Kafka end what this one has left,
and asks Kafka how far it came.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from time import monotonic
from typing import Any

import kafka.errors  # type: ignore[import-untyped]

from consumers.cloudevents import Message
from consumers.kafka.connecting import NotLetInError, close_producer, connect_producer
from consumers.kafka.partitioning import partition_of
from consumers.kafka.settings import ClientSettings
from consumers.kafka.status import FENCED, KAFKA_AWAY, NOT_SENT, OUTCOME_UNKNOWN

PREFERRED: dict[str, Any] = {
    # Without the package crc32c each byte of a request costs a step of the interpreter: gzip makes a sixth of them, and
    # every client reads it. Large batches, since a batch is sent at once when its transaction is complete.
    "batch_size": 1024 * 1024,
    "compression_type": "gzip",
    "linger_ms": 0,
    "request_timeout_ms": 10_000,
    "delivery_timeout_ms": 30_000,
    "transaction_timeout_ms": 60_000,
    "max_block_ms": 10_000,
    "bootstrap_timeout_ms": 5_000,
    # A transaction may begin a moment before the last one is all settled; the next try is not to wait for 100 ms.
    "retry_backoff_ms": 5,
    "reconnect_backoff_max_ms": 1_000,
    "metrics_enabled": False,
}
SLICE_SECONDS = 1.0
"""How often a wait for Kafka looks whether there is a reason to end it."""
GRACE_SECONDS = 10.0
"""How long after the delivery timeout a send must have failed; kafka-python has cases in which it never does."""
ABORT_SECONDS = 2.0
UNDER_WAY_AT_MOST = 5_000
"""Messages: kafka-python takes as many as it is given, and keeps them in memory."""
PARTITIONS_KEPT = 50_000

_ERRORS: Any = kafka.errors
_FENCING = (_ERRORS.ProducerFencedError, _ERRORS.InvalidProducerEpochError)
_NOT_ALLOWED = (
    _ERRORS.TopicAuthorizationFailedError,
    _ERRORS.ClusterAuthorizationFailedError,
    _ERRORS.TransactionalIdAuthorizationFailedError,
)


class SessionLostError(Exception):
    """The session is over; ``reason`` is one of ``status.REASONS``. What it had not committed is to be done again."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason


Check = Callable[[float], None]


def _no_reason(_waited: float) -> None:
    """There is none to end a wait."""


class Session:
    """The one publisher that may write under ``transactional_id``, until another one opens a session.

    While it waits for Kafka, ``check`` is asked each second, and told how many were it; it may raise what is to end it.

    Raises:
        ConnectError: no broker answers in time.
        NotLetInError: the brokers refuse us, or what we want to do.
        SessionLostError: the transactions cannot be begun.
    """

    def __init__(self, settings: ClientSettings, transactional_id: str, check: Check = _no_reason) -> None:
        arguments = settings.producer(**PREFERRED)
        self._patience = arguments["delivery_timeout_ms"] / 1000 + GRACE_SECONDS
        self._producer = connect_producer(settings, **PREFERRED, transactional_id=transactional_id)
        self._check = check
        self._sent: list[Any] = []
        self._open = False
        try:
            with self._losing(KAFKA_AWAY):
                self._producer.init_transactions()
        except BaseException:
            close_producer(self._producer)
            raise
        self._partition = lru_cache(PARTITIONS_KEPT)(self._partition_of)

    def begin(self, messages: Iterable[tuple[str, Message]]) -> None:
        """Begins a transaction with messages, each with its topic; Kafka writes them while the caller goes on."""
        send, partition = self._producer.send, self._partition
        with self._losing(NOT_SENT):
            self._producer.begin_transaction()
            self._open = True
            for topic, message in messages:
                if len(self._sent) >= UNDER_WAY_AT_MOST:
                    self._see_written()
                self._sent.append(
                    send(topic, message.value, message.key, message.headers, partition(topic, message.key))
                )

    def void(self, messages: Mapping[str, Message]) -> None:
        """Gives up a transaction that has reached each partition of these topics, and with it what is still open there.

        A broker that lost power may have lost the end of a transaction; our next one would end that, too, and count.
        """
        with self._losing(NOT_SENT):
            self._producer.begin_transaction()
            self._open = True
            self._sent += [
                self._producer.send(topic, message.value, message.key, message.headers, partition)
                for topic, message in messages.items()
                for partition in sorted(self._producer.partitions_for(topic))
            ]
            self._see_written()
            self._end(committed=False, seconds=self._patience)
        self._open = False

    def commit(self) -> None:
        """Waits until everything is written, then commits. When this returns, the transaction counts."""
        with self._losing(NOT_SENT):
            self._see_written()
        with self._losing(OUTCOME_UNKNOWN):
            self._end(committed=True, seconds=self._patience)
        self._open = False

    def _see_written(self) -> None:
        self._flush()
        for future in self._sent:
            if not future.succeeded():
                raise future.exception or _ERRORS.KafkaTimeoutError("a message is still on its way")
        self._sent.clear()

    def _flush(self) -> None:
        began = monotonic()
        while True:
            try:
                self._producer.flush(timeout=SLICE_SECONDS)
            except _ERRORS.KafkaTimeoutError:
                waited = monotonic() - began
                if waited > self._patience:
                    raise
                self._check(waited)
            else:
                return

    def _end(self, *, committed: bool, seconds: float) -> None:
        """``commit_transaction`` and ``abort_transaction`` wait for ever."""
        transactions = self._producer._transaction_manager  # noqa: SLF001
        result = transactions.begin_commit() if committed else transactions.begin_abort()
        self._producer._sender.wakeup()  # noqa: SLF001
        began = monotonic()
        while not result.wait(timeout_ms=min(SLICE_SECONDS, seconds) * 1000):
            waited = monotonic() - began
            if waited > seconds:
                raise _ERRORS.KafkaTimeoutError("Kafka does not answer")
            if committed:
                self._check(waited)

    @contextmanager
    def _losing(self, reason: str) -> Generator[None]:
        """Turns what kafka-python raises into the end of the session."""
        try:
            yield
        except _ERRORS.KafkaError as error:
            cause = self._producer._transaction_manager.last_error or error  # noqa: SLF001 # error often hides it
            if isinstance(cause, _NOT_ALLOWED):
                raise NotLetInError(f"Kafka does not allow it: {cause}") from error
            fenced = isinstance(cause, _FENCING) or isinstance(error, _FENCING)
            raise SessionLostError(FENCED if fenced else reason, f"{type(cause).__name__}: {cause}") from error

    def _partition_of(self, topic: str, key: bytes) -> int:
        """Computed here once for each key: kafka-python takes longer for it than for the rest of a message."""
        return partition_of(key, len(self._producer.partitions_for(topic)))

    def close(self) -> None:
        """Gives up an open transaction, and lets go of Kafka.

        Where the abort fails, readers wait until a new session opens, or the transaction's time is over.
        """
        if self._open:
            with suppress(_ERRORS.KafkaError):
                self._end(committed=False, seconds=ABORT_SECONDS)
        close_producer(self._producer)
