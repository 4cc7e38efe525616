"""A small HTTP server for scrapes: a thread per request, few of them at once, on one address, with TLS if wanted."""

import socket
import socketserver
import ssl
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import BoundedSemaphore, Thread
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple, Self, cast
from urllib.parse import parse_qs, urlsplit

from consumers.prometheus.address import Address
from events.errors import UnderstudyError

REQUESTS_AT_ONCE = 8
"""More are turned away: a scrape that is late is taken up by the next one."""
PATIENCE_SECONDS = 10.0
"""How long a client may be silent while it sends its request, or may take to read a part of the answer."""
DEADLINE_SECONDS = 20.0
"""How long a request may take in all: who sends a byte now and then must not keep scrapes out."""


class ListenError(UnderstudyError):
    """The exporter cannot listen where it is told to."""


class Tls(NamedTuple):
    """A certificate and its key in PEM; with ``client_ca``, only clients that show a certificate of it are answered."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class Request(NamedTuple):
    """What is asked for: a path, its parameters, and whether the answer may be a gzip file."""

    path: str
    parameters: dict[str, list[str]]
    takes_gzip: bool


class Answer(NamedTuple):
    """What is answered; the body comes in pieces, and says itself whether it is a gzip file."""

    status: HTTPStatus
    body: Sequence[bytes]
    content_type: str = "text/plain; charset=utf-8"
    is_gzip: bool = False


class Server(socketserver.ThreadingTCPServer):
    """Serves ``answer`` until it is closed; a context manager.

    Raises:
        ListenError: the address is in use, is not ours, or the certificate cannot be used.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, listen: Address, answer: Callable[[Request], Answer], tls: Tls | None = None) -> None:
        self.answer = answer
        self._slots = BoundedSemaphore(REQUESTS_AT_ONCE)
        self._until: dict[socket.socket, float] = {}
        self._context = None if tls is None else _context(tls)
        try:
            family, *_, where = socket.getaddrinfo(*listen, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self.address_family = family
            super().__init__((str(where[0]), listen.port), _Handler)
        except OSError as error:
            raise ListenError(f"cannot listen on {listen}: {error.strerror}; name another address") from error
        self._thread = Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="metrics-server", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def url(self) -> str:
        """Where it listens, with the port that it really got."""
        address = Address(*self.socket.getsockname()[:2])
        return f"{'https' if self._context else 'http'}://{address}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread, if one is free."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answers; only here a TLS client may be slow to shake hands."""
        try:
            request.settimeout(PATIENCE_SECONDS)
            if self._context is not None:
                request = self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            self._until[request] = monotonic() + DEADLINE_SECONDS
            if self._context is not None:
                request.do_handshake()
            super().process_request_thread(request, client_address)
        except OSError:
            self.shutdown_request(request)  # the handshake failed: there is nobody to tell
        finally:
            self._until.pop(request, None)
            self._slots.release()

    def service_actions(self) -> None:
        """Cuts off whose time is over; the library calls this all the time."""
        now = monotonic()
        for request, until in self._until.copy().items():
            if now > until:
                with suppress(OSError):  # it is over already
                    # Not that of TLS, which would change what another thread reads from.
                    socket.socket.shutdown(request, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or was too slow is its own matter; anything else is shown as the library does."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.client_ca)
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        files = ", ".join(str(file) for file in tls if file)
        raise ListenError(f"cannot use the certificate, key or authority of {files}: {error.strerror}") from error
    if tls.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class _Handler(BaseHTTPRequestHandler):
    server_version = "understudy"
    sys_version = ""
    timeout = PATIENCE_SECONDS

    def do_GET(self) -> None:
        """Answers with headers and body."""
        for piece in self._begin().body:
            self.wfile.write(piece)

    def do_HEAD(self) -> None:
        """Answers with the headers that a GET has."""
        self._begin()

    def _begin(self) -> Answer:
        url = urlsplit(self.path)
        takes_gzip = _takes_gzip(self.headers.get("Accept-Encoding", ""))
        server = cast("Server", self.server)
        answer = server.answer(Request(url.path, parse_qs(url.query), takes_gzip))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(sum(map(len, answer.body))))
        self.send_header("Vary", "Accept-Encoding")
        if answer.is_gzip:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        return answer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        """Requests are not logged: there is one every few seconds."""


def _takes_gzip(accepted: str) -> bool:
    for coding in accepted.lower().split(","):
        name, _, quality = coding.partition(";")
        if name.strip() in {"gzip", "*"}:
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
