"""A record that is told any facts at any times, also ones that no decision would give, and its snapshots."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st

from audit.snapshots.store import Snapshots, open_snapshots
from events.alarm_types import INVENTORY, card_resource
from events.causes import Cause, Scope, Stage
from events.codec import encode
from events.envelope import Recorded
from events.facts import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmKey,
    AlarmPurged,
    AlarmRaised,
    AlarmShelved,
    AlarmUnshelved,
    CardInserted,
    CardRemoved,
    Fact,
    Severity,
    Slot,
    StandbyLost,
    StandbyReady,
    SwitchoverCompleted,
    SwitchoverReason,
    SwitchoverStarted,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
    Trigger,
)
from events.store import Record

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
EVERY = 5
"""Facts from one snapshot to the next: few, so that short stories have many."""

_KEYS = [
    AlarmKey(resource=card_resource("pe1", slot), alarm_type=name, qualifier=qualifier)
    for name, qualifier in list(INVENTORY)[:4]
    for slot in Slot
]
_keys = st.sampled_from(_KEYS)
_scopes, _slots = st.sampled_from(Scope), st.sampled_from(Slot)


def _started(attempt: int, scope: Scope) -> Fact:
    return SyncStarted(attempt=attempt, scope=scope, trigger=Trigger.RETRY, source=Slot.A, standby=Slot.B)


def _failed(attempt: int, scope: Scope) -> Fact:
    return SyncFailed(
        attempt=attempt,
        scope=scope,
        standby=Slot.B,
        stage=Stage.RESERVE,
        cause=Cause.NO_SPACE,
        detail="full",
        failures=1,
        files=(),
        duration_ms=attempt,
    )


def _succeeded(attempt: int, scope: Scope) -> Fact:
    return SyncSucceeded(attempt=attempt, scope=scope, standby=Slot.B, files=(), bytes_copied=7, duration_ms=attempt)


def _switching(number: int, slot: Slot) -> Fact:
    reason = SwitchoverReason.CARD_FAILED
    return SwitchoverStarted(
        switchover=number, from_slot=slot.other, to_slot=slot, reason=reason, overridden=(), out_of_step=()
    )


_numbers = st.integers(1, 4)
FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(AlarmRaised, alarm=_keys, severity=st.sampled_from(Severity), text=st.sampled_from(["full", "silent"])),
    st.builds(AlarmCleared, alarm=_keys, evidence=st.just(0), proof=st.just("seen")),
    st.builds(AlarmAcknowledged, alarm=_keys, operator=st.just("noc"), text=st.just("")),
    st.builds(AlarmShelved, alarm=_keys, operator=st.just("noc"), text=st.just("")),
    st.builds(AlarmUnshelved, alarm=_keys, operator=st.just("noc"), text=st.just("")),
    st.builds(AlarmPurged, alarm=_keys, operator=st.just("noc"), text=st.just("")),
    st.builds(CardRemoved, slot=_slots, detail=st.just("gone")),
    st.builds(CardInserted, slot=_slots),
    st.builds(StandbyReady, slot=_slots),
    st.builds(StandbyLost, slot=_slots, detail=st.just("pulled")),
    st.builds(_started, _numbers, _scopes),
    st.builds(_failed, _numbers, _scopes),
    st.builds(_succeeded, _numbers, _scopes),
    st.builds(_switching, _numbers, _slots),
    st.builds(
        lambda number, slot: SwitchoverCompleted(switchover=number, active=slot, duration_ms=9), _numbers, _slots
    ),
)
"""Any fact, whether a decision would give it now or not: folds take what comes."""


class Told:
    """A record, and the facts that it was told, by chassis."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "record.sqlite"
        self.snapshots = folder / "snapshots.sqlite"
        self.record = Record(self.path, lambda: START)
        self.facts: dict[str, list[Recorded]] = {}
        self._seconds = 0

    def tell(self, *facts: Fact, chassis: str = "pe1", late: float = 0.0) -> None:
        """Records facts a second apart; each happened ``late`` seconds before it is recorded."""
        for fact in facts:
            self._seconds += 1
            stream = self.facts.setdefault(chassis, [])
            now = START + timedelta(seconds=self._seconds)
            recorded = Recorded(
                chassis=chassis,
                version=len(stream) + 1,
                occurred_at=now - timedelta(seconds=late),
                recorded_at=now,
                correlation="story",
                causation=0,
                fact=fact,
                position=self.record.head() + 1,
            )
            row = chassis, recorded.version, *encode(recorded)
            self.record.recorder.insert_rows(lambda row=row: [row])
            stream.append(recorded)

    def open(self, *, write: bool = False, every: int = EVERY) -> Snapshots | None:
        return open_snapshots(self.snapshots, self.record, write=write, every=every)


@pytest.fixture(scope="session")
def any_fact() -> st.SearchStrategy[Fact]:
    return FACTS


@pytest.fixture
def tell(tmp_path: Path) -> Iterator[Callable[..., Told]]:
    """Makes records to tell facts to, in folders of their own."""
    with ExitStack() as stack:

        def begin(name: str = "home") -> Told:
            folder = tmp_path / name
            folder.mkdir(parents=True, exist_ok=True)
            told = Told(folder)
            stack.enter_context(closing(told.record))
            return told

        yield begin


@pytest.fixture
def told(tell: Callable[..., Told]) -> Told:
    """An empty record."""
    return tell()


@pytest.fixture(scope="session")
def told_class() -> type[Told]:
    """For tests that make many."""
    return Told
