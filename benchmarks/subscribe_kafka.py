"""Following Kafka: from the call that appends, through publisher and broker, until a subscriber sees the fact.

Beside it, in the same run: a message of the same size in a transaction of its own by kafka-python alone, seen by its
plain consumer.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.broker import broker
from benchmarks.measuring import Row, percentile
from benchmarks.story import CHASSIS, Ours
from consumers.kafka.connecting import connect_admin, connect_consumer, connect_producer
from consumers.kafka.publisher import Publisher
from consumers.kafka.publishing import Plan
from consumers.kafka.reading import kafka_source
from consumers.kafka.reading_offsets import partitions_of
from consumers.kafka.settings import ClientSettings
from consumers.subscription import subscribe_events
from events.commands import StartSupervision
from events.store import Record
from tests.servers.kafka import Broker

PER_SECOND = 100
SEEN_MS = 25
BYTES = 330
"""Of the yardstick's messages: about those of the fact, with its headers."""
TOPIC = "yardstick"


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Milliseconds at 100 appends a second."""
    appends = 200 if quick else 1000
    with broker(folder) as server:
        theirs = _yardstick(server, appends)
        ours = _ours(folder / "ours.sqlite", server, appends)
    what = f"append called -> seen through Kafka, {PER_SECOND}/s"
    p50, p99 = percentile(ours, 50), percentile(ours, 99)
    return [
        _beside(f"{what}: p50", p50, percentile(theirs, 50)),
        _beside(f"{what}: p99", p99, percentile(theirs, 99)),
        Row(what=f"{what}: max", figure=max(ours), unit="ms"),
    ]


def _beside(what: str, figure: float, measure: float) -> Row:
    yardstick, target = f"kafka-python alone, sent -> seen ({measure:.1f})", f"<= {SEEN_MS} ms"
    return Row(
        what=what,
        figure=figure,
        unit="ms",
        yardstick=yardstick,
        ratio=figure / measure,
        target=target,
        met=figure <= SEEN_MS,
    )


def _yardstick(server: Broker, appends: int) -> list[float]:
    settings = ClientSettings.read(server.bootstrap)
    with closing(connect_admin(settings)) as admin:
        admin.create_topics({TOPIC: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    with closing(connect_producer(settings, transactional_id=TOPIC)) as producer:
        producer.init_transactions()

        def send(number: int) -> int:
            producer.begin_transaction()
            producer.send(TOPIC, value=b"%d " % number + b"x" * BYTES)
            producer.flush()
            producer.commit_transaction()
            return number

        return _waits(send, appends, "alone", server.bootstrap)


def _ours(path: Path, server: Broker, appends: int) -> list[float]:
    with closing(Ours(path)) as ours, _process("publisher", str(path), server.bootstrap) as publisher:
        _line(publisher)

        def append(number: int) -> int:
            return ours.record.execute(CHASSIS, StartSupervision(host="mgmt1", process=number))[0].position

        return _waits(append, appends, "seen", server.bootstrap)


def _waits(step: Callable[[int], int], appends: int, what: str, server: str) -> list[float]:
    """After half as many that are not counted: a broker that was just started is slow at first."""
    steps, called = appends + appends // 2, dict[int, float]()
    with _process(what, server, str(steps)) as subscriber:
        _line(subscriber)
        due = time.monotonic()
        for number in range(steps):
            due += 1 / PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            called[step(number)] = began
        seen: dict[str, float] = json.loads(_line(subscriber))
    return [(at - called[int(number)]) * 1000 for number, at in seen.items()][-appends:]


@contextmanager
def _process(*words: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "benchmarks.subscribe_kafka", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def publisher(path: str, server: str) -> None:
    """Publishes until it is terminated; says when it has published what there was."""
    with closing(Record(Path(path), lambda: datetime.now(UTC), create=False)) as record:
        settings = ClientSettings.read(server)
        Publisher(record, settings, Plan(create=True)).run(once=True)
        print("ready", flush=True)
        Publisher(record, settings, Plan()).run()


def seen(server: str, facts: str) -> dict[int, float]:
    """When each of the next ``facts`` facts was seen, by position (seconds of the clock that all processes share)."""
    times: dict[int, float] = {}
    with subscribe_events(kafka_source(server)) as events:
        print("ready", flush=True)
        for recorded in events:
            times[recorded.position] = time.monotonic()
            if len(times) == int(facts):
                break
    return times


def alone(server: str, messages: str) -> dict[int, float]:
    """When each of the next messages of the yardstick was seen."""
    times: dict[int, float] = {}
    consumer: Any = connect_consumer(ClientSettings.read(server), auto_offset_reset="latest")
    with closing(consumer):
        partitions = partitions_of(consumer, TOPIC)
        consumer.assign(partitions)
        consumer.position(partitions[0])
        print("ready", flush=True)
        for record in consumer:
            times[int(record.value.split()[0])] = time.monotonic()
            if len(times) == int(messages):
                break
    return times


if __name__ == "__main__":
    asked = {"publisher": publisher, "seen": seen, "alone": alone}[sys.argv[1]]
    print(json.dumps(asked(*sys.argv[2:])))
