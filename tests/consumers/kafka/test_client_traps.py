"""How kafka-python 3.0.12 loses, doubles or hangs without an error, and what we do about each.

A test that fails here with a newer kafka-python may be good news: the trap is gone, and so may be what we do about it.
"""

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import kafka.producer.kafka as producing
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaConfigurationError, KafkaError, KafkaTimeoutError, ProducerFencedError

from consumers.kafka.connecting import ConnectError, _Watched, connect_admin, connect_consumer, connect_producer
from consumers.kafka.settings import ClientSettings, SettingsError
from tests.servers.kafka import QUICK, Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]
IMPATIENT = {"delivery_timeout_ms": 1500, "request_timeout_ms": 700}
UNSENT = {**IMPATIENT, "linger_ms": 500}
"""With time to notice that the broker is gone before anything is given a sequence number."""
MakeProducer = Callable[..., KafkaProducer]
ReadAll = Callable[..., list[bytes]]


@pytest.fixture
def broker(new_broker: Callable[..., Broker]) -> Iterator[Broker]:
    """One with a topic ``log``, which is not frozen in the end."""
    broker = new_broker()
    with closing(connect_admin(ClientSettings.read(broker.bootstrap))) as admin:
        admin.create_topics({"log": {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    return broker


def send(producer: KafkaProducer, *values: bytes) -> list[Any]:
    return [producer.send("log", value) for value in values]


def failures(sent: list[Any]) -> list[type[Exception]]:
    """How sends have failed, once all of them have."""
    found = []
    for future in sent:
        with pytest.raises(KafkaError) as raised:
            future.get(20)
        assert future.is_done
        found.append(raised.type)
    return found


def in_transaction(producer: KafkaProducer) -> KafkaProducer:
    producer.init_transactions()
    producer.begin_transaction()
    return producer


def test_a_transaction_commits_although_sends_of_it_have_expired(
    broker: Broker, make_producer: MakeProducer, read_all: ReadAll
) -> None:
    producer = in_transaction(make_producer(broker, transactional_id="trap", **UNSENT))
    send(producer, b"0")[0].get(20)
    broker.kill()
    assert failures(send(producer, b"1", b"2")) == [KafkaTimeoutError] * 2
    broker.start()

    send(producer, b"3")[0].get(20)
    producer.commit_transaction()

    assert read_all(broker, "log") == [b"0", b"3"]


def test_nothing_is_lost_where_every_send_is_checked_before_the_commit(
    broker: Broker, make_producer: MakeProducer, read_all: ReadAll
) -> None:
    outbox = [b"%d" % number for number in range(6)]
    producer = make_producer(broker, transactional_id="recipe", **IMPATIENT)
    producer.init_transactions()
    restarts = 0
    for batch in (outbox[:2], outbox[2:4], outbox[4:]):
        producer.begin_transaction()
        if batch == outbox[2:4]:
            broker.kill()
            with pytest.raises(KafkaTimeoutError):
                send(producer, *batch)[0].get(2)  # a patience of our own: see below why
            broker.start()
            # No abort, no second try: the next holder of the id fences this one, which undoes what it left open.
            producer = in_transaction(make_producer(broker, transactional_id="recipe", **IMPATIENT))
            restarts += 1
        for sent in send(producer, *batch):
            sent.get(20)
        producer.commit_transaction()

    assert restarts == 1
    assert read_all(broker, "log") == outbox


def test_an_idempotent_producer_leaves_a_gap_after_an_expired_batch(
    broker: Broker, make_producer: MakeProducer, read_all: ReadAll
) -> None:
    producer = make_producer(broker, **UNSENT)
    send(producer, b"0")[0].get(20)
    broker.kill()
    assert failures(send(producer, b"1", b"2")) == [KafkaTimeoutError] * 2
    broker.start()

    send(producer, b"3")[0].get(20)

    assert read_all(broker, "log") == [b"0", b"3"]


def test_a_send_that_expired_may_be_in_the_log_all_the_same(
    broker: Broker, make_producer: MakeProducer, read_all: ReadAll
) -> None:
    producer = in_transaction(make_producer(broker, transactional_id="doubt", **IMPATIENT))
    send(producer, b"0")[0].get(20)
    broker.freeze()
    assert failures(send(producer, b"1")) == [KafkaTimeoutError]
    broker.thaw()

    send(producer, b"2")[0].get(20)
    producer.commit_transaction()

    assert read_all(broker, "log") == [b"0", b"1", b"2"]


def test_a_send_in_a_transaction_that_cannot_begin_never_expires(broker: Broker, make_producer: MakeProducer) -> None:
    producer = in_transaction(make_producer(broker, transactional_id="patience", **IMPATIENT))
    producer.partitions_for("log")
    broker.kill()

    (stuck,) = send(producer, b"0")

    with pytest.raises(KafkaTimeoutError, match="after waiting"):  # our own patience: the send itself has not failed
        stuck.get(3 * IMPATIENT["delivery_timeout_ms"] / 1000)
    assert not stuck.is_done


def test_a_producer_takes_without_bound_what_it_cannot_send(broker: Broker, make_producer: MakeProducer) -> None:
    producer = make_producer(broker)
    send(producer, b"0")[0].get(20)
    broker.kill()

    sent = send(producer, *[bytes(1000)] * 20_000)

    assert not any(future.is_done for future in sent)
    with pytest.raises(ValueError, match="buffer_memory"):
        KafkaProducer(buffer_memory=1000)


def test_closing_with_records_pending_closes_nothing(broker: Broker, make_producer: MakeProducer) -> None:
    producer = make_producer(broker)
    send(producer, b"0")[0].get(20)
    broker.kill()
    (pending,) = send(producer, b"1")

    with pytest.raises(KafkaTimeoutError):
        producer.close(timeout=0.1)

    assert producer._sender.is_alive()
    assert not pending.is_done
    producer._sender.force_close()
    producer._sender.join(20)
    assert pending.is_done
    producer.close(timeout=0)


def test_a_client_that_cannot_connect_leaves_a_thread_behind_and_ours_do_not() -> None:
    settings = ClientSettings.read("127.0.0.1:9")
    # Those of other tests may end meanwhile.
    before = set(threading.enumerate())
    watched = _Watched()
    with pytest.raises(KafkaTimeoutError):
        KafkaAdminClient(**settings.admin(bootstrap_timeout_ms=200), kafka_client=watched.make)
    assert len(set(threading.enumerate()) - before) == 1
    watched.end()

    for connect in (connect_admin, connect_consumer, connect_producer):
        with pytest.raises(ConnectError, match=r"no Kafka broker answers at 127\.0\.0\.1:9: .*ECONNREFUSED"):
            connect(settings, bootstrap_timeout_ms=200)
    assert set(threading.enumerate()) <= before


def test_settings_that_do_not_fit_together_are_no_outage(kafka: Broker) -> None:
    settings = ClientSettings.read(kafka.bootstrap)
    with pytest.raises(SettingsError, match=r"do not fit together: .*Heartbeat interval must be lower"):
        connect_consumer(settings, group_id="noc", session_timeout_ms=10, heartbeat_interval_ms=20)


def test_a_producer_that_is_forgotten_unclosed_silences_the_log_of_all(
    kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = producing.log
    monkeypatch.setattr(producing, "log", log)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, **QUICK)
    producer.close()
    assert producing.log is log

    del producer
    gc.collect()

    assert producing.log is not log


def test_the_newest_holder_of_a_transactional_id_fences_the_others(
    broker: Broker, make_producer: MakeProducer, read_all: ReadAll
) -> None:
    older = in_transaction(make_producer(broker, transactional_id="one"))
    send(older, b"older")[0].get(20)
    newer = in_transaction(make_producer(broker, transactional_id="one"))
    send(newer, b"newer")[0].get(20)

    with pytest.raises(ProducerFencedError):
        older.commit_transaction()

    newer.commit_transaction()
    assert read_all(broker, "log") == [b"newer"]


def test_a_setting_against_idempotence_is_an_error(kafka: Broker) -> None:
    with pytest.raises(KafkaConfigurationError):
        KafkaProducer(bootstrap_servers=kafka.bootstrap, enable_idempotence=True, acks=1)
    gc.collect()


def test_callbacks_run_on_the_client_s_own_thread(broker: Broker, make_producer: MakeProducer) -> None:
    told: list[str] = []
    (sent,) = send(make_producer(broker, client_id="noc"), b"0")
    sent.add_callback(lambda _: told.append(threading.current_thread().name))
    sent.get(20)
    assert all(name != threading.current_thread().name for name in told)
