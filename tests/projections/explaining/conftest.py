"""Stories told by real decisions to a real record, on a clock that the test moves."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from events.causes import Cause, Scope
from events.commands import (
    AlarmAction,
    Command,
    Copied,
    Failed,
    FinishSwitchover,
    FinishSync,
    OperateAlarm,
    Provision,
    SeeCard,
    SeeCeased,
    SeeChange,
    StartSwitchover,
    StartSync,
)
from events.envelope import Recorded
from events.facts import AlarmKey, CardLocation, Slot, SwitchoverFailure, SwitchoverReason, Trigger, Watch
from events.state import Health
from events.store import Record

GOLDEN = Path(__file__).parent / "golden"
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
COPIED = Copied(files=(), bytes_copied=20480)


class Chronicle:
    """A record of chassis pe1 (and others that a test names); a second passes before each command."""

    def __init__(self, path: Path) -> None:
        self.now = START
        self.record = Record(path, lambda: self.now)
        self.provision("pe1")

    def tell(self, *commands: Command, chassis: str = "pe1", occurred_at: datetime | None = None) -> list[Recorded]:
        """What the commands make the record say."""
        told: list[Recorded] = []
        for command in commands:
            self.wait(1)
            told += self.record.execute(chassis, command, occurred_at=occurred_at)
        return told

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def facts(self, chassis: str = "pe1") -> list[Recorded]:
        return list(self.record.read_chassis(chassis))

    def provision(self, chassis: str) -> list[Recorded]:
        cards = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
        both = (Slot.A, Slot.B)
        return self.tell(Provision(cards=cards, active=Slot.A, equipped=both, operator="operator"), chassis=chassis)

    def attempt(
        self,
        outcome: Cause | None = None,
        *,
        trigger: Trigger = Trigger.MANUAL,
        scope: Scope = Scope.CONFIG,
        operator: str | None = None,
        chassis: str = "pe1",
    ) -> list[Recorded]:
        """An attempt that fails of a cause, or succeeds."""
        number = self.record.state(chassis).attempts + 1
        ended = COPIED if outcome is None else Failed(cause=outcome, detail="as the test says")
        return self.tell(
            StartSync(scope=scope, trigger=trigger, operator=operator),
            FinishSync(attempt=number, outcome=ended, duration_ms=1000),
            chassis=chassis,
        )

    def save(self, scope: Scope = Scope.CONFIG) -> list[Recorded]:
        return self.tell(SeeChange(scope=scope, files=("cf3:\\pe1.cfg",), noticed=Watch.NOTIFIED))

    def probe(self, *causes: Cause, scope: Scope = Scope.CONFIG) -> list[Recorded]:
        return self.tell(SeeCeased(scope=scope, causes=causes, detail="1048576 bytes are free"))

    def see(self, slot: Slot, health: Health) -> list[Recorded]:
        return self.tell(SeeCard(slot=slot, health=health, detail=f"the folder of card {slot} does not exist"))

    def act(self, action: AlarmAction, alarm: AlarmKey, operator: str = "noc", text: str = "") -> list[Recorded]:
        return self.tell(OperateAlarm(action=action, alarm=alarm, operator=operator, text=text))

    def switch(
        self,
        reason: SwitchoverReason = SwitchoverReason.FORCED,
        *,
        failure: SwitchoverFailure | None = None,
        ignore_status: bool = False,
        out_of_step: tuple[str, ...] = (),
        operator: str | None = None,
    ) -> list[Recorded]:
        """A switchover, up to its outcome unless it is refused."""
        start = StartSwitchover(reason=reason, ignore_status=ignore_status, out_of_step=out_of_step, operator=operator)
        told = self.tell(start)
        if self.record.state("pe1").switching is None:
            return told
        number, detail = self.record.state("pe1").switchovers, "as the test says" if failure else ""
        return told + self.tell(FinishSwitchover(switchover=number, duration_ms=1000, failure=failure, detail=detail))


@pytest.fixture
def chronicle(tmp_path: Path) -> Iterator[Chronicle]:
    told = Chronicle(tmp_path / "record.sqlite")
    yield told
    told.record.close()


@pytest.fixture
def alarm() -> Callable[..., AlarmKey]:
    """The alarm of a failed synchronisation to card B."""

    def make(cause: Cause = Cause.NO_SPACE, alarm_type: str = "config-sync-failed") -> AlarmKey:
        return AlarmKey(resource="pe1/B", alarm_type=alarm_type, qualifier=cause)

    return make


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares text with a file in ``golden/``; UNDERSTUDY_GOLDEN=write writes the file instead."""

    def compare(name: str, text: str) -> None:
        if os.environ.get("UNDERSTUDY_GOLDEN") == "write":
            (GOLDEN / name).write_text(text, encoding="utf-8")
        assert text == (GOLDEN / name).read_text(encoding="utf-8")

    return compare
