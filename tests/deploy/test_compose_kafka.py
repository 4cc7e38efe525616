"""The stack's broker: the version and the settings that our tests have passed with, where they matter."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consumers.kafka.topics import TopicNames, check_topics, create_topics
from tests.servers.kafka import SETTINGS, Broker

ROOT = Path(__file__).parents[2]
OF_THIS_PLACE = {  # which each broker has of its own
    "advertised.listeners",
    "controller.quorum.voters",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dirs",
}
FOR_SPEED = {  # what tests are in a hurry for, and a stack is not
    "broker.heartbeat.interval.ms",
    "broker.session.timeout.ms",
    "group.min.session.timeout.ms",
    "log.cleaner.dedupe.buffer.size",
    "offsets.topic.num.partitions",
    "transaction.state.log.num.partitions",
}


@pytest.fixture
def environment(compose: dict[str, Any]) -> dict[str, str]:
    environment: dict[str, str] = compose["services"]["kafka"]["environment"]
    return environment


@pytest.fixture
def settings(environment: dict[str, str]) -> dict[str, str]:
    """The broker's settings; the image makes them of the variables so, but for those of its start scripts."""
    found = {name.removeprefix("KAFKA_"): value for name, value in environment.items() if name.startswith("KAFKA_")}
    del found["HEAP_OPTS"]
    return {name.lower().replace("_", "."): value for name, value in found.items()}


def test_the_broker_is_of_the_version_that_the_tests_run(compose: dict[str, Any]) -> None:
    pom = (ROOT / "tests" / "servers" / "kafka-broker" / "pom.xml").read_text()
    tested = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([\d.]+)</version>", pom)
    assert tested is not None
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{tested[1]}"


def test_the_broker_is_set_as_that_of_the_tests_where_it_matters(settings: dict[str, str]) -> None:
    matters = {name: value for name, value in SETTINGS.items() if name not in OF_THIS_PLACE | FOR_SPEED}
    assert "auto.create.topics.enable" in matters
    assert matters.items() <= settings.items()


def test_clients_are_sent_to_a_listener_that_there_is(compose: dict[str, Any], settings: dict[str, str]) -> None:
    listeners = dict(each.split("://") for each in settings["listeners"].split(","))
    advertised = dict(each.split("://") for each in settings["advertised.listeners"].split(","))
    protocols = dict(each.split(":") for each in settings["listener.security.protocol.map"].split(","))
    assert set(listeners) == set(protocols) == {*advertised, settings["controller.listener.names"]}
    for name, address in advertised.items():
        assert address.endswith(listeners[name])
    service = compose["services"]["kafka"]
    assert settings["controller.quorum.voters"] == f"1@{service['hostname']}{listeners['CONTROLLER']}"
    assert advertised[settings["inter.broker.listener.name"]] == f"kafka{listeners['PLAINTEXT']}"
    publisher = compose["services"]["publisher"]["environment"]
    assert publisher["UNDERSTUDY_KAFKA"] == advertised["PLAINTEXT"]
    assert f"--bootstrap-server {advertised['PLAINTEXT']} " in service["healthcheck"]["test"][1]
    published = [port.removesuffix(listeners["HOST"]) for port in service["ports"]]
    assert published == [advertised["HOST"]]


def test_the_cluster_s_id_is_one_and_its_log_lies_on_a_volume(
    compose: dict[str, Any], environment: dict[str, str], settings: dict[str, str]
) -> None:
    assert len(base64.urlsafe_b64decode(f"{environment['CLUSTER_ID']}==")) == 16
    assert f"kafka-data:{settings['log.dirs']}" in compose["services"]["kafka"]["volumes"]


@pytest.mark.kafka
@pytest.mark.xdist_group("kafka")
def test_a_broker_with_these_settings_starts_and_takes_our_topics(
    settings: dict[str, str], new_broker: Callable[..., Broker]
) -> None:
    broker = new_broker({name: value for name, value in settings.items() if name not in OF_THIS_PLACE})
    admin: Any = broker.admin()
    try:
        create_topics(admin, TopicNames.of())
        check_topics(admin, TopicNames.of())
    finally:
        admin.close()
