"""Locks on a server that is frozen: who waits for it is let go when the process comes to its end."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.errors import RecordAwayError
from events.store import Record
from producers.advisory_locks import AdvisoryLocks
from producers.lock import LockLostError, Purpose

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql-restarts"), pytest.mark.timeout(120)]
SOON_SECONDS = 8.0


@pytest.fixture
def server(start_postgres: Callable[[], Any]) -> Any:
    return start_postgres()


@pytest.fixture
def freeze(server: Any) -> Iterator[Callable[[], None]]:
    """Stops all processes of the server, which keeps its connections; they go on in the end."""
    frozen: list[int] = []

    def froze() -> None:
        pid = server._process.pid
        frozen.append(pid)
        os.kill(pid, signal.SIGSTOP)
        frozen.extend(int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        for one in frozen[1:]:
            os.kill(one, signal.SIGSTOP)

    yield froze
    for one in reversed(frozen):
        os.kill(one, signal.SIGCONT)


def test_whoever_asks_a_frozen_server_for_a_lock_is_let_go_in_a_hurry(server: Any, freeze: Callable[[], None]) -> None:
    url = server.url(server.new_database())
    with Record(url, lambda: datetime.now(UTC)), closing(AdvisoryLocks(url)) as locks:
        with locks.hold("pe1", Purpose.SUPERVISION) as held, ThreadPoolExecutor(2) as pool:
            held.check()
            freeze()
            checking, asking = pool.submit(held.check), pool.submit(locks.is_held, "pe2", Purpose.WORK)
            threading.Event().wait(0.5)
            assert not checking.done()
            assert not asking.done()
            locks.hurry()
            began = time.monotonic()
            with pytest.raises(LockLostError):
                checking.result()
            with pytest.raises(RecordAwayError):
                asking.result()
        assert time.monotonic() - began < SOON_SECONDS
