"""Following the record: what is past, then what is new, whoever appends it; without a gap and without a double."""

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from threading import Event, Thread

import pytest

from events.commands import StartSupervision
from events.envelope import Recorded
from events.store import Record
from events.store.following import Following

Open = Callable[..., Record]
Worker = Callable[..., "subprocess.Popen[str]"]

pytestmark = pytest.mark.timeout(120)

APPEND_WHEN_TOLD = """
say("ready")
while listen():
    record.execute("pe1", StartSupervision(host="other", process=1))
    say(time.monotonic())
"""
APPEND_MANY = """
say("ready")
listen()
for number in range(int(sys.argv[2])):
    record.execute("pe1", StartSupervision(host=sys.argv[3], process=number))
"""


def seen(number: int) -> StartSupervision:
    return StartSupervision(host="mgmt1", process=number)


def ready(process: "subprocess.Popen[str]") -> "subprocess.Popen[str]":
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def tell(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=30)
        assert not thread.is_alive(), thread


def test_the_past_is_followed_from_any_position(record: Record) -> None:
    record.execute_all([("pe1", seen(number)) for number in range(1300)])
    with record.follow() as facts:
        assert list(islice(facts, 1303)) == list(record.read())
    with record.follow(after=1000) as facts:
        assert list(islice(facts, 303)) == list(record.read(after=1000))


def test_what_this_process_appends_is_followed(record: Record) -> None:
    with record.follow(after=record.head()) as facts:
        for number in range(20):
            appended = record.execute("pe1", seen(number))
            assert [next(facts)] == appended


def test_another_process_wakes_a_follower_that_waits(record: Record, worker: Worker) -> None:
    process = ready(worker(APPEND_WHEN_TOLD))
    assert process.stdout is not None
    with record.follow(after=record.head()) as facts:
        waits: list[float] = []
        for _ in range(5):
            tell(process)
            next(facts)
            woken = time.monotonic()
            waits.append(woken - float(process.stdout.readline()))
    assert statistics.median(waits) < 10, waits
    process.communicate(timeout=30)


def test_two_processes_and_the_past_are_followed_without_a_gap_or_a_double(record: Record, worker: Worker) -> None:
    record.execute_all([("pe1", seen(number)) for number in range(700)])
    processes = [ready(worker(APPEND_MANY, "100", host)) for host in ("one", "two")]
    for process in processes:
        tell(process)
    with record.follow() as facts:
        followed = list(islice(facts, 703 + 200))
    assert [one.position for one in followed] == list(range(1, 904))
    assert followed == list(record.read())
    for process in processes:
        process.communicate(timeout=30)


def test_followers_that_start_while_appends_go_on_miss_nothing(record: Record) -> None:
    total = 3 + 60
    followed: list[list[int]] = []

    def follow(after: int) -> None:
        with record.follow(after=after) as facts:
            followed.append([one.position for one in islice(facts, total - after)])

    threads: list[Thread] = []
    for number in range(60):
        if number % 10 == 0:
            threads.append(Thread(target=follow, args=(number % 4,)))
            threads[-1].start()
        record.execute("pe1", seen(number))
    for thread in threads:
        thread.join(timeout=30)
    assert len(followed) == 6
    assert all(positions == list(range(positions[0], total + 1)) for positions in followed)


def iterate(facts: Following, caught_up: Event, found: list[Recorded]) -> Thread:
    def run() -> None:
        for recorded in facts:
            found.append(recorded)
            if len(found) == 3:
                caught_up.set()

    thread = Thread(target=run)
    thread.start()
    return thread


def test_stop_ends_an_iteration_that_waits(record: Record) -> None:
    caught_up, found = Event(), list[Recorded]()
    with record.follow() as facts:
        thread = iterate(facts, caught_up, found)
        assert caught_up.wait(timeout=30)
        facts.stop()
        thread.join(timeout=30)
    assert not thread.is_alive()
    assert len(found) == 3


def test_a_follower_may_be_stopped_twice_and_then_ends_at_once(record: Record) -> None:
    with record.follow() as facts:
        facts.stop()
        facts.stop()
        assert list(facts) == []


def test_a_follower_that_leaves_does_not_stop_the_others(record: Record, worker: Worker) -> None:
    process = ready(worker(APPEND_WHEN_TOLD))
    with record.follow(after=3) as staying:
        with record.follow(after=3):
            pass
        tell(process)
        assert next(staying).position == 4
    with record.follow(after=4) as again:
        tell(process)
        assert next(again).position == 5
    process.communicate(timeout=30)


def test_a_follower_that_does_not_read_is_stopped_all_the_same(record: Record) -> None:
    record.execute_all([("pe1", seen(number)) for number in range(8000)])
    with record.follow() as facts:
        assert next(facts).position == 1
