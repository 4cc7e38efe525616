"""Real OpenSSH servers on loopback, with keys of their own, and cards behind them."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest

from events.facts import Slot
from producers.cards.card import CHUNK, Card
from producers.cards.location import SshLocation
from producers.cards.ssh import SshCard
from producers.cards.ssh_login import KEY_VARIABLE, KNOWN_HOSTS_VARIABLE, Limits

HOST = "127.0.0.1"
ACCOUNTS = {"shell": (), "sftp only": ("ForceCommand internal-sftp",), "one session": ("MaxSessions 1",)}


def find_sshd() -> str:
    """It wants to be called by its absolute path."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        reason = "there is no OpenSSH server (sshd) here"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def keys() -> Iterator[Path]:
    """A folder with the pairs ``host``, ``user`` and ``other``, which every account can read."""
    folder = Path(tempfile.mkdtemp(prefix="understudy-ssh-"))
    folder.chmod(0o755)
    for name in ("host", "user", "other"):
        key = asyncssh.generate_private_key("ssh-ed25519", comment=name)
        key.write_private_key(folder / name)
        key.write_public_key(folder / f"{name}.pub")
        (folder / name).chmod(0o600)
    yield folder
    shutil.rmtree(folder)


class Sshd:
    """A running server."""

    def __init__(self, program: str, keys: Path, lines: tuple[str, ...], sftp: str, largest_file: int | None) -> None:
        self.keys = keys
        self._frozen: list[int] = []
        with socket.create_server((HOST, 0)) as free:
            self.port: int = free.getsockname()[1]
        told = [
            f"ListenAddress {HOST}:{self.port}",
            f"HostKey {keys / 'host'}",
            f"AuthorizedKeysFile {keys / 'user.pub'}",
            f"Subsystem sftp {sftp}",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "StrictModes no",
            "UsePAM no",
            "PidFile none",
            # A shell that takes itself for a nested one does not read the rc files of whoever runs the tests.
            "SetEnv SHLVL=2",
            *lines,
        ]
        options = [word for line in told for word in ("-o", line)]

        # Python ignores SIGXFSZ; left so, a file that is too large is an error for the server and not its end.
        limit = [] if largest_file is None else ["prlimit", f"--fsize={largest_file}"]
        self._process = subprocess.Popen(
            [*limit, program, "-D", "-e", "-f", "/dev/null", *options],
            stderr=subprocess.PIPE,
            text=True,
            restore_signals=False,
        )

    def has_started(self) -> bool:
        """Waits until it listens; False if it ended instead, for example because somebody took the port."""
        assert self._process.stderr is not None
        return any(line.startswith("Server listening") for line in self._process.stderr)

    def known_hosts(self, key: str = "host") -> str:
        return f"[{HOST}]:{self.port} {(self.keys / f'{key}.pub').read_text()}"

    def freeze(self) -> None:
        """Stop the server with all that it has started, as when the host hangs."""
        self._frozen = [*descendants(self._process.pid), self._process.pid]
        send(signal.SIGSTOP, self._frozen)

    def freeze_sftp(self) -> None:
        """Stop only what answers SFTP in the one session that there is: the connection itself stays alive."""
        self._frozen = descendants(self._process.pid)[-1:]
        send(signal.SIGSTOP, self._frozen)

    def thaw(self) -> None:
        send(signal.SIGCONT, self._frozen)
        self._frozen = []

    def stop(self) -> None:
        """Kill the server with all that it has started, as when the host dies."""
        if self._process.poll() is None:
            send(signal.SIGKILL, [*self._frozen, *descendants(self._process.pid), self._process.pid])
            self._process.communicate()


def send(number: int, processes: list[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # a session may end by itself
            os.kill(process, number)


def descendants(process: int) -> list[int]:
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = dict((int(word) for word in line.split()) for line in listed.splitlines())
    found = [process]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found[1:]


@pytest.fixture
def start_sshd(keys: Path) -> Iterator[Callable[..., Sshd]]:
    """Start a server with further configuration lines."""
    program = find_sshd()
    running: list[Sshd] = []
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)

    def start(*lines: str, sftp: str = "internal-sftp", largest_file: int | None = None) -> Sshd:
        for _ in range(5):
            running.append(Sshd(program, keys, lines, sftp, largest_file))
            if running[-1].has_started():
                return running[-1]
        raise AssertionError("sshd does not start")

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def sshd(start_sshd: Callable[..., Sshd]) -> Sshd:
    return start_sshd()


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home, keys and an agent of one's own, with nothing in them but the key that is accepted."""
    (tmp_path / "home/.ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(KEY_VARIABLE, str(keys / "user"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv(KNOWN_HOSTS_VARIABLE, raising=False)


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    return tmp_path / "home/.ssh/known_hosts"


@pytest.fixture
def behind(known_hosts: Path) -> Iterator[Callable[..., SshCard]]:
    """A card in a folder behind a server, whose host key is put into ``known_hosts``; it is closed in the end."""
    made: list[SshCard] = []

    def make(
        server: Sshd, folder: Path, *, slot: Slot = Slot.B, user: str = "", answer: float = 20.0, key: str = "host"
    ) -> SshCard:
        with known_hosts.open("a") as file:
            file.write(server.known_hosts(key))
        location = SshLocation(user=user or getpass.getuser(), host=HOST, port=server.port, folder=str(folder))
        made.append(SshCard(slot, location, Limits(login=20.0, answer=answer)))
        return made[-1]

    yield make
    for card in made:
        card.close()


@pytest.fixture
def other_account() -> str:
    """An account that permissions hold for, confined to SFTP since it has no shell; our own, unless that is root's."""
    return "nobody" if os.geteuid() == 0 else getpass.getuser()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a card with nothing on it."""
    (tmp_path / "card/cf3").mkdir(parents=True)
    return tmp_path / "card"


@pytest.fixture(params=ACCOUNTS)
def card(
    request: pytest.FixtureRequest,
    start_sshd: Callable[..., Sshd],
    behind: Callable[..., SshCard],
    folder: Path,
) -> SshCard:
    """A connected card, behind each kind of account in turn."""
    made = behind(start_sshd(*ACCOUNTS[request.param]), folder)
    made.connect()
    return made


@pytest.fixture
def shell_card(sshd: Sshd, behind: Callable[..., SshCard], folder: Path) -> SshCard:
    """A connected card, behind an account with a shell."""
    made = behind(sshd, folder)
    made.connect()
    return made


@pytest.fixture
def read() -> Callable[..., bytes]:
    """Reads a file of a card, ``size`` bytes at a time."""

    def content(card: Card, path: str, size: int = CHUNK) -> bytes:
        with card.open_read(path) as file:
            return b"".join(iter(lambda: file.read(size), b""))

    return content


@pytest.fixture
def remote(sshd: Sshd, behind: Callable[..., SshCard], standby: Path) -> SshCard:
    """The standby card, on another host."""
    return behind(sshd, standby)
