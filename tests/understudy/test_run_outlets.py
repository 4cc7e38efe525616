"""``understudy run`` beside its work: it serves metrics, and publishes to Kafka, as far as each is configured."""

import re
import signal
import urllib.error
import urllib.request
from contextlib import closing
from datetime import UTC, datetime
from typing import cast

import pytest

from consumers.kafka.connecting import Admin
from consumers.kafka.reading import kafka_source
from consumers.kafka.topics import TopicNames, create_topics
from consumers.subscription import subscribe_events
from events.facts import SupervisionStarted, SyncModeSet
from events.store import Record
from tests.servers.kafka import Broker

PATIENCE_SECONDS = 60.0


def address_in(printed: str) -> str:
    found = re.search(r"Metrics are served at (\S+)", printed)
    assert found, printed
    return found[1]


def scraped(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        text: str = answer.read().decode()
    return text


def test_metrics_are_served_while_it_supervises_and_not_after(quick, installed, off, start, until) -> None:
    running = start(installed, *quick, "--listen", "127.0.0.1:0")
    off.until_fact(SupervisionStarted)
    url = address_in(running.printed())

    until(lambda: 'understudy_supervised{chassis="pe1"} 1' in scraped_or_nothing(url) or None, "that it is shown")

    assert running.signal(signal.SIGTERM) == 0
    with pytest.raises(urllib.error.URLError):
        scraped(url)


def scraped_or_nothing(url: str) -> str:
    """Until the record is read once, a scrape is answered with 503."""
    try:
        return scraped(url)
    except urllib.error.HTTPError:
        return ""


@pytest.mark.kafka
@pytest.mark.xdist_group("kafka")
def test_what_it_records_is_published(kafka: Broker, quick, installed, off, start, until) -> None:
    installed.env |= {"UNDERSTUDY_KAFKA": kafka.bootstrap, "UNDERSTUDY_TOPIC_PREFIX": "outlets"}
    running = start(installed, *quick, "--create-topics", "--listen", "127.0.0.1:0")
    off.until_fact(SupervisionStarted)
    url = address_in(running.printed())
    published = re.compile(r"^understudy_publisher_position [1-9]", re.MULTILINE)
    until(lambda: published.search(scraped_or_nothing(url)), "a publication")
    assert running.signal(signal.SIGTERM) == 0

    installed.run("publish", "kafka", "--once")
    with closing(Record(installed.home / "record.sqlite", lambda: datetime.now(UTC))) as record:
        expected = list(record.read())
    with subscribe_events(kafka_source(kafka.bootstrap, prefix="outlets"), after=0, until_now=True) as events:
        assert list(events) == expected


@pytest.mark.kafka
@pytest.mark.xdist_group("kafka")
def test_topics_that_are_made_later_are_published_to(kafka: Broker, quick, installed, off, start, until) -> None:
    installed.env |= {"UNDERSTUDY_KAFKA": kafka.bootstrap, "UNDERSTUDY_TOPIC_PREFIX": "made-later"}
    running = start(installed, *quick, "--listen", "127.0.0.1:0")
    off.until_fact(SupervisionStarted)
    running.until_printed("publishing has not begun: no topic")
    assert "--create-topics" in running.printed()
    url = address_in(running.printed())
    until(lambda: "\nunderstudy_publisher_oldest_unpublished_timestamp_seconds " in scraped_or_nothing(url), "a wait")

    with closing(kafka.admin()) as admin:
        create_topics(cast("Admin", admin), TopicNames.of("made-later"))
    until(lambda: "\nunderstudy_publisher_up 1\n" in scraped_or_nothing(url), "a publication")
    assert running.signal(signal.SIGTERM) == 0


def restarts(url: str) -> list[str]:
    return [line for line in scraped(url).splitlines() if line.startswith("understudy_publisher_restarts_total")]


@pytest.mark.kafka
@pytest.mark.xdist_group("kafka")
def test_one_that_is_refused_takes_nothing_from_the_one_at_work(
    kafka: Broker, quick, installed, off, start, until
) -> None:
    installed.env |= {"UNDERSTUDY_KAFKA": kafka.bootstrap, "UNDERSTUDY_TOPIC_PREFIX": "refused"}
    running = start(installed, *quick, "--create-topics", "--listen", "127.0.0.1:0")
    off.until_fact(SupervisionStarted)
    url = address_in(running.printed())
    until(lambda: "\nunderstudy_publisher_up 1\n" in scraped_or_nothing(url), "a publication")
    # On a slow machine it may have begun anew before it came to publish.
    before = restarts(url)

    refused = installed.run("run", "--listen", url.removeprefix("http://").removesuffix("/metrics"), expect=3)
    assert refused.stderr == "Error: pe1 is supervised by another process already\n"

    installed.run("config", "redundancy", "synchronize", "boot-env")
    position = off.until_fact(SyncModeSet).position
    published = re.compile(r"^understudy_publisher_position (\d+)", re.MULTILINE)
    until(lambda: int((published.search(scraped_or_nothing(url)) or [0, 0])[1]) >= position, "a publication")
    assert restarts(url) == before
    assert running.signal(signal.SIGTERM) == 0


def test_a_wrong_setting_of_kafka_is_said_before_anything_begins(installed, tmp_path) -> None:
    settings = tmp_path / "client.properties"
    settings.write_text("security.protocl=SSL\n")
    refused = installed.run("run", "--kafka", "127.0.0.1:9", "--kafka-config", str(settings), expect=2)
    assert "security.protocl" in refused.stderr
