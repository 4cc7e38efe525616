"""Publishing to a real broker: its rate beside kafka-python alone, its delay until a subscriber sees, its memory."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

from kafka.errors import KafkaError

from benchmarks.broker import broker
from benchmarks.measuring import Row, at_least, percentile
from benchmarks.story import BATCH, CHASSIS, Ours
from consumers.cloudevents import Message
from consumers.kafka.connecting import ConnectError, connect_admin, connect_consumer, connect_producer
from consumers.kafka.outbox import Outbox
from consumers.kafka.position import Stored, Writer, read_position
from consumers.kafka.publisher import Publisher
from consumers.kafka.publishing import Plan
from consumers.kafka.reading import kafka_source
from consumers.kafka.session import PREFERRED
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames, create_topics
from consumers.subscription import subscribe_events
from events.commands import StartSupervision
from events.store import Record
from tests.servers.kafka import Broker

FLEET = tuple(f"pe{number}" for number in range(1, 21))
PER_SECOND = 100
SEEN_MS = 25
GROWTH_MIB = 16
Sent = list[tuple[str, Message]]


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Messages per second, milliseconds at 100 appends a second, and MiB before and after."""
    with broker(folder) as server:
        return [
            _rate(folder, server, facts=8_000 if quick else 30_000, rounds=1 if quick else 5),
            *_delays(folder, server, 200 if quick else 1000),
            *_memory(folder, server, facts=20_000 if quick else 1_000_000, outage_seconds=5 if quick else 60),
        ]


# The rate


def _rate(folder: Path, server: Broker, *, facts: int, rounds: int) -> Row:
    with closing(Ours(folder / "rate.sqlite", FLEET)) as ours:
        while ours.record.head() < facts:
            ours.append()
        mine: list[float] = []
        theirs: list[float] = []
        for number in range(rounds):
            # In turns, and who is first takes turns, too; each in topics of its own.
            steps = [(mine, _publish), (theirs, _send)]
            for rates, step in steps if number % 2 else steps[::-1]:
                rates.append(step(ours.record, server, f"{step.__name__[1:]}{number}"))
    what = "publish a record: messages in transactions of up to 1,000 facts"
    return at_least(what, median(mine), "messages/s", "kafka-python alone, same bytes", median(theirs), 0.9)


def _publish(record: Record, server: Broker, prefix: str) -> float:
    publisher = Publisher(record, ClientSettings.read(server.bootstrap), Plan(prefix, create=True))
    status, head = publisher.status, record.head()
    thread = Thread(target=publisher.run)
    thread.start()
    try:
        while not status.up:
            time.sleep(0.001)
        began = time.perf_counter()
        while status.position < head:
            time.sleep(0.001)
        taken = time.perf_counter() - began
    finally:
        publisher.stop()
        thread.join()
    return (status.published.total() + status.transactions["committed"]) / taken


def _send(record: Record, server: Broker, prefix: str) -> float:
    """The same messages, made beforehand, in the same transactions, as one does it with kafka-python."""
    settings = ClientSettings.read(server.bootstrap)
    names = TopicNames.of(prefix)
    with closing(connect_admin(settings)) as admin:
        create_topics(admin, names)
    batches = list(_batches(record, names))
    producer = connect_producer(settings, **PREFERRED, transactional_id=prefix)
    producer.init_transactions()
    began = time.perf_counter()
    for batch in batches:
        producer.begin_transaction()
        for topic, message in batch:
            producer.send(topic, message.value, message.key, message.headers)
        producer.commit_transaction()
    taken = time.perf_counter() - began
    producer.close()
    return sum(map(len, batches)) / taken


def _batches(record: Record, names: TopicNames) -> Iterator[Sent]:
    outbox, writer = Outbox(record, names), Writer.new()
    topics = dict.fromkeys(names[:2], "0" * 36)
    while batch := outbox.next():
        stored = Stored(
            position=batch.position,
            alarms=batch.position,
            record="0" * 32,
            topics=topics,
            transactional_id=names.publisher,
            writer=writer,
        )
        yield [*batch.messages, (names.publisher, stored.message())]
        outbox.done()


# The delay


def _delays(folder: Path, server: Broker, appends: int) -> list[Row]:
    path = folder / "delays.sqlite"
    with closing(Ours(path)) as ours, _process("publisher", path, server, "delays"):
        _until(server, "delays", ours.record.head())
        waits = _waits(ours.record, path, server, appends)
    what = f"append called -> seen by a subscriber through Kafka, {PER_SECOND}/s"
    p50, p99, target = percentile(waits, 50), percentile(waits, 99), f"<= {SEEN_MS} ms"
    return [
        Row(what=f"{what}: p50", figure=p50, unit="ms", target=target, met=p50 <= SEEN_MS),
        Row(what=f"{what}: p99", figure=p99, unit="ms", target=target, met=p99 <= SEEN_MS),
        Row(what=f"{what}: max", figure=max(waits), unit="ms"),
    ]


def _waits(record: Record, path: Path, server: Broker, appends: int) -> list[float]:
    """After as many that are not counted: a broker that was just started is slow at first."""
    called: dict[int, float] = {}
    with _process("seen", path, server, "delays", 2 * appends) as subscriber:
        assert subscriber.stdout is not None
        subscriber.stdout.readline()
        due = time.monotonic()
        for number in range(2 * appends):
            due += 1 / PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            recorded = record.execute(CHASSIS, StartSupervision(host="mgmt1", process=number))
            called[recorded[0].position] = began
        seen: dict[str, float] = json.loads(subscriber.stdout.readline())
    times = [(at - called[int(position)]) * 1000 for position, at in seen.items()]
    return times[appends:]


def seen(server: str, prefix: str, facts: int) -> dict[int, float]:
    """When each of the next ``facts`` facts was seen, by position (seconds of the clock that all processes share)."""
    times: dict[int, float] = {}
    with subscribe_events(kafka_source(server, prefix=prefix)) as events:
        print("ready", flush=True)
        for recorded in events:
            times[recorded.position] = time.monotonic()
            if len(times) == facts:
                break
    return times


# The memory


def _memory(folder: Path, server: Broker, *, facts: int, outage_seconds: int) -> list[Row]:
    path = folder / "memory.sqlite"
    with closing(Ours(path, FLEET)) as ours:
        while ours.record.head() < facts:
            ours.append(4 * BATCH)
        with _process("publisher", path, server, "memory") as publisher:
            _until(server, "memory", facts // 10)
            early = _resident_mib(publisher.pid)
            _until(server, "memory", ours.record.head())
            late = _resident_mib(publisher.pid)
            server.kill()
            _load(ours.record, outage_seconds)
            away = _resident_mib(publisher.pid)
            server.start()
            _until(server, "memory", ours.record.head())
            back = _resident_mib(publisher.pid)
    return [
        Row(what=f"publisher's memory after {facts // 10:,} facts", figure=early, unit="MiB"),
        _grown(f"... and after {facts:,}", late, early),
        _grown(f"... and after an outage of {outage_seconds} s with {PER_SECOND}/s", away, late),
        _grown("... and after it has caught up", back, late),
    ]


def _grown(what: str, figure: float, before: float) -> Row:
    target = f"<= {GROWTH_MIB} MiB more"
    return Row(what=what, figure=figure, unit="MiB", target=target, met=figure - before <= GROWTH_MIB)


def _load(record: Record, seconds: int) -> None:
    due = time.monotonic()
    for number in range(PER_SECOND * seconds):
        due += 1 / PER_SECOND
        time.sleep(max(0.0, due - time.monotonic()))
        record.execute(FLEET[0], StartSupervision(host="mgmt1", process=number))


def _resident_mib(process: int) -> float:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024


# Processes of their own


def _until(server: Broker, prefix: str, position: int) -> None:
    """Waits until so much is published."""
    publisher = TopicNames.of(prefix).publisher
    while _stored(server, publisher) < position:
        time.sleep(0.05)


def _stored(server: Broker, topic: str) -> int:
    try:
        with closing(connect_consumer(ClientSettings.read(server.bootstrap))) as consumer:
            stored = read_position(consumer, topic)
    except (ConnectError, KafkaError):
        return -1
    return stored.position if stored else -1


@contextmanager
def _process(what: str, path: Path, server: Broker, *more: Any) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "benchmarks.publish", what, str(path), server.bootstrap, *map(str, more)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def publisher(path: Path, server: str, prefix: str) -> None:
    """Publishes until it is terminated."""
    with closing(Record(path, lambda: datetime.now(UTC), create=False)) as record:
        Publisher(record, ClientSettings.read(server), Plan(prefix, create=True)).run()


if __name__ == "__main__":
    asked, record_path, bootstrap, topic_prefix, *count = sys.argv[1:]
    if asked == "seen":
        print(json.dumps(seen(bootstrap, topic_prefix, int(count[0]))))
    else:
        publisher(Path(record_path), bootstrap, topic_prefix)
