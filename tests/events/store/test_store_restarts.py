"""PostgreSQL really restarts, several times, under load: nothing acknowledged is lost, nothing is there twice."""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest

from events.commands import StartSupervision
from events.envelope import Recorded
from events.facts import SupervisionStarted
from events.store import Record
from events.store.place import Place

Open = Callable[..., Record]
Worker = Callable[..., "subprocess.Popen[str]"]

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql-restarts"), pytest.mark.timeout(120)]

WORKERS = ("one", "two", "three")
FACTS_BETWEEN = 120
RESTARTS = ("SIGQUIT", "SIGINT", "SIGQUIT", "SIGINT", "SIGQUIT")
"""Crash and fast shutdown, in turns."""
APPEND_UNTIL_TOLD = """
import threading
told = threading.Event()
threading.Thread(target=lambda: (listen(), told.set())).start()
number = 0
say("ready")
while not told.is_set():
    number += 1
    record.execute_all([(chassis, StartSupervision(host=sys.argv[2], process=number)) for chassis in ("pe1", "pe2")])
    if number % 7 == 0:
        record.execute("pe1", StartSupervision(host=sys.argv[2], process=0))
say(number)
"""


@pytest.fixture
def place(server: Any) -> Place:
    """On a server of its own, which flushes what it commits."""
    url: str = server.url(server.new_database())
    return url


def test_an_outage_is_told_once_and_so_is_its_end_however_many_follow(record: Record, server: Any, caplog: Any) -> None:
    def told(what: str) -> int:
        return sum(what in one.getMessage() for one in caplog.records)

    position = record.head()
    with record.follow(after=position) as first, record.follow(after=position) as second:
        server.stop()
        until(lambda: len(record.recorder.datastore.outage._waiting) == 2)  # type: ignore[attr-defined] # PostgreSQL's
        server.start()
        record.execute("pe1", StartSupervision(host="mgmt1", process=1))
        assert next(first) == next(second)
        until(lambda: told("is back after") == 1)
    assert (told("whoever follows the record waits"), told("is back after")) == (1, 1)


def until(reached: Callable[[], bool]) -> None:
    deadline, breath = time.monotonic() + 60, threading.Event()
    while not reached():
        assert time.monotonic() < deadline
        breath.wait(0.02)


def test_appends_of_several_processes_survive_restarts_once_each_and_a_follower_misses_nothing(
    record: Record, provision: Any, server: Any, worker: Worker
) -> None:
    record.execute("pe2", provision)
    workers = {host: worker(APPEND_UNTIL_TOLD, host) for host in WORKERS}
    for process in workers.values():  # whoever begins while the server is away ends at once: nobody waits for it yet
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    restarts, followed = list(RESTARTS), list[Recorded]()
    with record.follow() as facts:
        for recorded in facts:
            followed.append(recorded)
            if len(followed) % FACTS_BETWEEN == 0:
                if not restarts:
                    break
                server.restart(getattr(__import__("signal"), restarts.pop(0)))
    numbers = {host: int(process.communicate("enough\n", timeout=60)[0]) for host, process in workers.items()}
    assert [process.returncode for process in workers.values()] == [0] * len(WORKERS)

    everything = list(record.read())
    assert followed == everything[: len(followed)]
    assert [one.position for one in everything] == list(range(1, len(everything) + 1))
    for chassis in ("pe1", "pe2"):
        stream = [one for one in everything if one.chassis == chassis]
        assert [one.version for one in stream] == list(range(1, len(stream) + 1))
        assert stream == list(record.read_chassis(chassis))
    told = Counter(
        (one.chassis, one.fact.host, one.fact.process) for one in everything if isinstance(one.fact, SupervisionStarted)
    )
    wanted = Counter(
        chain.from_iterable(
            [("pe1", host, number), ("pe2", host, number)] for host in WORKERS for number in range(1, numbers[host] + 1)
        )
    ) + Counter({("pe1", host, 0): numbers[host] // 7 for host in WORKERS if numbers[host] >= 7})
    assert told == wanted
