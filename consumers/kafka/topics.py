"""The three topics: what each is for, how it must be set, and that it is.

``PREFIX.events``: every fact, keyed by chassis, kept for ever. ``PREFIX.alarms``: the state of each alarm, keyed by its
identity, compacted. ``PREFIX.publisher``: how far the publisher is, compacted. An existing topic is never changed here:
what it lacks is said, with the remedy.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import kafka.admin  # type: ignore[import-untyped]
import kafka.errors  # type: ignore[import-untyped]

from consumers.kafka.connecting import Admin
from consumers.kafka.settings import LARGEST_REQUEST
from events.errors import UnderstudyError

PREFIX = "understudy"
ALLOWED = re.compile(r"[A-Za-z0-9._-]{1,200}")
"""What Kafka lets stand in the name of a topic; it may be 249 long, and we add to it."""
MOST_REPLICAS = 3
LARGEST_BATCH = LARGEST_REQUEST + 64 * 1024
"""Bytes. A record that the producer lets pass must fit with what the batch around it takes."""
DAY_MS = 24 * 3600 * 1000
COMPACTED = {
    "cleanup.policy": "compact",
    # A subscriber that was away for a week still sees that an alarm has left the list.
    "delete.retention.ms": str(7 * DAY_MS),
    # The open segment is never compacted: a new one each day keeps what a late subscriber reads near the alarm list.
    "segment.ms": str(DAY_MS),
    "min.cleanable.dirty.ratio": "0.1",
}
KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
MUST = frozenset({"cleanup.policy"})
"""Without these the stream is wrong; the other ones only bound it."""
AT_LEAST = frozenset({"max.message.bytes", "min.insync.replicas", "delete.retention.ms"})


NOT_ALLOWED: int = kafka.errors.TopicAuthorizationFailedError.errno
_RESOURCE: Any = kafka.admin.ConfigResource
_ERRORS: Any = kafka.errors


HOW_TO_MAKE_ANEW = (
    "stop all that publish, delete it, and publish with --create-topics again: all of it is published anew"
)


class TopicError(Exception):
    """A topic is not as it must be; the message says what to do."""


class TopicsMissingError(TopicError):
    """Topics are not there: ``missing``."""

    def __init__(self, names: "TopicNames", missing: Sequence[str]) -> None:
        self.missing = missing
        super().__init__(f"no topic {', '.join(missing)}: {how_to_make(names.events.rpartition('.')[0])} makes it")


class PrefixError(TopicError, UnderstudyError):
    """No topic can be named with this prefix."""


def how_to_make(prefix: str) -> str:
    """The command that makes missing topics."""
    named = "" if prefix == PREFIX else f" --topic-prefix {prefix}"
    return f"understudy publish kafka --create-topics{named}"


class TopicNames(NamedTuple):
    """The names of our topics."""

    events: str
    alarms: str
    publisher: str

    @classmethod
    def of(cls, prefix: str = PREFIX) -> "TopicNames":
        """Those with a prefix.

        Raises:
            PrefixError: Kafka does not allow it.
        """
        if not ALLOWED.fullmatch(prefix):
            raise PrefixError(
                f"topics cannot be named {prefix!r}: --topic-prefix takes letters, digits, '.', '_' and '-'"
            )
        return cls(f"{prefix}.events", f"{prefix}.alarms", f"{prefix}.publisher")


class Topic(NamedTuple):
    """A topic as it must be."""

    name: str
    partitions: int
    replicas: int
    configs: Mapping[str, str]
    single: bool = False
    """More partitions than one would have no order."""


class Found(NamedTuple):
    """A topic as it is."""

    partitions: int
    configs: Mapping[str, str]


class There(NamedTuple):
    """What tells a topic from one that was made anew or has grown: its id (KIP-516), and how many partitions it has."""

    id: str
    partitions: int


def wanted_topics(names: TopicNames, *, partitions: int, replicas: int) -> tuple[Topic, ...]:
    """How the topics must be in a cluster that keeps so many replicas.

    With three replicas a record counts once two have it, so that one broker may be away.
    """
    durable = {"min.insync.replicas": str(max(1, replicas - 1)), "max.message.bytes": str(LARGEST_BATCH)}
    return (
        Topic(names.events, partitions, replicas, KEPT | durable),
        Topic(names.alarms, partitions, replicas, COMPACTED | durable),
        Topic(names.publisher, 1, replicas, COMPACTED | durable, single=True),
    )


def create_topics(admin: Admin, names: TopicNames, *, partitions: int = 1, replicas: int | None = None) -> list[str]:
    """Makes the topics that are missing; says in a line each what was made, what was there, and what differs.

    ``replicas`` of each partition: as many as there are brokers, at most three, if not given.

    Raises:
        TopicError: the brokers do not make a topic so; or one is there, and cannot carry our stream as it is set: what
            was missing was made.
        KafkaError: they do not at the moment.
    """
    brokers = len(admin.describe_cluster()["brokers"])
    replicas = min(MOST_REPLICAS, brokers) if replicas is None else replicas
    # Of brokers only those are counted that are there now: topics that exist do not miss the others.
    if replicas > brokers and len(topic_ids(admin, names)) < len(names):
        raise TopicError(
            f"{_plural(replicas, 'replica')} need as many brokers, and there {'is' if brokers == 1 else 'are'} "
            f"{brokers}: nothing was made; lower --replication-factor"
        )
    lines: list[str] = []
    wrong: list[str] = []
    for topic in wanted_topics(names, partitions=partitions, replicas=replicas):
        if _create(admin, topic):
            sizes = f"{_plural(topic.partitions, 'partition')}, {_plural(replicas, 'replica')}"
            lines.append(f"{topic.name}: made, {sizes}")
            continue
        found = _found(admin, topic.name)
        lines.append(f"{topic.name}: exists, {_plural(found.partitions, 'partition')}")
        lines += (f"{topic.name}: {difference}" for difference in _differences(topic, found))
        wrong += _faults(topic, found)
    if wrong:
        raise TopicError("\n".join(wrong))
    return lines


def check_topics(admin: Admin, names: TopicNames) -> None:
    """Makes sure that the topics are there and can carry our stream.

    Raises:
        TopicsMissingError: some are not there.
        TopicError: they are not as they must be.
    """
    missing = [name for name in names if name not in topic_ids(admin, names)]
    if missing:
        raise TopicsMissingError(names, missing)
    wrong = [
        fault
        for topic in wanted_topics(names, partitions=1, replicas=1)
        for fault in _faults(topic, _found(admin, topic.name))
    ]
    if wrong:
        raise TopicError("\n".join(wrong))


def topics_there(admin: Admin, names: Iterable[str]) -> dict[str, There]:
    """The topics that exist.

    Raises:
        TopicError: we may not even know whether one exists.
    """
    described = admin.describe_topics(list(names))
    hidden = [topic["name"] for topic in described if topic["error_code"] == NOT_ALLOWED]
    if hidden:
        raise TopicError(f"{', '.join(hidden)}: the brokers do not let us describe it; it takes an ACL for Describe")
    return {
        topic["name"]: There(str(topic["topic_id"]), len(topic["partitions"]))
        for topic in described
        if topic["error_code"] == 0
    }


def topic_ids(admin: Admin, names: Iterable[str]) -> dict[str, str]:
    """The id of each topic that exists; see ``topics_there``."""
    return {name: there.id for name, there in topics_there(admin, names).items()}


def _create(admin: Admin, topic: Topic) -> bool:
    asked = {
        "num_partitions": topic.partitions,
        "replication_factor": topic.replicas,
        "configs": dict(topic.configs),
    }
    return make_topic(admin, topic.name, asked)


def make_topic(admin: Admin, name: str, asked: Mapping[str, Any]) -> bool:
    """Makes a topic if it is missing; returns whether it was. When this returns, it can be used.

    Raises:
        TopicError: the brokers do not make it so.
        KafkaError: they do not at the moment.
    """
    try:
        admin.create_topics({name: asked}, wait_for_metadata=True)
    except _ERRORS.TopicAlreadyExistsError:
        if not topics_there(admin, [name]):
            admin.wait_for_topics([name])  # somebody else makes it at this moment: not all brokers know of it yet
        return False
    except _ERRORS.InvalidReplicationFactorError:
        raise  # as many brokers as there are were asked for: one has just gone, or all are still starting
    except _ERRORS.BrokerResponseError as error:
        raise TopicError(f"{name}: the brokers do not make it: {error.description or error.message}") from error
    return True


def _found(admin: Admin, name: str) -> Found:
    (described,) = admin.describe_topics([name])
    if described["error_code"]:
        raise _ERRORS.for_code(described["error_code"])(name)  # it was there a moment ago: trying again may help
    resources = admin.describe_configs([_RESOURCE("TOPIC", name)], config_filter="all")
    configs: dict[str, dict[str, Any]] = resources["topic"][name]
    return Found(len(described["partitions"]), {key: str(config["value"]) for key, config in configs.items()})


def _faults(topic: Topic, found: Found) -> list[str]:
    faults = [
        f"{topic.name}: {name} is {found.configs[name]}, and must be {topic.configs[name]}: {_remedy(topic, name)}"
        for name in sorted(MUST)
        if found.configs[name] != topic.configs[name]
    ]
    if topic.single and found.partitions != 1:
        faults.append(f"{topic.name}: has {found.partitions} partitions, and must have 1: delete it, and make it anew")
    return faults


def _differences(topic: Topic, found: Found) -> list[str]:
    """What is set otherwise than we would, and works: somebody may have had a reason."""
    partitions = _plural(found.partitions, "partition")
    fewer = (
        f"stays at {partitions}, not {topic.partitions}: with more, a chassis would go on in another, out of order; "
        "delete the topic to have it made anew"
    )
    return ([fewer] if found.partitions < topic.partitions else []) + [
        f"{name} is {found.configs[name]} where {value} is right: {_remedy(topic, name)}"
        for name, value in topic.configs.items()
        if name not in MUST and _falls_short(name, found.configs[name], value)
    ]


def _falls_short(name: str, found: str, wanted: str) -> bool:
    return int(found) < int(wanted) if name in AT_LEAST else found != wanted


def _remedy(topic: Topic, name: str) -> str:
    return f"kafka-configs.sh --alter --topic {topic.name} --add-config {name}={topic.configs[name]}"


def _plural(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
