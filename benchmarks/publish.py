"""Publishing to a real broker: its rate beside kafka-python alone, and its memory."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from threading import Thread

from kafka.errors import KafkaError

from benchmarks.broker import broker
from benchmarks.measuring import Row, at_least
from benchmarks.story import BATCH, Ours
from consumers.cloudevents import Message
from consumers.kafka.connecting import ConnectError, connect_admin, connect_consumer, connect_producer
from consumers.kafka.outbox import Outbox
from consumers.kafka.position import Stored, Writer, read_position
from consumers.kafka.publisher import Publisher
from consumers.kafka.publishing import Plan
from consumers.kafka.session import PREFERRED
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames, create_topics
from events.commands import StartSupervision
from events.store import Record
from tests.servers.kafka import Broker

FLEET = tuple(f"pe{number}" for number in range(1, 21))
PER_SECOND = 100
GROWTH_MIB = 16
Sent = list[tuple[str, Message]]


def run(folder: Path, *, quick: bool = False) -> list[Row]:
    """Messages per second, and MiB before and after."""
    with broker(folder) as server:
        return [
            _rate(folder, server, facts=8_000 if quick else 30_000, rounds=1 if quick else 5),
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
        while (status.position or 0) < head:
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


# The memory


def _memory(folder: Path, server: Broker, *, facts: int, outage_seconds: int) -> list[Row]:
    path = folder / "memory.sqlite"
    with closing(Ours(path, FLEET)) as ours:
        while ours.record.head() < facts:
            ours.append(4 * BATCH)
        with _publisher(path, server, "memory") as process:
            _until(server, "memory", facts // 10)
            early = _resident_mib(process.pid)
            _until(server, "memory", ours.record.head())
            late = _resident_mib(process.pid)
            server.kill()
            _load(ours.record, outage_seconds)
            away = _resident_mib(process.pid)
            server.start()
            _until(server, "memory", ours.record.head())
            back = _resident_mib(process.pid)
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


# A process of its own


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
def _publisher(path: Path, server: Broker, prefix: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "benchmarks.publish", str(path), server.bootstrap, prefix]
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.terminate()


def publisher(path: Path, server: str, prefix: str) -> None:
    """Publishes until it is terminated."""
    with closing(Record(path, lambda: datetime.now(UTC), create=False)) as record:
        Publisher(record, ClientSettings.read(server), Plan(prefix, create=True)).run()


if __name__ == "__main__":
    publisher(Path(sys.argv[1]), *sys.argv[2:])
