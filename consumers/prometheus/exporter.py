"""The exporter: reads the record, and answers scrapes from what it has read."""

import html
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from types import TracebackType
from typing import Self

from eventsourcing.domain import EventSourcingError
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest

from consumers.prometheus.address import Address
from consumers.prometheus.board import Board, OtherHistoryError
from consumers.prometheus.collector import ProjectionCollector
from consumers.prometheus.head import Head
from consumers.prometheus.packing import gzip_file, join, pack
from consumers.prometheus.pipeline import Publisher, pipeline_rows, publisher_rows
from consumers.prometheus.reader import BoardReader, Progress
from consumers.prometheus.rendering import Renderer, Rows
from consumers.prometheus.server import Answer, Request, Server, Tls
from events.errors import UnderstudyError
from events.store import Record

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Understudy</title></head>
<body><h1>Understudy {version}</h1><p>{state}</p>
<ul>
<li><a href="/metrics">metrics</a></li><li><a href="/-/healthy">healthy</a></li><li><a href="/-/ready">ready</a></li>
</ul></body></html>
"""


class Exporter:
    """Serves the metrics of a record over HTTP while it is entered.

    ``/metrics`` and ``/-/ready`` answer 503 until the record has been read once and whenever it cannot be read, within
    seconds: what is not known to be so is not shown. A record that has lost facts is read once more, from its first
    one. ``publisher`` adds the metrics of a publisher of this process.

    Raises:
        ListenError: it cannot listen there.
    """

    def __init__(
        self,
        record: Record,
        listen: Address,
        *,
        version: str,
        publisher: Publisher | None = None,
        tls: Tls | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._version = version
        self._publisher = publisher
        self._board = Board()
        self._head = Head(record, self._board)
        self._renderer = Renderer(self._board)
        self.reader = BoardReader(
            record, self._board, clear=self._renderer.clear, when_read=self._render_once, progress=progress
        )
        # Without names: those of the library do not say beforehand what they have.
        self._process, self.registry = (CollectorRegistry(support_collectors_without_names=True) for _ in range(2))
        for registry in (self._process, self.registry):
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
            GCCollector(registry=registry)
        self.registry.register(ProjectionCollector(self._board, self._rest))
        self._server = Server(listen, self.answer, tls)
        self._entered = ExitStack()

    def __enter__(self) -> Self:
        self._entered.enter_context(self.reader)
        self._entered.enter_context(self._server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered.close()

    @property
    def url(self) -> str:
        """Where it listens, with the port that it really got."""
        return self._server.url

    def answer(self, request: Request) -> Answer:
        """The answer to any request."""
        match request.path:
            case "/metrics":
                return self._if_read(lambda: self._scrape(request))
            case "/-/ready":
                return self._ready()
            case "/-/healthy":
                return Answer(HTTPStatus.OK, [b"It runs.\n"])
            case "/":
                state = html.escape(b"".join(self._ready().body).decode())
                page = _PAGE.format(version=self._version, state=state)
                return Answer(HTTPStatus.OK, [page.encode()], "text/html; charset=utf-8")
            case _:
                return Answer(HTTPStatus.NOT_FOUND, [b"There is nothing here; see /metrics.\n"])

    def _ready(self) -> Answer:
        def ready() -> Answer:
            self._head.position()
            return Answer(HTTPStatus.OK, [b"The record is read and followed.\n"])

        return self._if_read(ready)

    def _if_read(self, answer: Callable[[], Answer]) -> Answer:
        reading = self.reader.readings
        reason = f"The record cannot be read: {self.reader.failure}"
        if not self.reader.failure:
            reason = f"The record is being read: {self.reader.position} of {self.reader.goal} facts."
            if self.reader.has_read:
                try:
                    answered = answer()
                    if self.reader.readings == reading:
                        return answered
                except OtherHistoryError as error:
                    self.reader.look_again()
                    reason = f"The record is to be read again: {error}"
                except (UnderstudyError, EventSourcingError, OSError) as error:
                    reason = f"The record cannot be read: {error}"
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, [f"{reason}\n".encode()])

    def _scrape(self, request: Request) -> Answer:
        if names := request.parameters.get("name[]"):
            return Answer(HTTPStatus.OK, [generate_latest(self.registry.restricted_registry(names))], CONTENT_TYPE)
        body: Sequence[bytes]
        if request.takes_gzip:
            body = gzip_file(join([self._renderer.packed(self._rest), pack(generate_latest(self._process))]))
        else:
            body = [*self._renderer.plain(self._rest), generate_latest(self._process)]
        return Answer(HTTPStatus.OK, body, CONTENT_TYPE, request.takes_gzip)

    def _rest(self) -> Rows:
        head = self._head.position()
        rows = pipeline_rows(self._board, head, self._version)
        return rows if self._publisher is None else [*rows, *publisher_rows(self._publisher, head)]

    def _render_once(self) -> None:
        self._renderer.packed(lambda: ())
