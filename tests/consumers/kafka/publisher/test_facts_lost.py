"""The record loses facts under a publisher: a PostgreSQL stand-by that had not got all of them takes the place."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from consumers.kafka.outbox import FACTS_AT_MOST
from events.commands import StartSupervision
from events.store import Record
from tests.servers.kafka import Broker
from tests.servers.postgresql import CRASH, Postgresql

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgresql,
    pytest.mark.xdist_group("kafka-facts-lost"),
    pytest.mark.timeout(180),
]
LOST = 6
IMPATIENT = {"request_timeout_ms": 1000, "delivery_timeout_ms": 2000, "bootstrap_timeout_ms": 500}
REMEDY = "or of a newer state of this one: use another --topic-prefix"


@pytest.fixture
def kafka(new_broker: Callable[..., Broker]) -> Broker:
    """A broker of the test's own, in the place of the shared one."""
    return new_broker()


@pytest.fixture
def database(server: Postgresql) -> str:
    return server.new_database()


@pytest.fixture
def record(server: Postgresql, database: str) -> Iterator[Record]:
    """One in PostgreSQL, in the place of the file."""
    with closing(Record(server.url(database), lambda: datetime.now(UTC))) as opened:
        yield opened


@pytest.fixture
def lose(server: Postgresql, database: str) -> Callable[[int], None]:
    """The server dies, and what answers in its place has only the facts up to a position."""

    def lost(after: int) -> None:
        server.restart(CRASH)
        table = "ALTER TABLE stored_events"
        server.execute(database, f"{table} DISABLE TRIGGER ALL")
        server.execute(database, f"DELETE FROM stored_events WHERE position > {after}")
        server.execute(database, f"{table} ENABLE ALWAYS TRIGGER facts_are_never_changed")

    return lost


def test_other_facts_in_the_places_of_published_ones_are_not_published(
    start, record, story, topics, lose, caplog
) -> None:
    story.whole()
    running = start()
    running.until_position(record.head())
    head, published = record.head(), topics.messages(topics.names.events)
    lose(head - LOST)
    story.whole("pe9")
    assert record.head() > head
    running.until(lambda: REMEDY in caplog.text)
    running.until(lambda: running.publisher.status.restarts["topics"] > 1)
    assert not running.publisher.status.up
    assert running.stop() is None
    assert topics.messages(topics.names.events) == published


def test_a_record_that_has_lost_published_facts_and_has_no_others_yet_is_noticed(
    start, record, story, lose, caplog
) -> None:
    story.whole()
    running = start()
    running.until_position(record.head())
    lose(record.head() - LOST)
    running.until(lambda: REMEDY in caplog.text)
    running.until(lambda: not running.publisher.status.up)
    assert running.stop() is None


def test_facts_that_were_lost_before_kafka_was_there_again_are_not_published(
    start, record, story, topics, lose, kafka
) -> None:
    story.whole()
    running = start(told=IMPATIENT)
    running.until_position(record.head())
    published = record.head()
    kafka.kill()
    record.execute_all([("pe1", StartSupervision(host="mgmt1", process=1))] * (2 * FACTS_AT_MOST))
    running.until(lambda: running.publisher._publishing.outbox._pending)
    running.until(running.publisher.status.restarts.total)
    lose(published)
    story.whole("pe9")
    kafka.start()
    running.until_position(record.head())
    assert running.stop() is None
    topics.equal(record)
