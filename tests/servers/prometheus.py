"""A real Prometheus and Alertmanager, which the tests start themselves on loopback, and stop."""

import http.client
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

T = TypeVar("T")
HOST = "127.0.0.1"
PATIENCE_SECONDS = 60.0
_BREATH = threading.Event()
"""Never set: a pause between two looks at a server."""


def find_program(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails where CI=true."""
    found = shutil.which(name)
    if found is not None:
        return found
    reason = f"there is no {name} here (Debian: prometheus, prometheus-alertmanager)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    return port


def wait_until(look: Callable[[], T | None], what: str) -> T:
    """The first answer that is something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        _BREATH.wait(0.05)
    raise AssertionError(f"{what} did not happen within {PATIENCE_SECONDS:.0f} s")


class Server:
    """A running server with an HTTP interface, known by its process."""

    def __init__(self, folder: Path, command: list[str], port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self._log = folder / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
        wait_until(self._ready, f"that {command[0]} is ready")

    def _ready(self) -> bool | None:
        assert self._process.poll() is None, self._log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
                return True
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return None

    def get(self, path: str, **parameters: str) -> Any:
        """The JSON at a path."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
                return orjson.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from error

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Prometheus(Server):
    """A running Prometheus."""

    def query(self, expression: str) -> list[Any]:
        """The samples that an instant query returns now; one for a scalar."""
        data = self.get("/api/v1/query", query=expression)["data"]
        return [data["result"]] if data["resultType"] in {"scalar", "string"} else list(data["result"])

    def value(self, expression: str) -> float | None:
        """The value of the one sample of an expression, if there is one."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def until(self, expression: str) -> list[Any]:
        """The samples of an expression as soon as it returns some."""
        return wait_until(lambda: self.query(expression) or None, expression)

    def values_of(self, label: str, selector: str) -> list[str]:
        """What Grafana asks for ``label_values(selector, label)``."""
        return list(self.get(f"/api/v1/label/{label}/values", **{"match[]": selector})["data"])

    def alerts(self, state: str = "firing") -> dict[str, list[dict[str, str]]]:
        """The labels of the alerts in a state, by name."""
        found: dict[str, list[dict[str, str]]] = {}
        for alert in self.get("/api/v1/alerts")["data"]["alerts"]:
            if alert["state"] == state:
                found.setdefault(alert["labels"]["alertname"], []).append(alert["labels"])
        return found


class Webhook:
    """What Alertmanager delivers its notifications to."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        outer = self

        class Receiver(BaseHTTPRequestHandler):
            """Keeps each notification."""

            def do_POST(self) -> None:
                outer.received.append(orjson.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library names it so
                """Nothing of it is printed."""

        self._server = ThreadingHTTPServer((HOST, 0), Receiver)
        self.url = f"http://{HOST}:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def alerts(self) -> list[Any]:
        """All alerts of all notifications, in the order of their arrival."""
        return [alert for notification in list(self.received) for alert in notification["alerts"]]

    def until(self, wanted: Callable[[Any], bool], what: str) -> Any:
        """The first alert that is as wanted."""
        return wait_until(lambda: next((alert for alert in self.alerts() if wanted(alert)), None), what)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="session")
def prometheus_program() -> Callable[[str], str]:
    """Finds a program of Prometheus' family by its name."""
    return find_program


@pytest.fixture(scope="session")
def promtool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs promtool with some words, and maybe something to read; its exit code says whether it is content."""
    program = find_program("promtool")

    def run(*words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [program, *map(str, words)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], T | None], str], T]:
    """Waits until a look at something returns something."""
    return wait_until


@pytest.fixture(scope="module")
def start_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Prometheus]]:
    """Starts a Prometheus with a configuration; stopped after the module."""
    started: list[Server] = []

    def start(configuration: str) -> Prometheus:
        program, port, folder = find_program("prometheus"), free_port(), tmp_path_factory.mktemp("prometheus")
        (folder / "prometheus.yml").write_text(configuration)
        words = [f"--web.listen-address={HOST}:{port}", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        started.append(server := Prometheus(folder, [program, *words, "--log.level=warn"], port))
        return server

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    """Receives what Alertmanager sends."""
    receiver = Webhook()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def start_alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Starts an Alertmanager with a configuration; stopped after the module."""
    started: list[Server] = []

    def start(configuration: str) -> Server:
        program, port = find_program("prometheus-alertmanager"), free_port()
        folder = tmp_path_factory.mktemp("alertmanager")
        (folder / "alertmanager.yml").write_text(configuration)
        # An empty address: it would look for its like on the network otherwise.
        words = [f"--web.listen-address={HOST}:{port}", "--cluster.listen-address=", "--storage.path=data"]
        command = [program, *words, "--config.file=alertmanager.yml", "--log.level=warn"]
        started.append(server := Server(folder, command, port))
        return server

    yield start
    for each in started:
        each.stop()
