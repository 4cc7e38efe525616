"""``understudy publish kafka`` as its users meet it: beside a real broker, and where something is wrong."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from consumers.kafka.reading import kafka_source
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames
from consumers.subscription import subscribe_events
from events.store import Record
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]
PATIENCE_SECONDS = 60.0
SOON_SECONDS = 40.0
_numbers = count(1)
LINE = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d\d UTC (INFO|WARNING) .*\n")


@pytest.fixture
def prefix(installed) -> str:
    """The topics of this test, as the environment names them."""
    installed.env["UNDERSTUDY_TOPIC_PREFIX"] = name = f"command{next(_numbers)}"
    return name


@pytest.fixture
def publish(kafka: Broker, installed, prefix: str) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs the command; the environment names the brokers and the topics."""
    assert TopicNames.of(prefix)
    installed.env["UNDERSTUDY_KAFKA"] = kafka.bootstrap
    return lambda *words, expect=0: installed.run("publish", "kafka", *words, expect=expect)


@pytest.fixture
def begin(publish, installed) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts the command; killed in the end."""
    assert publish
    started: list[subprocess.Popen[str]] = []

    def begun(*words: str) -> "subprocess.Popen[str]":
        started.append(
            subprocess.Popen(
                installed.command("publish", "kafka", *words),
                env=installed.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield begun
    for process in started:
        process.kill()
        process.communicate()


def positions(broker: Broker, prefix: str) -> list[int]:
    with subscribe_events(kafka_source(broker.bootstrap, prefix=prefix), after=0, until_now=True) as events:
        return [recorded.position for recorded in events]


def head(installed) -> int:
    with closing(Record(installed.home / "record.sqlite", lambda: datetime.now(UTC))) as record:
        return record.head()


def test_once_makes_the_topics_publishes_what_is_there_and_ends(publish, installed, kafka, prefix) -> None:
    installed.run("config", "redundancy", "synchronize", "boot-env")
    done = publish("--create-topics", "--once")
    assert done.stdout == f"Published up to position {head(installed)}.\n"
    assert f"topic {prefix}.events: made, 1 partition, 1 replica" in done.stderr
    assert "kafka.net" not in done.stderr
    assert positions(kafka, prefix) == [*range(1, head(installed) + 1)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(begin, installed, kafka, prefix, number) -> None:
    process = begin("--create-topics")
    for line in process.stderr:
        if "publishing to" in line:
            break
    installed.run("config", "redundancy", "synchronize", "boot-env")
    process.send_signal(number)
    told = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, told
    last = positions(kafka, prefix)
    assert last == [*range(1, len(last) + 1)]
    assert told[0] == f"Published up to position {len(last)}.\n"


def test_the_older_of_two_ends_with_what_happened(begin, installed) -> None:
    older = begin("--create-topics")
    for line in older.stderr:
        if "publishing to" in line:
            break
    for line in begin().stderr:
        if "publishing to" in line:
            break
    installed.run("config", "redundancy", "synchronize", "config")
    told = older.communicate(timeout=PATIENCE_SECONDS)[1]
    assert older.returncode == 3, told
    assert "another publisher has taken over" in told
    assert "Traceback" not in told


def test_missing_topics_are_one_line_with_the_remedy(publish) -> None:
    error = publish(expect=1).stderr
    assert error.startswith("Error: no topic")
    assert "understudy publish kafka --create-topics" in error
    assert error.endswith(" makes it.\n")
    assert error.count("\n") == 1


def test_once_without_a_broker_is_one_line(publish, tmp_path: Path) -> None:
    quick = tmp_path / "client.properties"
    quick.write_text("bootstrap.timeout.ms=300\n")
    error = publish("--once", "--kafka", "127.0.0.1:9", "--kafka-config", str(quick), expect=1).stderr
    # What follows are the warnings of an interpreter that was told to warn, of sockets that kafka-python leaves open.
    assert error.splitlines()[0].startswith("Error: no Kafka broker answers at 127.0.0.1:9")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--kafka host:port, or UNDERSTUDY_KAFKA"),
        (("--kafka", "kafka1"), "'kafka1' is no Kafka broker: host:port"),
        (("--kafka", "127.0.0.1:9", "--kafka-config", "none.properties"), "none.properties: cannot be read"),
        (("--kafka", "127.0.0.1:9", "--chassis", "pe1"), "No such option"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(installed, words: tuple[str, ...], told: str) -> None:
    assert told in installed.run("publish", "kafka", *words, expect=2).stderr


def test_a_chassis_is_refused_where_it_was_typed_and_not_where_it_is_in_the_environment(publish, installed) -> None:
    error = installed.run("--chassis", "pe1", "publish", "kafka", "--once", expect=2).stderr
    assert "--chassis has no meaning here: every chassis of the record is published" in error
    installed.env["UNDERSTUDY_CHASSIS"] = "pe1"
    publish("--create-topics", "--once")


def test_what_never_reached_kafka_published_nothing(begin) -> None:
    process = begin("--kafka", "127.0.0.1:9")
    # Before it are the warnings of an interpreter that was told to warn.
    told = next(line for line in process.stderr if "publishing" in line)
    assert LINE.fullmatch(told), told
    assert "publishing has not begun: no Kafka broker answers" in told
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_SECONDS)[0] == "Nothing was published.\n"
    assert process.returncode == 0


def test_a_record_of_another_home_is_refused(publish, installed, tmp_path: Path) -> None:
    publish("--create-topics", "--once")
    installed.env["UNDERSTUDY_HOME"] = str(tmp_path / "other")
    installed.provision()
    assert "another record" in publish("--once", expect=1).stderr


@pytest.mark.postgresql
def test_it_is_stopped_while_the_database_of_the_record_is_away(
    kafka, begin, bare, prefix, start_postgres: Callable[[], Any]
) -> None:
    server = start_postgres()
    bare.env |= {"UNDERSTUDY_STORE": server.url(server.new_database()), "UNDERSTUDY_KAFKA": kafka.bootstrap}
    bare.provision()
    process = begin("--create-topics")
    next(line for line in process.stderr if f"publishing to {prefix}.events" in line)
    server.stop()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    told = process.communicate(timeout=PATIENCE_SECONDS)
    assert time.monotonic() - began < SOON_SECONDS, told
    assert (process.returncode, told[0][:22]) == (0, "Published up to positi")


def test_several_partitions_keep_the_order_of_each_chassis(publish, installed, kafka, prefix) -> None:
    publish("--create-topics", "--partitions", "3", "--once")
    with closing(ClientSettings.read(kafka.bootstrap) and kafka.admin()) as admin:
        (described,) = admin.describe_topics([TopicNames.of(prefix).events])
    assert len(described["partitions"]) == 3
    assert positions(kafka, prefix) == [*range(1, head(installed) + 1)]
