"""A connection to PostgreSQL that is lost in the middle of an append: what was decided is recorded once even so."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import pytest

from events.commands import StartSupervision
from events.facts import SupervisionStarted
from events.store import Record
from events.store.place import Place

Open = Callable[..., Record]
Sql = Callable[[str], list[Any]]

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql"), pytest.mark.timeout(60)]

_BREATH = threading.Event()
_WAITERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


class Network:
    """All that goes to the server goes through here, and may be cut."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.loses_answer_to = b""
        """The connection is cut when the server answers to what has these bytes in it."""
        self.loses = b""
        """The connection is cut when the client sends what has these bytes in it."""
        self._go(self._accept)

    def _go(self, what: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=what, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):  # the end
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                self._ends += [client, server]
                asked = [b""]
                self._go(self._forward, client, server, asked)
                self._go(self._answer, server, client, asked)

    def _forward(self, client: socket.socket, server: socket.socket, asked: list[bytes]) -> None:
        with suppress(OSError):  # the end of either
            while data := client.recv(65536):
                asked[0] = data
                if self.loses and self.loses in data:
                    self.loses = b""
                    break
                server.sendall(data)
        self._end(client, server)

    def _answer(self, server: socket.socket, client: socket.socket, asked: list[bytes]) -> None:
        with suppress(OSError):  # the end of either
            while data := server.recv(65536):
                if self.loses_answer_to and self.loses_answer_to in asked[0]:
                    self.loses_answer_to = b""
                    break
                client.sendall(data)
        self._end(client, server)

    def cut(self) -> None:
        """All connections of the clients are gone; the server does not notice while it is busy."""
        for one in self._ends[::2]:
            self._end(one)

    @staticmethod
    def _end(*ends: socket.socket) -> None:
        for one in ends:
            with suppress(OSError):  # the other thread was faster
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._end(self._listening, *self._ends)
        self._listening.close()
        for thread in self._threads:
            thread.join()
        for one in self._ends:
            one.close()


@pytest.fixture
def place(postgres_url: str) -> Place:
    """Past the network."""
    return postgres_url


@pytest.fixture
def network(postgres_server: Any) -> Iterator[Network]:
    with closing(Network(postgres_server.port)) as network:
        yield network


@pytest.fixture
def remote(record: Record, postgres_server: Any, network: Network, open_record: Open, place: Place) -> Iterator[Record]:
    """The record, opened through the network."""
    assert record.head() == 3
    database = str(place).partition("@/")[2].partition("?")[0]
    with open_record(
        postgres_server.url_over_tcp(database).replace(str(postgres_server.port), str(network.port))
    ) as one:
        yield one


def seen(number: int) -> StartSupervision:
    return StartSupervision(host="mgmt1", process=number)


def numbers(record: Record) -> list[int]:
    return [one.fact.process for one in record.read() if isinstance(one.fact, SupervisionStarted)]


def until(count: int, execute_sql: Sql) -> None:
    deadline = time.monotonic() + 30
    while execute_sql(_WAITERS) != [(count,)]:
        assert time.monotonic() < deadline
        _BREATH.wait(0.01)


def test_an_append_whose_acknowledgement_is_lost_is_recorded_once(
    remote: Record, record: Record, network: Network
) -> None:
    network.loses_answer_to = b"append_facts"
    [recorded] = remote.execute("pe1", seen(1))
    assert network.loses_answer_to == b""
    assert (recorded.position, numbers(record)) == (4, [1])
    assert remote.execute("pe1", seen(2))[0].position == 5


def test_a_batch_whose_acknowledgement_is_lost_is_recorded_once(
    remote: Record, record: Record, network: Network, provision: Any
) -> None:
    network.loses_answer_to = b"append_facts"
    recorded = remote.execute_all([("pe1", seen(1)), ("pe2", provision), ("pe1", seen(2))])
    assert [one.position for one in recorded] == [4, 5, 6, 7, 8]
    assert recorded == list(record.read(after=3))


def test_an_append_that_does_not_reach_the_server_is_recorded_once(
    remote: Record, record: Record, network: Network
) -> None:
    network.loses = b"append_facts"
    assert remote.execute("pe1", seen(1))[0].position == 4
    assert network.loses == b""
    assert numbers(record) == [1]


def test_an_append_that_the_server_is_still_at_when_it_is_sent_again_is_recorded_once(
    remote: Record, record: Record, network: Network, place: Place, execute_sql: Sql
) -> None:
    import psycopg  # noqa: PLC0415 - an optional part of the program

    with ThreadPoolExecutor() as pool, closing(psycopg.connect(str(place))) as other:
        other.execute(
            "SELECT pg_advisory_xact_lock(x'556E6473'::int, hashint8('stored_events'::regclass::oid::bigint))"
        )
        append = pool.submit(remote.execute, "pe1", seen(1))
        until(1, execute_sql)
        network.cut()
        until(2, execute_sql)
        other.rollback()
        assert append.result()[0].position == 4
    assert numbers(record) == [1]
    assert record.execute("pe1", seen(2))[0].position == 5


def test_what_another_writer_recorded_meanwhile_is_not_taken_for_our_own(
    remote: Record, record: Record, network: Network
) -> None:
    network.loses = b"append_facts"
    remote.state("pe1")
    record.execute("pe1", seen(1))
    assert remote.execute("pe1", seen(2))[0].position == 5
    assert numbers(record) == [1, 2]


def test_a_follower_goes_on_after_its_last_position_when_the_network_is_back(
    remote: Record, record: Record, network: Network
) -> None:
    with remote.follow() as facts:
        assert [next(facts).position for _ in range(3)] == [1, 2, 3]
        network.cut()
        record.execute_all([("pe1", seen(1)), ("pe1", seen(2))])
        assert [next(facts).position for _ in range(2)] == [4, 5]
        network.cut()
        record.execute("pe1", seen(3))
        assert next(facts).position == 6
