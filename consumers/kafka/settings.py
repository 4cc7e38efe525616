"""How we connect to Kafka: brokers, and a file of client settings in Kafka's own names, as kafka-python's arguments.

What makes the stream exact (idempotence, transactions, what is committed when) is ours and not open to settings.
Nothing here prints a secret.
"""

import logging
import stat
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer  # type: ignore[import-untyped]

from consumers.kafka.properties import Setting, parse
from consumers.kafka.security import ALIASES, FILES, SECRETS, complete, translate

LARGEST_REQUEST = 16 * 1024 * 1024
"""Bytes. The outcome of an attempt names each of its files, so a fact of a large card takes megabytes."""
PORTS = range(1, 65536)

OURS = {
    "acks": "all replicas must have a record before it counts as published",
    "allow_auto_create_topics": "a topic made by chance has the wrong settings",
    "auto_offset_reset": "a subscriber says where it begins",
    "consumer_timeout_ms": "a subscriber says how long it waits",
    "enable_auto_commit": "a position is committed when it was handled, not when it was read",
    "enable_idempotence": "each record is written once",
    "group_id": "a subscriber names its group with --group",
    "group_instance_id": "of two members with the same one, kafka-python lets both go on",
    "isolation_level": "only what was committed counts",
    "max_in_flight_requests_per_connection": "records stay in order",
    "retries": "delivery.timeout.ms alone bounds them",
    "transactional_id": "it keeps two publishers from writing at once",
}
PRODUCER = {
    "acks": "all",
    "allow_auto_create_topics": False,
    "enable_idempotence": True,  # said, not left to the default: then a setting against it is an error
    "max_request_size": LARGEST_REQUEST,
}
CONSUMER = {"allow_auto_create_topics": False, "enable_auto_commit": False, "isolation_level": "read_committed"}
OF_NO_DEFAULT: dict[str, type] = {
    "client_id": str,
    "compression_type": str,
    "proxy_url": str,
    "receive_buffer_bytes": int,
    "sasl_kerberos_domain_name": str,
    "sasl_kerberos_name": str,
    "sasl_mechanism": str,
    "sasl_plain_password": str,
    "sasl_plain_username": str,
    "send_buffer_bytes": int,
    "ssl_cafile": str,
    "ssl_certfile": str,
    "ssl_crlfile": str,
    "ssl_keyfile": str,
    "ssl_password": str,
}
BOOLEANS = {"true": True, "false": False}

_log = logging.getLogger(__name__)
_CLIENTS: tuple[Mapping[str, Any], ...] = (
    KafkaProducer.DEFAULT_CONFIG,
    KafkaConsumer.DEFAULT_CONFIG,
    KafkaAdminClient.DEFAULT_CONFIG,
)
# A number may be a float only where it is one: kafka-python counts in whole milliseconds and bytes.
_TYPES: dict[str, type] = {
    name: type(default)
    for client in _CLIENTS
    for name, default in client.items()
    if isinstance(default, bool | int | str | float)
} | OF_NO_DEFAULT


class SettingsError(Exception):
    """A setting is wrong; the message says where, and what to write instead."""


class ClientSettings(NamedTuple):
    """Brokers and settings, from which each client takes those that it knows."""

    bootstrap: tuple[str, ...]
    told: Mapping[str, Any]

    def __repr__(self) -> str:
        shown = {name: "***" if name in SECRETS else value for name, value in self.told.items()}
        return f"ClientSettings({','.join(self.bootstrap)}, {shown})"

    @classmethod
    def read(cls, bootstrap: str | None = None, file: Path | None = None) -> "ClientSettings":
        """Reads a file; ``bootstrap`` is ``host:port[,host:port]``, and goes before the file's ``bootstrap.servers``.

        Raises:
            SettingsError: brokers are missing or malformed, or a setting is unknown, ours, or of another type.
        """
        told = _read(file) if file else {}
        named = told.pop("bootstrap_servers", None)
        brokers = bootstrap or named
        if not brokers:
            raise SettingsError("no Kafka brokers are named: --kafka host:port, or UNDERSTUDY_KAFKA")
        return cls(tuple(_broker(one.strip()) for one in brokers.split(",")), told)

    def producer(self, **preferred: Any) -> dict[str, Any]:
        """Arguments of a ``KafkaProducer``; the file may change what is preferred, except for what is ours."""
        return self._of(KafkaProducer.DEFAULT_CONFIG, {**PRODUCER, **preferred})

    def consumer(self, **preferred: Any) -> dict[str, Any]:
        """Arguments of a ``KafkaConsumer``; likewise."""
        return self._of(KafkaConsumer.DEFAULT_CONFIG, {**CONSUMER, **preferred})

    def admin(self, **preferred: Any) -> dict[str, Any]:
        """Arguments of a ``KafkaAdminClient``; likewise."""
        return self._of(KafkaAdminClient.DEFAULT_CONFIG, preferred)

    def _of(self, known: Mapping[str, Any], preferred: Mapping[str, Any]) -> dict[str, Any]:
        told = {name: value for name, value in self.told.items() if name in known}
        return {**preferred, **told, "bootstrap_servers": list(self.bootstrap)}


def _broker(told: str) -> str:
    host, _, port = told.rpartition(":")
    if not host or not port.isdecimal() or int(port) not in PORTS:
        raise SettingsError(f"{told!r} is no Kafka broker: host:port[,host:port], for example kafka.example.net:9092")
    return told


def _read(file: Path) -> dict[str, Any]:
    try:
        text, mode = file.read_text(encoding="utf-8"), file.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from error
    told: dict[str, Any] = {}
    for setting in parse(text):
        try:
            told |= _accepted(setting)
        except ValueError as error:
            raise SettingsError(f"{file}, line {setting.line}: {error}") from None  # its context may hold a secret
    if told.keys() & SECRETS and mode & stat.S_IROTH:
        _log.warning("%s holds a password and everybody may read it: chmod o-r %s", file, file)
    try:
        return complete(told)
    except ValueError as error:
        raise SettingsError(f"{file}: {error}") from None


def _accepted(setting: Setting) -> dict[str, Any]:
    _, name, value = setting
    translated = translate(name, value)
    if translated is None:
        translated = {_known(name): value}
    accepted = {plain: _typed(name, plain, text) for plain, text in translated.items()}
    for plain, path in accepted.items():
        if plain in FILES and not Path(path).is_file():
            raise ValueError(f"{name}: there is no file {path}")
    return accepted


def _known(name: str) -> str:
    plain = name.replace(".", "_")
    if plain in OURS:
        raise ValueError(f"{name} is not open to settings: {OURS[plain]}")
    if plain in _TYPES:
        return plain
    if any(plain in client for client in _CLIENTS):
        raise ValueError(f"{name} cannot be set in a file")
    names = [*(known.replace("_", ".") for known in _TYPES.keys() - OURS.keys()), *ALIASES]
    near = get_close_matches(name, names, n=3)
    raise ValueError(f"{name} is no setting of a client" + (f": {' or '.join(near)}?" if near else ""))


def _typed(name: str, plain: str, text: str) -> Any:
    kind = _TYPES[plain]
    if kind is bool:
        if text.lower() not in BOOLEANS:
            raise ValueError(f"{name} is true or false, not {text!r}")
        return BOOLEANS[text.lower()]
    if kind in {int, float}:
        if not text.lstrip("-").isdecimal():
            raise ValueError(f"{name} is a whole number, not {text!r}")
        return int(text)
    return text
