"""Connecting to Kafka and letting go of it, so that failure has its reason and leaves nothing behind.

kafka-python 3.0.12 tells of a refused password or certificate only in its log, after trying for the whole timeout; a
consumer or admin client that cannot connect leaves a thread and its files behind; and a producer with records pending
does not close. Each of these has its test in ``tests/consumers/kafka/``.
"""

from collections.abc import Callable
from typing import Any, Protocol

import kafka  # type: ignore[import-untyped]

from consumers.kafka.handshake import mend
from consumers.kafka.settings import ClientSettings, SettingsError

CERTIFICATE_REFUSED = "CERTIFICATE_VERIFY_FAILED"
ENDING_SECONDS = 30.0
"""How long a producer's thread gets to notice that it is over; it does at its next round."""

_KAFKA: Any = kafka
_ERRORS: Any = _KAFKA.errors
_NOT_KAFKA = (_ERRORS.InvalidReceiveError,)
_TIME_IS_UP = (_ERRORS.RequestTimedOutError, _ERRORS.KafkaTimeoutError)
_NET_CLIENT: Any = _KAFKA.net.compat.KafkaNetClient
mend()


class ConnectError(Exception):
    """No broker answers in time; the message says why not."""


class NotLetInError(ConnectError):
    """The brokers refuse our login, or we their certificate: trying again does not help."""


class Admin(Protocol):
    """What we ask of kafka-python's ``KafkaAdminClient``, which tells no types of its own."""

    def describe_cluster(self) -> dict[str, Any]:
        """The brokers, among other things."""
        ...

    def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]:
        """Ids and partitions; an unknown topic has an error code."""
        ...

    def describe_configs(self, config_resources: list[Any], *, config_filter: str) -> dict[str, Any]:
        """Settings, by type and name of the resource."""
        ...

    def create_topics(self, new_topics: dict[str, Any], *, wait_for_metadata: bool) -> dict[str, Any]:
        """Makes topics, and waits until they can be used."""
        ...

    def wait_for_topics(self, topic_names: list[str]) -> None:
        """Waits until topics can be used; at most 10 s."""
        ...

    def close(self) -> None:
        """Ends its thread and connections."""
        ...


def connect_admin(settings: ClientSettings, **preferred: Any) -> Admin:
    """A connected ``KafkaAdminClient``; close it.

    Raises:
        ConnectError: no broker answers in time.
        NotLetInError: they refuse our login, or we their certificate.
        SettingsError: the client cannot work with its settings.
    """
    admin: Admin = _connect(_KAFKA.KafkaAdminClient, settings.admin(**preferred))
    return admin


def connect_consumer(settings: ClientSettings, **preferred: Any) -> Any:
    """A connected ``KafkaConsumer``; likewise."""
    return _connect(_KAFKA.KafkaConsumer, settings.consumer(**preferred))


def connect_producer(settings: ClientSettings, **preferred: Any) -> Any:
    """A connected ``KafkaProducer``; likewise, but let go of it with ``close_producer``."""
    return _connect(_KAFKA.KafkaProducer, settings.producer(**preferred))


def close_producer(producer: Any) -> None:
    """Closes a producer at once; what it has not sent by now, it never will."""
    sender: Any = producer._sender  # noqa: SLF001 # its own close() raises with records pending, and closes nothing
    sender.force_close()
    sender.join(ENDING_SECONDS)
    producer.close(timeout=0)


def _connect(make: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    watched = _Watched()
    try:
        return make(**arguments, kafka_client=watched.make)
    except (_ERRORS.KafkaConfigurationError, ValueError) as error:
        watched.end()
        raise SettingsError(f"the settings of Kafka's client do not fit together: {error}") from error
    except _ERRORS.KafkaError as error:
        watched.end()
        brokers = ",".join(arguments["bootstrap_servers"])
        if _is_refusal(watched.reason):
            raise NotLetInError(f"Kafka at {brokers}: {watched.reason}") from error
        raise ConnectError(f"no Kafka broker answers at {brokers}: {_told(watched.reason or error)}") from error
    except BaseException:
        watched.end()
        raise
    finally:
        watched.stop_watching()


def _told(reason: BaseException) -> str:
    if isinstance(reason, _NOT_KAFKA):
        return "what answers there does not speak Kafka: check host, port, and the port's security.protocol"
    # What a broker says of a login that it refuses is lost at times: the client sees the end of the connection first.
    if "disconnected" in str(reason):
        return f"{reason}: check that it is a port of Kafka, its security.protocol, and the login"
    return str(reason)


def _is_refusal(reason: BaseException | None) -> bool:
    return isinstance(reason, _ERRORS.SaslAuthenticationFailedError) or CERTIFICATE_REFUSED in str(reason)


class _Watched:
    """The network part of a client while it connects: why it fails, and the means to end it."""

    def __init__(self) -> None:
        self.reason: BaseException | None = None
        self._client: Any = None

    def make(self, **configs: Any) -> Any:
        """What the client makes its network part with."""
        self._client = _NET_CLIENT(**configs)
        manager = self._client._manager  # noqa: SLF001 # nothing public tells why a connection fails
        connect = manager.get_connection

        def get_connection(*arguments: Any, **options: Any) -> Any:
            if _is_refusal(self.reason):
                raise self.reason  # type: ignore[misc] # it is one, if it is a refusal
            connection = connect(*arguments, **options)
            connection.init_future.add_errback(self._failed)
            return connection

        manager.get_connection = get_connection
        return self._client

    def _failed(self, reason: BaseException) -> None:
        # That time was up in the middle of the last try says less than why those before it failed.
        says_more = self.reason is None or not isinstance(reason, _TIME_IS_UP)
        if says_more and not _is_refusal(self.reason):
            self.reason = reason

    def stop_watching(self) -> None:
        """From now on the client is on its own."""
        if self._client is not None:
            self._client._manager.__dict__.pop("get_connection", None)  # noqa: SLF001

    def end(self) -> None:
        """Closes what a client whose construction has failed leaves open."""
        if self._client is not None:
            self._client.close()
            self._client._net.stop()  # noqa: SLF001
