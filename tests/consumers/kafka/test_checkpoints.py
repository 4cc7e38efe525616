"""Checkpoints in a real Kafka: sent once all replicas have them, and read back as they were."""

import pytest

from consumers.kafka.checkpoints import CheckpointTopic
from consumers.kafka.connecting import ConnectError
from consumers.kafka.settings import ClientSettings
from consumers.kafka.topics import TopicError
from tests.servers.kafka import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]

FIRST, SECOND, OTHER = (
    "understudy/1\n3\nAAAA\n\n— a b\n",
    "understudy/1\n9\nBBBB\n\n— a c\n",
    "other\n1\nCCCC\n\n— d e\n",
)


@pytest.fixture
def topic(kafka: Broker, prefix: str) -> CheckpointTopic:
    return CheckpointTopic(ClientSettings.read(kafka.bootstrap), prefix)


def test_the_topic_is_made_once(topic) -> None:
    assert (topic.create(), topic.create()) == (True, False)
    assert topic.notes() == []
    assert topic.newest("understudy/1") is None


def test_what_was_sent_is_read_back_by_its_log(topic) -> None:
    topic.create()
    for origin, note in (("understudy/1", FIRST), ("other", OTHER), ("understudy/1", SECOND)):
        topic.send(origin, note)
    assert topic.notes() == [FIRST, OTHER, SECOND]
    assert topic.notes("understudy/1") == [FIRST, SECOND]
    assert (topic.newest("understudy/1"), topic.newest("other")) == (SECOND, OTHER)


def test_a_topic_that_is_not_there_is_named_with_the_remedy(topic) -> None:
    for use in (lambda: topic.send("a", FIRST), topic.notes):
        with pytest.raises(TopicError, match=r"no topic .*\.checkpoints: --create-topics makes it"):
            use()


def test_a_broker_that_is_away_is_an_error_that_says_so() -> None:
    away = CheckpointTopic(ClientSettings.read("127.0.0.1:9"))
    with pytest.raises(ConnectError, match=r"no Kafka broker answers at 127\.0\.0\.1:9"):
        away.send("a", FIRST)
