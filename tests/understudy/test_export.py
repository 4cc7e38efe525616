"""``understudy export prometheus`` as a process: what it serves, and how it ends."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

PATIENCE_SECONDS = 60.0
SERVED = re.compile(r"Metrics are served at (http://\S+)/metrics")
_BREATH = threading.Event()
"""Never set: a pause between two looks."""


def until(look: Callable[[], Any]) -> Any:
    """The first answer that is something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline
        _BREATH.wait(0.02)
    return found


def get(url: str) -> str | None:
    """What is at an address; none while it is not ready."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 503:
            raise
        return None


@pytest.fixture
def exported(installed, start) -> Callable[..., tuple[Any, str]]:
    """An exporter on a free port, and where it listens."""

    def begin(*words: str) -> tuple[Any, str]:
        running = start(installed, "export", *(words or ("prometheus", "--listen", "127.0.0.1:0")))
        return running, until(lambda: SERVED.search(running.printed()))[1]

    return begin


def test_it_serves_what_another_process_records(installed, exported) -> None:
    _, url = exported()
    until(lambda: get(f"{url}/-/ready"))
    text = until(lambda: get(f"{url}/metrics"))
    assert 'understudy_standby_ready{chassis="pe1"} 0\n' in text
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    until(lambda: 'understudy_standby_ready{chassis="pe1"} 1\n' in (get(f"{url}/metrics") or ""))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(exported, number: int) -> None:
    running, url = exported()
    until(lambda: get(f"{url}/-/ready"))
    assert running.signal(number) == 0
    assert running.printed() == f"Metrics are served at {url}/metrics\n"


def test_a_request_that_is_never_finished_does_not_keep_it_from_its_end(exported) -> None:
    running, url = exported()
    host, port = url.removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((host, int(port))):
        until(lambda: get(f"{url}/-/ready"))
        assert running.signal(signal.SIGTERM) == 0


def test_an_address_in_use_is_one_clear_line(installed, exported) -> None:
    _, url = exported()
    address = url.removeprefix("http://")
    done = installed.run("export", "prometheus", "--listen", address, expect=1)
    assert done.stderr == f"Error: cannot listen on {address}: Address already in use; name another address\n"


def test_the_address_may_come_from_the_environment(installed, exported) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    installed.env["UNDERSTUDY_LISTEN"] = f"127.0.0.1:{port}"
    _, url = exported("prometheus")
    assert url == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--listen", "9820"), "write HOST:PORT, such as 127.0.0.1:9820"),
        (("--tls-cert", "cert.pem"), "--tls-cert and --tls-key belong together"),
        (("--tls-client-ca", "ca.pem"), "--tls-client-ca needs them"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(installed, words: tuple[str, ...], said: str) -> None:
    assert said in installed.run("export", "prometheus", *words, expect=2).stderr


def test_a_chassis_is_refused_since_all_are_exported(installed) -> None:
    said = installed.run("--chassis", "nope", "export", "prometheus", "--listen", "127.0.0.1:0", expect=2).stderr
    assert "--chassis has no meaning here: metrics are those of every chassis of the record" in said


def test_without_a_record_it_says_so(bare) -> None:
    assert "There is no record" in bare.run("export", "prometheus", "--listen", "127.0.0.1:0", expect=2).stderr


def test_a_terminal_shows_how_far_the_reading_has_come_and_nothing_stays(installed) -> None:
    ours, theirs = pty.openpty()
    command = installed.command("export", "prometheus", "--listen", "127.0.0.1:0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=installed.environment) as process:
        assert process.stdout is not None
        url = SERVED.search(process.stdout.readline().decode())
        assert url is not None
        until(lambda: get(f"{url[1]}/-/ready"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    os.close(theirs)
    assert os.read(ours, 10_000).endswith(b"\r\x1b[2K")
    os.close(ours)


def test_other_commands_do_not_wait_for_the_library(installed) -> None:
    code = "import sys, understudy.commands.export; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=installed.environment, check=False).returncode == 0
