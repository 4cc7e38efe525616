"""A real PostgreSQL server, which the tests start themselves on a socket in a temporary folder, and stop."""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

HOST, PORT = "127.0.0.1", "5432"
PATIENCE_SECONDS = 60.0
PASSWORD = "correct horse"
CRASH, FAST = signal.SIGQUIT, signal.SIGINT
"""How a server may be stopped: like pg_ctl's modes immediate (it recovers at its next start) and fast."""
_BREATH = threading.Event()
"""Never set: a pause between two looks at a server."""


def find_programs() -> Path:
    """The folder of ``initdb`` and ``postgres``; without it the test is skipped, or fails where CI=true."""
    found = [Path(one).parent for one in [shutil.which("initdb")] if one]
    found += sorted(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1]
    reason = "there is no PostgreSQL server here (Debian: postgresql)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    known = {one.pw_name: one for one in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


class Postgresql:
    """A cluster of its own, and the server that runs on it. ``durable`` says whether its commits reach the disk."""

    def __init__(self, *, durable: bool) -> None:
        self._programs = find_programs()
        self.folder = Path(tempfile.mkdtemp(prefix="understudy-pg-"))
        self._durable = durable
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen: list[int] = []
        self._account = unprivileged()
        if self._account:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        with socket.create_server((HOST, 0)) as free:
            self.port: int = free.getsockname()[1]
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._call(
            "initdb", "--no-sync", f"--pgdata={self.folder / 'data'}", "--encoding=UTF8", "--locale=C.UTF-8",
            "--username=noc", f"--pwfile={secret}", "--auth-local=trust", "--auth-host=scram-sha-256",
        )  # fmt: skip

    def _as(self) -> dict[str, object]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, **self._as())  # type: ignore[call-overload]
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Returns when the server takes connections."""
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": self.folder,
            "max_connections": 100,
            "shared_buffers": "16MB",
            "fsync": "on" if self._durable else "off",
        }
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._as()
            )  # type: ignore[call-overload]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            _BREATH.wait(0.02)

    def _answers(self) -> bool:
        import psycopg  # noqa: PLC0415 - an optional part of the program

        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = FAST) -> None:
        """Returns when the server has ended."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(PATIENCE_SECONDS)

    def restart(self, how: signal.Signals = FAST) -> None:
        """Stops the server and starts it again, on the same cluster and the same addresses."""
        self.stop(how)
        self.start()

    def freeze(self) -> None:
        """It keeps its connections and answers nobody (SIGSTOP), until it is thawed."""
        assert self._process is not None
        pid = self._process.pid
        self._stop_process(pid)
        # With their parent stopped, there come no more.
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            self._stop_process(int(child))

    def _stop_process(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        self._frozen.append(pid)

    def thaw(self) -> None:
        """All its processes go on, if they were frozen."""
        while self._frozen:
            os.kill(self._frozen.pop(), signal.SIGCONT)

    def log(self) -> str:
        """What the server has said."""
        return (self.folder / "log").read_text()

    def url(self, database: str) -> str:
        """How to reach a database through the socket, without a password."""
        return f"postgresql://noc@/{database}?host={self.folder}&port={self.port}"

    def url_over_tcp(self, database: str, password: str = PASSWORD) -> str:
        """How to reach a database over TCP, which asks for a password."""
        quoted = password.replace(" ", "%20")
        return f"postgresql://noc:{quoted}@{HOST}:{self.port}/{database}"

    def execute(self, database: str, statement: str) -> None:
        """Executes a statement as the owner of everything."""
        import psycopg  # noqa: PLC0415 - an optional part of the program

        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            connection.execute(statement.encode())

    def new_database(self) -> str:
        """The name of a new, empty database."""
        name = f"record{next(self._numbers)}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return name

    def end(self) -> None:
        """Stops the server if it runs, and takes its cluster away."""
        self.thaw()
        if self._process is not None and self._process.poll() is None:
            self.stop(CRASH)
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgresql]:
    """The server that the tests of a worker share; nobody restarts it."""
    server = Postgresql(durable=False)
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture
def postgres_url(postgres_server: Postgresql) -> str:
    """A new, empty database on the shared server."""
    return postgres_server.url(postgres_server.new_database())


@pytest.fixture
def start_postgres() -> Iterator[Callable[[], Postgresql]]:
    """Starts a server of one's own, whose commits reach the disk, and which may be stopped and started at will."""
    with ExitStack() as stack:

        def begin() -> Postgresql:
            server = Postgresql(durable=True)
            stack.callback(server.end)
            server.start()
            return server

        yield begin


@pytest.fixture
def server(start_postgres: Callable[[], Postgresql]) -> Postgresql:
    """One of the test's own, which may be stopped, frozen and started again."""
    return start_postgres()


@pytest.fixture
def freeze(server: Postgresql) -> Iterator[Callable[[], None]]:
    """Freezes that server, until the test is over or thaws it."""
    yield server.freeze
    server.thaw()
