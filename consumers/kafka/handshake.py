"""What kafka-python 3.0.12 lacks where it makes a connection with TLS: an end of its patience, and errors of one kind.

A handshake that nobody answers hangs for ever, and with it all that asks for that broker; a file that cannot be read at
the moment, as while certificates are replaced, is no ``KafkaError``, and ends threads that nobody begins again.
"""

import ssl
from time import monotonic
from typing import Any

import kafka  # type: ignore[import-untyped]
import kafka.errors  # type: ignore[import-untyped]
import kafka.net.manager  # type: ignore[import-untyped]
import kafka.net.transport  # type: ignore[import-untyped]

HANDSHAKE_SECONDS = 10.0

_KAFKA: Any = kafka
_CONNECTIONS: Any = _KAFKA.net.manager.KafkaConnectionManager
_TRANSPORT: Any = _KAFKA.net.transport.KafkaSSLTransport
_build: Any = _CONNECTIONS._build_transport  # noqa: SLF001 # nothing public makes connections


def mend() -> None:
    """Mends the client's classes, which all clients of this process have."""
    _TRANSPORT.handshake = _shake_hands
    _CONNECTIONS._build_transport = _build_transport  # noqa: SLF001


async def _shake_hands(transport: Any) -> None:
    until = monotonic() + HANDSHAKE_SECONDS
    while True:
        try:
            transport._sock.do_handshake()  # noqa: SLF001
        except ssl.SSLWantReadError:
            await transport._net.wait_read(transport._sock, until)  # noqa: SLF001
        except ssl.SSLWantWriteError:
            await transport._net.wait_write(transport._sock, until)  # noqa: SLF001
        else:
            return


async def _build_transport(connections: Any, node: Any, timeout_at: float | None = None) -> Any:
    try:
        if connections.ssl_enabled:
            # Before there is a socket: the client would leave it open.
            told = {name: value for name, value in connections.config.items() if name in _TRANSPORT.DEFAULT_CONFIG}
            _TRANSPORT._build_ssl_context(_TRANSPORT.DEFAULT_CONFIG | told)  # noqa: SLF001
        return await _build(connections, node, timeout_at)
    except (OSError, ValueError) as error:  # also ssl.SSLError, of a file that is half written
        raise _KAFKA.errors.KafkaConnectionError(str(error)) from error
