"""A real Apache Kafka broker, which the tests start themselves on loopback, and stop.

``kafka`` is one for the whole session, shared: each test names topics and transactions of its own. ``new_broker``
starts one that a test may kill, freeze, or set up in its own way.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.servers.kafka_installation import Installation, NoBrokerHereError, install

HOST = "127.0.0.1"
PATIENCE_SECONDS = 90.0
QUICK = {"reconnect_backoff_ms": 20, "reconnect_backoff_max_ms": 200}
PORTS = range(20_000, 32_000)
"""Below those that connections of clients get, so that a stopped broker finds its own ports free again."""

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "broker.session.timeout.ms": "1000",  # a killed broker that comes back is believed after this time
    "broker.heartbeat.interval.ms": "100",
}


class Broker:
    """A broker of one node, with ports and storage that it keeps over restarts.

    ``settings`` are added to those of ``server.properties``; ``listener`` adds one beside the plain one, for example
    ``SASL_SSL``, at ``secure``.
    """

    def __init__(
        self,
        installation: Installation,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        listener: str | None = None,
        command: list[str] | None = None,
    ) -> None:
        self.folder = folder
        self.log = folder / "broker.log"
        self._command = command or installation.command("kafka.Kafka")
        self._added = dict(settings or {})
        self._listener = listener
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copytree(installation.formatted, folder / "data")
        self._take_ports()

    def _take_ports(self) -> None:
        plain, controller, secure = free_ports(3)
        self.bootstrap = f"{HOST}:{plain}"
        self.secure = f"{HOST}:{secure}"
        listeners = [f"PLAINTEXT://{self.bootstrap}"]
        if self._listener:
            listeners.append(f"{self._listener}://{self.secure}")
        told = {
            **SETTINGS,
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "listeners": ",".join([*listeners, f"CONTROLLER://{HOST}:{controller}"]),
            "advertised.listeners": ",".join(listeners),
            "log.dirs": str(self.folder / "data"),
            **self._added,
        }
        lines = [f"{name}={value}\n" for name, value in told.items()]
        (self.folder / "server.properties").write_text("".join(lines))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it, on its ports and storage, and waits until it answers."""
        assert self._process is None
        # A file, no pipe: nobody reads along, and a full pipe would stop the broker.
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, str(self.folder / "server.properties")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"Kafka does not start:\n{self.tail()}")

    def start_anew(self) -> None:
        """The first start; somebody else may have taken a port in the meantime, so it is tried on others."""
        for _ in range(3):
            try:
                return self.start()
            except AssertionError:
                if "Address already in use" not in self.tail():
                    raise
                self._take_ports()
        raise AssertionError(f"Kafka finds no free ports:\n{self.tail()}")

    def _answers(self) -> bool:
        host, port = self.bootstrap.split(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            with closing(self.admin(bootstrap_timeout_ms=5_000, request_timeout_ms=5_000)) as admin:
                return any(not broker["is_fenced"] for broker in admin.describe_cluster()["brokers"])
        except (OSError, KafkaError):
            threading.Event().wait(0.02)
            return False

    def admin(self, **settings: object) -> KafkaAdminClient:
        """A connected client; close it."""
        return KafkaAdminClient(bootstrap_servers=self.bootstrap, **{**QUICK, **settings})

    def tail(self, characters: int = 3000) -> str:
        return self.log.read_text(errors="replace")[-characters:]

    def stop(self) -> None:
        """Asks it to end (SIGTERM), and waits."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once (SIGKILL), as when the host dies; also a frozen one."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.send_signal(number)
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def freeze(self) -> None:
        """It keeps its connections and answers nobody (SIGSTOP), until it is thawed."""
        os.kill(self.pid, signal.SIGSTOP)
        # Its threads do not all stop at once: one may answer meanwhile.
        while not all(_is_stopped(task) for task in Path(f"/proc/{self.pid}/task").iterdir()):
            threading.Event().wait(0.001)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


def _is_stopped(task: Path) -> bool:
    try:
        return (task / "stat").read_text().rpartition(") ")[2].startswith("T")
    except OSError:  # it has ended
        return True


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = random.choice(PORTS)
        with suppress(OSError):  # taken: another one then
            socket.create_server((HOST, port)).close()
            found.append(port)
    return found


def _warm_up(installation: Installation, command: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="understudy-kafka-") as folder:
        broker = Broker(installation, Path(folder), command=command)
        broker.start_anew()
        broker.stop()


@pytest.fixture(scope="session")
def kafka_installation() -> Installation:
    """The jars of the broker; where they cannot be had, the test is skipped, or fails with CI=true."""
    try:
        return install(_warm_up)
    except NoBrokerHereError as error:
        pytest.fail(str(error)) if os.environ.get("CI") == "true" else pytest.skip(str(error))


@pytest.fixture(scope="session")
def kafka(kafka_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running broker, that all tests of the session share: use topics with names of your own, and leave it alone."""
    broker = Broker(kafka_installation, tmp_path_factory.mktemp("kafka"))
    try:
        broker.start_anew()
        yield broker
    finally:
        broker.kill()


@pytest.fixture
def new_broker(
    kafka_installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Broker]]:
    """Starts a broker of the test's own, to be killed and restarted at will; takes what ``Broker`` takes."""
    started: list[Broker] = []

    def start(settings: Mapping[str, str] | None = None, *, listener: str | None = None) -> Broker:
        broker = Broker(kafka_installation, tmp_path_factory.mktemp("broker"), settings=settings, listener=listener)
        started.append(broker)
        broker.start_anew()
        return broker

    yield start
    for broker in started:
        broker.kill()
