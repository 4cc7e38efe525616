"""Several processes, and processes that are killed: nothing acknowledged is lost, nothing is doubled."""

import random
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from events.causes import Scope
from events.commands import StartSync
from events.decisions import decide
from events.envelope import Recorded
from events.evolve import evolve
from events.facts import (
    AlarmCleared,
    AlarmKey,
    AlarmRaised,
    SupervisionStarted,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
    Trigger,
)
from events.state import ChassisState
from events.store import Record
from events.store.place import Place

Open = Callable[..., Record]
Worker = Callable[..., "subprocess.Popen[str]"]

MIXED_WORK = """
say("ready")
listen()
for number in range(int(sys.argv[3])):
    record.execute("pe1", StartSupervision(host=sys.argv[2], process=number))
    if number % 3 == 0:
        started = record.execute("pe1", StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL))[0].fact
        outcome = Copied(files=(), bytes_copied=number)
        try:
            record.execute("pe1", FinishSync(attempt=started.attempt, outcome=outcome, duration_ms=1))
        except CommandRefusedError:
            say("another attempt was running")
"""
ENDLESS_WORK = """
number = int(sys.argv[2])
while True:
    number += 1
    record.execute_all([("pe1", StartSupervision(host=part, process=number)) for part in ("first", "second")])
    say(number)
"""


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_processes_append_to_one_chassis_and_every_fact_is_there_once(record: Record, worker: Worker) -> None:
    commands = 225
    processes = [worker(MIXED_WORK, host, str(commands)) for host in ("one", "two")]
    assert [line(process) for process in processes] == ["ready", "ready"]
    for process in processes:
        go(process)
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]

    everything = list(record.read())
    assert [one.position for one in everything] == list(range(1, len(everything) + 1))
    assert [one.version for one in everything] == list(range(1, len(everything) + 1))
    facts = [one.fact for one in everything]
    told = Counter((fact.host, fact.process) for fact in facts if isinstance(fact, SupervisionStarted))
    assert told == Counter((host, number) for host in ("one", "two") for number in range(commands))
    started = [fact.attempt for fact in facts if isinstance(fact, SyncStarted)]
    assert started == list(range(1, 151))
    ended = [fact.attempt for fact in facts if isinstance(fact, SyncSucceeded | SyncFailed)]
    assert sorted(ended) == started
    refused = sum(output.count("another attempt was running") for output in outputs)
    assert sum(isinstance(fact, SyncFailed) for fact in facts) == refused


def test_decisions_of_two_processes_are_made_on_the_state_that_they_were_recorded_on(
    record: Record, worker: Worker
) -> None:
    processes = [worker(MIXED_WORK, host, "60") for host in ("one", "two")]
    for process in processes:
        go(process)
    for process in processes:
        process.communicate(timeout=120)
    state, standing = ChassisState("pe1"), set[AlarmKey]()
    for one in record.read():
        if isinstance(one.fact, SyncStarted):
            again = decide(state, StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL))
            assert again.facts[0] == one.fact
        if isinstance(one.fact, AlarmRaised):
            assert one.fact.alarm not in standing
            standing.add(one.fact.alarm)
        if isinstance(one.fact, AlarmCleared):
            standing.remove(one.fact.alarm)
        state = evolve(state, one.fact)
    assert sorted(standing) == state.standing()
    assert record.state("pe1") == state


def test_what_was_acknowledged_survives_a_kill_at_any_moment_and_a_transaction_is_there_whole_or_not(
    record: Record, open_record: Open, worker: Worker, place: Place
) -> None:
    record.close()
    dice = random.Random(20260105)
    acknowledged = 0
    for _ in range(20):
        process = worker(ENDLESS_WORK, str(acknowledged))
        for _ in range(dice.randint(1, 25)):
            acknowledged = int(line(process))
        process.kill()
        assert process.stdout is not None
        rest = process.stdout.read().split()  # not communicate(), which misses what readline() has buffered
        process.wait(30)
        acknowledged = int(rest[-1]) if rest else acknowledged
        with Record(place, lambda: datetime.now(UTC), create=False) as opened:
            facts = [one.fact for one in opened.read() if isinstance(one.fact, SupervisionStarted)]
            assert [one.position for one in opened.read()] == list(range(1, opened.head() + 1))
            assert opened.state("pe1").version == opened.head()
        pairs = list(zip(facts[::2], facts[1::2], strict=True))
        assert all((one.host, two.host, one.process) == ("first", "second", two.process) for one, two in pairs)
        numbers = [one.process for one, _ in pairs]
        # What was recorded and not yet acknowledged when the process died may be there, too.
        assert numbers in (list(range(1, acknowledged + 1)), list(range(1, acknowledged + 2)))
        acknowledged = len(numbers)
    assert open_record().execute("pe1", StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL))


def test_processes_that_open_a_new_record_at_once_all_get_the_same_one(worker: Worker, place: Place) -> None:
    processes = [worker("say(record.head())") for _ in range(4)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["0\n"] * 4
    assert [process.returncode for process in processes] == [0] * 4
    with Record(place, lambda: datetime.now(UTC), create=False) as opened:
        assert opened.head() == 0


def test_a_fact_that_had_to_wait_for_another_writer_says_when_it_could_first_be_read(
    record: Record, open_record: Open, write_lock: Callable[[], AbstractContextManager[None]]
) -> None:
    stamped = threading.Event()
    times = iter([datetime.now(UTC) + timedelta(hours=1)])
    later = datetime.now(UTC) + timedelta(hours=2)

    def clock() -> datetime:
        stamped.set()
        return next(times, later)

    waiting, found = open_record(clock=clock), list[Recorded]()
    start = StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL)
    thread = threading.Thread(target=lambda: found.extend(waiting.execute("pe1", start)))
    with write_lock():
        thread.start()
        assert stamped.wait(30)
    thread.join(30)
    assert {one.recorded_at for one in found} == {one.occurred_at for one in found} == {later}
    assert found == list(record.read(after=found[0].position - 1))
