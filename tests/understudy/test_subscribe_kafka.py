"""``understudy subscribe``, from Kafka: the same lines as from the record, and the same manners."""

import signal
import subprocess
from itertools import count
from typing import Any

import orjson
import pytest

from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]
PATIENCE_SECONDS = 60
_numbers = count(1)


class Published:
    """An installation, and the topics that it is published to."""

    def __init__(self, installed: Any, brokers: str) -> None:
        self.installed = installed
        self.options = ("--kafka", brokers, "--topic-prefix", f"subscribe-{next(_numbers)}")
        self.publish("--create-topics")

    def publish(self, *words: str) -> None:
        self.installed.run("publish", "kafka", *self.options, "--once", *words)

    def act(self, *words: str, expect: int = 0) -> None:
        self.installed.run("admin", *words, expect=expect)

    def subscribe(self, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = self.installed.run("subscribe", *words, *self.options, expect=expect)
        return done

    def follow(self, *words: str) -> "subprocess.Popen[str]":
        command = self.installed.command("subscribe", *words, *self.options)
        env, pipe = self.installed.environment, subprocess.PIPE
        return subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def published(installed, kafka: Broker) -> Published:
    """An alarm was raised, acknowledged, shelved and purged; another one stands."""
    found = Published(installed, kafka.bootstrap)
    (installed.a / "cf3" / "pe1.cfg").unlink()
    found.act("redundancy", "synchronize", "config", expect=1)
    for action in ("acknowledge", "shelve", "purge"):
        found.act("alarm", action, "1", "--text", "known")
    found.act("redundancy", "synchronize", "boot-env", expect=1)
    found.publish()
    return found


def test_what_is_printed_is_the_same_byte_for_byte(published: Published) -> None:
    for words in (
        "alarms",
        "alarms --json",
        "alarms --all --json",
        "alarms --from beginning",
        "alarms --from 7 --severity major --json",
        "events --from beginning --json",
        "events --from 5 --chassis pe1 --severity major",
    ):
        asked = (*words.split(), "--no-follow")
        printed = published.subscribe(*asked).stdout
        assert printed, words
        assert printed == published.installed.run("subscribe", *asked).stdout, words


def test_a_follower_ends_quietly_at_a_signal_and_its_group_goes_on_after_it(published: Published) -> None:
    with published.follow("events", "--group", "noc", "--from", "beginning", "--json") as following:
        assert following.stdout is not None
        assert following.stderr is not None
        seen = [orjson.loads(following.stdout.readline())["position"]]
        following.send_signal(signal.SIGTERM)
        seen += [orjson.loads(line)["position"] for line in following.stdout]
        assert (following.wait(PATIENCE_SECONDS), following.stderr.read()) == (0, "")
    rest = published.subscribe("events", "--group", "noc", "--json", "--no-follow").stdout.splitlines()
    seen += [orjson.loads(line)["position"] for line in rest]
    assert seen == list(range(1, len(seen) + 1))
    everything = published.installed.run("subscribe", "events", "--from", "beginning", "--json", "--no-follow")
    assert len(seen) == len(everything.stdout.splitlines())


def test_brokers_may_be_named_by_the_environment_or_a_file(published: Published, tmp_path) -> None:
    installed, (_, brokers, _, prefix) = published.installed, published.options
    expected = published.subscribe("alarms", "--no-follow").stdout
    file = tmp_path / "client.properties"
    file.write_text(f"bootstrap.servers={brokers}\n")
    installed.env |= {"UNDERSTUDY_KAFKA_CONFIG": str(file), "UNDERSTUDY_TOPIC_PREFIX": prefix}
    assert installed.run("subscribe", "alarms", "--no-follow").stdout == expected
    installed.env |= {"UNDERSTUDY_KAFKA": brokers, "UNDERSTUDY_KAFKA_CONFIG": "", "UNDERSTUDY_HOME": "/nowhere"}
    assert installed.run("subscribe", "alarms", "--no-follow").stdout == expected


def test_missing_topics_name_the_command_that_makes_them(installed, kafka: Broker) -> None:
    refused = installed.run("subscribe", "events", "--kafka", kafka.bootstrap, "--topic-prefix", "nowhere", expect=1)
    assert "understudy publish kafka --create-topics" in refused.stderr


def test_brokers_that_are_not_there_are_an_error_with_a_remedy(installed, tmp_path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("bootstrap.servers=127.0.0.1:1\nbootstrap.timeout.ms=500\n")
    refused = installed.run("subscribe", "alarms", "--kafka-config", str(file), expect=1)
    assert "no Kafka broker answers at 127.0.0.1:1" in refused.stderr
    assert "The record can be followed without --kafka" in refused.stderr
