"""``understudy subscribe``, from Kafka: the same lines as from the record, and the same manners."""

import signal
import socket
import subprocess
import threading
from contextlib import ExitStack
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
        new = "Kafka does not know group noc: it begins with what comes after position 0.\n"
        assert (following.wait(PATIENCE_SECONDS), following.stderr.read()) == (0, new)
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
    assert "understudy publish kafka --create-topics --topic-prefix nowhere makes it" in refused.stderr


def test_brokers_that_are_not_there_are_an_error_with_a_remedy(installed, tmp_path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("bootstrap.servers=127.0.0.1:1\nbootstrap.timeout.ms=500\n")
    refused = installed.run("subscribe", "alarms", "--kafka-config", str(file), expect=1)
    assert "no Kafka broker answers at 127.0.0.1:1" in refused.stderr
    assert "The record can be followed without --kafka" in refused.stderr


def test_a_group_that_kafka_does_not_know_has_to_say_where_it_begins(published: Published) -> None:
    asked = ("events", "--group", "new", "--no-follow")
    refused = published.subscribe(*asked, expect=1)
    assert "Kafka knows no position of group new in subscribe-" in refused.stderr
    begun = published.subscribe(*asked, "--from", "now")
    assert (begun.stdout, begun.stderr) == ("", "Kafka does not know group new: it begins with what is new.\n")
    known = published.subscribe(*asked, "--from", "now")
    assert known.stderr.startswith("Group new is known, and goes on after position ")
    assert published.subscribe(*asked).stderr == ""


def test_a_chassis_of_which_there_is_nothing_is_named_with_those_of_which_there_is(published: Published) -> None:
    asked = ("events", "--no-follow", "--chassis")
    refused = published.subscribe(*asked, "pe9", "--from", "beginning", expect=2)
    assert "There is nothing of chassis 'pe9' in Kafka; there is of: pe1." in refused.stderr
    told = published.subscribe(*asked, "pe9", "--from", "3")
    assert told.stderr == "Nothing of chassis 'pe9' came by; of others: pe1.\n"
    assert published.subscribe(*asked, "pe1", "--from", "3").stderr == ""


def test_what_cannot_be_asked_of_kafka_is_wrong_usage(installed, kafka: Broker, tmp_path) -> None:
    half, none = tmp_path / "half.properties", tmp_path / "none.properties"
    half.write_text("security.protocol=SASL_SSL\n")
    none.write_text("client.id=noc\n")
    brokers = ("--kafka", kafka.bootstrap)
    for words, said in (
        (("--kafka", "nonsense"), "'nonsense' is no Kafka broker"),
        ((*brokers, "--kafka-config", str(half)), "security.protocol=SASL_SSL needs sasl.mechanism, one of PLAIN"),
        (("--kafka-config", str(none)), "no Kafka brokers are named"),
        ((*brokers, "--kafka-config", str(tmp_path / "absent")), "cannot be read"),
        ((*brokers, "--topic-prefix", "a b"), "topics cannot be named 'a b'"),
        ((*brokers, "--group", ""), "a group needs a name"),
    ):
        assert said in installed.run("subscribe", "events", *words, expect=2).stderr


@pytest.mark.parametrize(
    ("hangs_up", "said"),
    [(False, "does not speak Kafka: check host, port"), (True, "check that it is a port of Kafka")],
)
def test_what_does_not_speak_kafka_is_called_so(installed, tmp_path, hangs_up: bool, said: str) -> None:
    file = tmp_path / "client.properties"
    with Chatter(hangs_up=hangs_up) as address:
        file.write_text(f"bootstrap.servers={address}\nbootstrap.timeout.ms=1500\n")
        refused = installed.run("subscribe", "alarms", "--kafka-config", str(file), expect=1)
    assert said in refused.stderr


class Chatter:
    """A server that answers whatever comes as a web server does, and hangs up, or waits for the next request."""

    def __init__(self, *, hangs_up: bool) -> None:
        self._hangs_up = hangs_up

    def __enter__(self) -> str:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def _answer(self) -> None:
        with ExitStack() as open_ones:
            while True:
                try:
                    connection, _ = self._socket.accept()
                except OSError:
                    return
                open_ones.enter_context(connection)
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                if self._hangs_up:
                    connection.close()

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly_while_it_still_connects(installed, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        command = installed.command("subscribe", "events", "--kafka", address)
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=installed.environment, stdout=pipe, stderr=pipe, text=True) as connecting:
            silent.settimeout(PATIENCE_SECONDS)
            with silent.accept()[0]:
                connecting.send_signal(number)
                assert connecting.communicate(timeout=PATIENCE_SECONDS) == ("", "")
            assert connecting.returncode == 0
