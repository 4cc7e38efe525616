"""Connections with TLS that do not come about, and clients that wait for better times."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from consumers.kafka import handshake, reading_contact
from consumers.kafka.connecting import ConnectError, connect_admin, connect_consumer, connect_producer
from consumers.kafka.reading import kafka_source
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicNames, create_topics
from consumers.subscription import subscribe_events
from events.store import Record
from tests.consumers.kafka.test_security import Authority
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka-security"), pytest.mark.timeout(120)]
PATIENCE_SECONDS = 60
AWAY, BACK = "does not answer", "answers again"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return Authority.make("throw-away authority").write(tmp_path / "ca.pem")


@pytest.fixture
def silent() -> Iterator[str]:
    """A port where everybody may come in, and nobody says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def told(file: Path, authority: Path, bootstrap: str) -> ClientSettings:
    file.write_text(f"security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location={authority}\n")
    return ClientSettings.read(bootstrap, file)


@pytest.mark.parametrize("connect", [connect_admin, connect_consumer, connect_producer])
def test_a_handshake_that_nobody_answers_has_an_end(
    connect, silent: str, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "HANDSHAKE_SECONDS", 0.2)
    with pytest.raises(ConnectError, match=f"no Kafka broker answers at {silent}"):
        connect(told(tmp_path / "client.properties", authority, silent), bootstrap_timeout_ms=1_000)


def test_a_subscriber_waits_for_a_certificate_that_cannot_be_read_at_the_moment(
    new_broker: Callable[..., Broker], make_producer, record: Record, story, publish, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(reading_contact, "QUIET_SECONDS", 0.3)
    signer = Authority.make("throw-away authority")
    authority, keys = signer.write(tmp_path / "ca.pem"), signer.write_server(tmp_path / "server.pem")
    broker = new_broker({"ssl.keystore.type": "PEM", "ssl.keystore.location": str(keys)}, listener="SSL")
    with closing(connect_admin(ClientSettings.read(broker.bootstrap))) as admin:
        create_topics(admin, TopicNames.of())
    story.whole()
    producer = make_producer(broker, transactional_id="one")
    producer.init_transactions()
    head = publish(record, producer, "understudy")
    told(tmp_path / "client.properties", authority, broker.secure)
    notices, away, back, missed = [], threading.Event(), threading.Event(), threading.Semaphore(0)

    def warn(what: str) -> None:
        notices.append(what)
        (away if AWAY in what else back).set()

    def miss(contact: reading_contact.Contact, note: Any = reading_contact.Contact.miss) -> None:
        note(contact)
        missed.release()

    monkeypatch.setattr(reading_contact.Contact, "miss", miss)
    with subscribe_events(kafka_source(broker.secure, tmp_path / "client.properties", warn=warn), after=0) as events:
        found = [next(events) for _ in range(head)]
        broker.kill()
        right = authority.read_bytes()
        authority.unlink()
        following = threading.Thread(target=lambda: found.extend(events))
        following.start()
        try:
            assert away.wait(PATIENCE_SECONDS)
            broker.start()
            while missed.acquire(blocking=False):
                pass
            for _ in range(3):  # these, for want of the file alone
                assert missed.acquire(timeout=PATIENCE_SECONDS)
            authority.write_bytes(right)
            assert back.wait(PATIENCE_SECONDS), notices
        finally:
            events.stop()
            following.join()
    assert found == list(record.read())
