"""Publishers as processes of their own, under load, and what subscribers find in the topics in the end."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaError

from consumers.cloudevents import Message, alarm_message, fact_message, position_of
from consumers.kafka.connecting import ConnectError, connect_consumer
from consumers.kafka.position import read_position
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicError, TopicNames
from events.causes import Cause
from events.commands import AlarmAction
from events.errors import CommandRefusedError
from events.store import Record
from projections.alarm_changes import AlarmChanges
from tests.servers.kafka import QUICK, Broker

PROGRAM = (sys.executable, "-m", "understudy")
PATIENCE_SECONDS = 90.0
LOOK_SECONDS = 0.1
CHASSIS = ("pe1", "pe2", "pe3")
CAUSES = (Cause.NO_SPACE, Cause.CHECKSUM_MISMATCH, Cause.SOURCE_MISSING)


class Process:
    """``understudy publish kafka``, as its users run it."""

    def __init__(self, home: Path, log: Path, words: tuple[str, ...]) -> None:
        self.log = log
        command = [*PROGRAM, "publish", "kafka", "--home", str(home), "--create-topics", *words]
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    @property
    def pid(self) -> int:
        return self._process.pid

    def runs(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self.runs():
            self._process.kill()
        self._process.wait()

    def end(self) -> int:
        """Waits for its end; returns its exit code."""
        return self._process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """SIGTERM; returns its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.end()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def megabytes(self, field: str) -> float:
        """``VmRSS``, what it has in memory now, or ``VmHWM``, the most that it ever had."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


class Load:
    """Raises, clears and purges alarms on three chassis until it is stopped; what happens follows from the seed."""

    def __init__(self, story: Any, seed: int) -> None:
        self._story = story
        self._random = random.Random(seed)
        self._stopped = threading.Event()
        self.error: BaseException | None = None
        for chassis in CHASSIS:
            story.provision(chassis)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopped.wait(0.01):
                self._happens(self._random.choice(CHASSIS), self._random.choice(CAUSES))
        except BaseException as error:  # noqa: BLE001 # shown when the load is stopped
            self.error = error

    def _happens(self, chassis: str, cause: Cause) -> None:
        match self._random.randrange(4):
            case 0 | 1:
                self._story.fail(chassis, cause)
            case 2:
                self._story.succeed(chassis)
            case _:
                with suppress(CommandRefusedError):  # there may be nothing to purge
                    self._story.act(AlarmAction.PURGE, chassis=chassis, cause=cause)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        assert self.error is None, self.error


class Site:
    """A record, a broker, and publishers between them."""

    def __init__(self, home: Path, record: Record, story: Any, broker: Broker, folder: Path) -> None:
        self.home, self.record, self.story, self.broker = home, record, story, broker
        self.names = TopicNames.of()
        self._folder = folder
        self._loads: list[Load] = []
        self.processes: list[Process] = []

    def load(self, seed: int = 1) -> Load:
        self._loads.append(Load(self.story, seed))
        return self._loads[-1]

    def publish(self, *words: str) -> Process:
        """Starts a publisher."""
        log = self._folder / f"publisher-{len(self.processes)}.log"
        self.processes.append(Process(self.home, log, ("--kafka", self.broker.bootstrap, *words)))
        return self.processes[-1]

    def close(self) -> None:
        for load in self._loads:
            load.stop()
        for process in self.processes:
            process.kill()

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Waits until something holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                told = "\n".join(f"{process.log.name}: {process.output()[-1500:]}" for process in self.processes[-3:])
                raise AssertionError(f"not within {PATIENCE_SECONDS:g} s: {what}; position {self.position()}\n{told}")
            threading.Event().wait(LOOK_SECONDS)

    def position(self) -> int:
        """How far a publisher is, as it is committed in Kafka; -1 while that is not to be seen."""
        settings = ClientSettings.read(self.broker.bootstrap)
        try:
            with closing(connect_consumer(settings, bootstrap_timeout_ms=500, **QUICK)) as consumer:
                if self.names.publisher not in consumer.topics():
                    return 0  # nobody has made the topics yet
                stored = read_position(consumer, self.names.publisher)
                return stored.position if stored else 0
        except (ConnectError, TopicError, KafkaError):
            return -1

    def reached(self) -> int:
        """How far a publisher is, once that is to be seen."""
        found: list[int] = []
        self.until(lambda: found.append(self.position()) or found[-1] >= 0, "a position is to be read")
        return found[-1]

    def until_position(self, position: int) -> None:
        self.until(lambda: self.position() >= position, f"position {position}")

    def until_progress(self) -> None:
        """Waits until a fact is published that is recorded only from now on."""
        self.until_position(self.record.head() + 1)

    def settle(self, process: Process) -> None:
        """Ends the load, waits until everything is published, and stops the publisher."""
        for load in self._loads:
            load.stop()
        self.until_position(self.record.head())
        assert process.stop() == 0, process.output()

    def read(self, topic: str) -> list[Message]:
        """What a subscriber reads."""
        settings = ClientSettings.read(self.broker.bootstrap)
        found: list[Message] = []
        with closing(connect_consumer(settings, **QUICK)) as consumer:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            end = consumer.end_offsets([partition])[partition]
            while consumer.position(partition) < end:
                batch = consumer.poll(1000).get(partition, [])
                found += [Message(one.key, one.value, list(one.headers)) for one in batch]
        return found

    def holds_the_record(self, *, alarms_anew: bool = False) -> None:
        """The topics are what the record says: nothing is lost, nothing doubled, all in order."""
        facts, changes = list(self.record.read()), AlarmChanges()
        events = self.read(self.names.events)
        assert [position_of(message) for message in events] == [*range(1, len(facts) + 1)]
        assert events == [fact_message(fact) for fact in facts]
        wanted = [alarm_message(name, change, fact) for fact in facts for name, change in changes.apply(fact)]
        alarms = self.read(self.names.alarms)
        if not alarms_anew:
            assert alarms == wanted
        assert kept(alarms) == kept(wanted)
        assert kept(wanted), "the load left no alarm: nothing was tested"


def kept(messages: list[Message]) -> dict[bytes, bytes]:
    """What compaction leaves."""
    found = {message.key: message.value for message in messages}
    return {key: value for key, value in found.items() if value is not None}


@pytest.fixture
def site(home: Path, record: Record, story: Any, new_broker: Callable[..., Broker], tmp_path: Path) -> Iterator[Site]:
    """One with a broker of its own, and no publisher yet."""
    made = Site(home, record, story, new_broker(), tmp_path)
    yield made
    made.close()


@pytest.fixture
def seed() -> int:
    """Of the random moments; UNDERSTUDY_SEED repeats those of a test that failed."""
    chosen = int(os.environ.get("UNDERSTUDY_SEED") or random.randrange(10**6))
    print(f"UNDERSTUDY_SEED={chosen}")  # noqa: T201 # shown when the test fails
    return chosen
