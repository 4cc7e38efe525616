"""A record on which things happen to alarms, and how it comes to Kafka."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from consumers.cloudevents import alarm_message, fact_message
from consumers.subscription import Stream
from events.alarm_types import sync_failed_key
from events.causes import Cause, Scope
from events.commands import (
    AlarmAction,
    Command,
    Copied,
    Failed,
    FinishSync,
    OperateAlarm,
    Provision,
    SeeCard,
    StartSync,
)
from events.facts import CardLocation, Slot, Trigger
from events.state import Health
from events.store import Record
from projections.alarm_changes import AlarmChanges

PATIENCE_SECONDS = 60.0
CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
ACTS = (
    AlarmAction.ACKNOWLEDGE,
    AlarmAction.COMMENT,
    AlarmAction.SHELVE,
    AlarmAction.UNSHELVE,
    AlarmAction.CLOSE,
    AlarmAction.COMPRESS,
)


class Story:
    """Things that happen on the chassis of a record; each call appends to it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._attempts: dict[str, int] = {}

    def do(self, *commands: Command, chassis: str = "pe1") -> None:
        for command in commands:
            self.record.execute(chassis, command)

    def provision(self, chassis: str = "pe1") -> None:
        self.do(Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc"), chassis=chassis)

    def attempt(self, outcome: Copied | Failed, chassis: str = "pe1") -> None:
        number = self._attempts[chassis] = self._attempts.get(chassis, 0) + 1
        start = StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL)
        self.do(start, FinishSync(attempt=number, outcome=outcome, duration_ms=5), chassis=chassis)

    def fail(self, chassis: str = "pe1", cause: Cause = Cause.NO_SPACE) -> None:
        self.attempt(Failed(cause=cause, detail="it is full"), chassis)

    def succeed(self, chassis: str = "pe1") -> None:
        self.attempt(Copied(files=(), bytes_copied=0), chassis)

    def act(self, *actions: AlarmAction, chassis: str = "pe1", cause: Cause = Cause.NO_SPACE) -> None:
        alarm = sync_failed_key(chassis, Slot.B, Scope.CONFIG, cause)
        acts = [OperateAlarm(action=action, alarm=alarm, operator="noc", text="why") for action in actions]
        self.do(*acts, chassis=chassis)

    def whole(self, chassis: str = "pe1") -> None:
        """Everything that can happen to an alarm, from its raise to its end; some stand afterwards, some do not."""
        self.provision(chassis)
        self.fail(chassis)
        self.fail(chassis)
        self.act(*ACTS, chassis=chassis)
        for health in (Health.ABSENT, Health.IN_SERVICE):
            self.do(SeeCard(slot=Slot.B, health=health, detail="seen"), chassis=chassis)
        self.fail(chassis, Cause.CHECKSUM_MISMATCH)
        self.succeed(chassis)
        self.act(AlarmAction.PURGE, chassis=chassis)
        self.fail(chassis, Cause.SOURCE_MISSING)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def record(home: Path) -> Iterator[Record]:
    home.mkdir()
    with closing(Record(home / "record.sqlite", lambda: datetime.now(UTC))) as opened:
        yield opened


@pytest.fixture
def story(record: Record) -> Story:
    return Story(record)


@pytest.fixture
def take() -> Callable[..., list[Any]]:
    """The next items of a stream, as many as are asked for; all that come before its end, if no number is."""

    def taken(stream: Stream[Any], number: int | None = None) -> list[Any]:
        timer = threading.Timer(PATIENCE_SECONDS, stream.stop)
        timer.start()
        try:
            found = list(islice(stream, number))
        finally:
            timer.cancel()
            timer.join()
        assert number is None or len(found) == number, found
        return found

    return taken


@pytest.fixture
def publish() -> Callable[..., int]:
    """Writes the record to the topics as a publisher does, so many facts in a transaction; returns its end."""

    def published(record: Record, producer: Any, prefix: str, *, after: int = 0, at_once: int = 7) -> int:
        changes, facts = AlarmChanges(), record.read()
        while batch := list(islice(facts, at_once)):
            told = [(one, changes.apply(one)) for one in batch]
            if batch[-1].position <= after:
                continue
            producer.begin_transaction()
            for one, found in told:
                if one.position <= after:
                    continue
                _send(producer, f"{prefix}.events", fact_message(one))
                for identity, change in found:
                    _send(producer, f"{prefix}.alarms", alarm_message(identity, change, one))
            producer.flush()
            producer.commit_transaction()
        return record.head()

    return published


def _send(producer: Any, topic: str, message: Any) -> None:
    producer.send(topic, key=message.key, value=message.value, headers=message.headers)
