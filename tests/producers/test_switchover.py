"""Switching over: the decision in the record, the user's executable, and the outcome."""

import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from events.causes import Scope
from events.commands import SeeCard, SetSwitchoverExec, StartSwitchover, StartSync
from events.errors import CommandRefusedError
from events.facts import (
    AlarmRaised,
    Blocker,
    Slot,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverFailure,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    Trigger,
)
from events.state import Health
from producers.attempts import attempt
from producers.station import Station
from producers.switchover import KEPT_OUTPUT, switch_over

FORCED, REMOVED = SwitchoverReason.FORCED, SwitchoverReason.CARD_REMOVED
PATIENCE_SECONDS = 20.0


@pytest.fixture
def ready(station: Station) -> Station:
    """The chassis with a standby that can take over."""
    attempt(station, Scope.BOOT_ENV, Trigger.MANUAL)
    assert station.state().ready
    return station


def executable(station: Station, folder: Path, script: str, *, limit: int = 20) -> Path:
    path = folder / "switch"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    command = SetSwitchoverExec(path=str(path), time_limit_seconds=limit, operator="operator")
    station.record.execute("pe1", command)
    return path


def switched(station: Station, **more: Any) -> list:
    return [one.fact for one in switch_over(station, more.pop("reason", FORCED), **more)]


def outcome(station: Station) -> SwitchoverFailed | SwitchoverCompleted:
    [found] = [fact for fact in switched(station) if isinstance(fact, SwitchoverFailed | SwitchoverCompleted)]
    return found


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_standby_that_is_ready_takes_over(ready) -> None:
    started, completed, *_ = switched(ready, operator="noc", out_of_step=("cf3:\\pe1.cfg",))

    assert (started.from_slot, started.to_slot, started.operator) == (Slot.A, Slot.B, "noc")
    assert started.out_of_step == ("cf3:\\pe1.cfg",)
    assert completed.active is Slot.B
    assert (ready.state().active, ready.state().switching) == (Slot.B, None)


def test_a_standby_that_was_never_synchronised_is_refused_as_a_fact(station) -> None:
    [refused] = switched(station)

    assert (type(refused), refused.blockers) == (SwitchoverRefused, (Blocker.NEVER_SYNCHRONIZED,))
    assert station.state().active is Slot.A


def test_its_status_can_be_ignored(station) -> None:
    started, completed, *_ = switched(station, ignore_status=True)

    assert started.overridden == (Blocker.NEVER_SYNCHRONIZED,)
    assert completed.active is Slot.B


def test_an_automatic_refusal_is_recorded_once_with_its_alarm(station) -> None:
    station.record.execute("pe1", SeeCard(slot=Slot.A, health=Health.ABSENT, detail="gone"))

    first, again = switched(station, reason=REMOVED), switched(station, reason=REMOVED)

    assert [type(fact) for fact in first] == [SwitchoverRefused, AlarmRaised]
    assert first[1].alarm.alarm_type == "switchover-failed"
    assert again == []


def test_it_is_refused_beside_a_running_synchronisation_which_goes_on(ready) -> None:
    with ready.locks.hold("pe1"):
        ready.record.execute("pe1", StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL))

        [refused] = switched(ready, ignore_status=True)

        assert refused.blockers == (Blocker.SYNCHRONIZING,)
        assert ready.state().running is not None


def test_it_is_refused_beside_a_running_switchover(ready, tmp_path) -> None:
    beside: list = []
    executable(ready, tmp_path, f"touch {tmp_path}/runs; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done")
    thread = threading.Thread(target=lambda: beside.extend(switched(ready)))
    with ready.record.follow(after=ready.record.head()) as recorded:
        thread.start()
        next(one for one in recorded if isinstance(one.fact, SwitchoverStarted))
        [refused] = switched(ready)
    (tmp_path / "go").touch()
    thread.join(PATIENCE_SECONDS)

    assert Blocker.SWITCHOVER_IN_PROGRESS in refused.blockers
    assert [type(fact) for fact in beside][:2] == [SwitchoverStarted, SwitchoverCompleted]


def test_a_process_that_holds_the_chassis_with_nothing_under_way_is_waited_for_in_vain(ready) -> None:
    head = ready.record.head()
    with (
        ready.locks.hold("pe1"),
        pytest.raises(CommandRefusedError, match="another process is at work on this chassis; try again"),
    ):
        switched(ready, patience=0.05)

    assert ready.record.head() == head


def test_what_a_dead_process_left_open_is_settled_first(ready) -> None:
    ready.record.execute("pe1", StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL))

    [_, completed, *_] = switched(ready)

    assert isinstance(completed, SwitchoverCompleted)
    facts = [one.fact for one in ready.record.read_chassis("pe1")]
    assert [fact.cause for fact in facts if isinstance(fact, SyncFailed)] == ["interrupted"]


def test_an_open_switchover_is_settled_and_the_roles_are_as_they_were(ready) -> None:
    ready.record.execute("pe1", StartSwitchover(reason=FORCED))

    facts = switched(ready)

    failed = [one.fact for one in ready.record.read_chassis("pe1") if isinstance(one.fact, SwitchoverFailed)]
    assert [one.failure for one in failed] == [SwitchoverFailure.INTERRUPTED]
    assert (facts[0].switchover, facts[0].from_slot) == (2, Slot.A)


def test_a_standby_left_half_activated_is_put_back_before_it_becomes_active(
    ready, active, standby, cards, tree, monkeypatch
) -> None:
    before = tree(standby)
    (active / "cf3/pe1.cfg").write_text("newer\n")
    (active / "cf3/boot.ldr").write_text("newer\n")
    renames: list[str] = []
    replace = type(cards[1]).replace

    def lost_half_way(self, old: str, new: str) -> None:
        renames.append(new)
        if len(renames) > 2:
            raise KeyboardInterrupt
        replace(self, old, new)

    with monkeypatch.context() as patched:
        patched.setattr(type(cards[1]), "replace", lost_half_way)
        with pytest.raises(KeyboardInterrupt):
            attempt(ready, Scope.BOOT_ENV, Trigger.MANUAL)
    assert tree(standby) != before

    assert isinstance(outcome(ready), SwitchoverCompleted)

    assert tree(standby) == before
    assert ready.state().active is Slot.B


def test_a_standby_that_cannot_be_put_back_does_not_become_active(ready, standby) -> None:
    left = standby / "cf3/.understudy/7"
    (left / "old/9").mkdir(parents=True)

    failed = outcome(ready)

    assert failed.failure is SwitchoverFailure.RECOVERY_FAILED
    assert ready.state().active is Slot.A


# The executable


def test_the_executable_is_told_what_happens(ready, active, standby, tmp_path) -> None:
    executable(ready, tmp_path, f"env > {tmp_path}/told")

    assert isinstance(outcome(ready), SwitchoverCompleted)

    told = dict(line.split("=", 1) for line in (tmp_path / "told").read_text().splitlines() if "=" in line)
    assert {key: value for key, value in told.items() if key.startswith("UNDERSTUDY_")} == {
        "UNDERSTUDY_CHASSIS": "pe1",
        "UNDERSTUDY_SWITCHOVER": "1",
        "UNDERSTUDY_REASON": "forced",
        "UNDERSTUDY_FROM_SLOT": "A",
        "UNDERSTUDY_TO_SLOT": "B",
        "UNDERSTUDY_FROM_LOCATION": str(active),
        "UNDERSTUDY_TO_LOCATION": str(standby),
    } | {key: value for key, value in os.environ.items() if key.startswith("UNDERSTUDY_")}
    assert told["PATH"] == os.environ["PATH"]


def test_an_executable_that_is_missing_fails_the_switchover(ready, tmp_path) -> None:
    executable(ready, tmp_path, "exit 0").unlink()

    failed = outcome(ready)

    assert failed.failure is SwitchoverFailure.EXEC_MISSING
    assert "No such file or directory" in failed.detail
    assert ready.state().active is Slot.A
    assert [alarm.alarm_type for alarm in ready.state().standing()] == ["switchover-failed"]


def test_an_executable_that_fails_fails_the_switchover_and_its_last_words_are_kept(ready, tmp_path) -> None:
    executable(ready, tmp_path, "seq 1 100000; echo the address is taken >&2; exit 7")

    failed = outcome(ready)

    assert failed.failure is SwitchoverFailure.EXEC_FAILED
    assert "ended with status 7" in failed.detail
    assert failed.detail.endswith("the address is taken")
    assert len(failed.detail) < KEPT_OUTPUT + 200


def test_an_executable_that_is_killed_fails_the_switchover(ready, tmp_path) -> None:
    executable(ready, tmp_path, "kill -9 $$")

    assert outcome(ready).detail.endswith("was killed")


def test_an_executable_that_hangs_is_ended_with_all_that_it_started(ready, tmp_path) -> None:
    # Long enough for the shell to have written the number of its child.
    executable(ready, tmp_path, f"sleep 300 & echo $! > {tmp_path}/child; wait", limit=5)

    failed = outcome(ready)

    assert failed.failure is SwitchoverFailure.EXEC_TIMED_OUT
    assert "did not end within 5 s" in failed.detail
    child = int((tmp_path / "child").read_text())
    waited = threading.Event()
    for _ in range(200):
        if not is_alive(child):
            break
        waited.wait(0.05)
    assert not is_alive(child)


def test_what_it_leaves_running_does_not_keep_a_switchover_from_ending(ready, tmp_path) -> None:
    executable(ready, tmp_path, f"sleep 300 & echo $! > {tmp_path}/child; exit 0", limit=10)

    assert isinstance(outcome(ready), SwitchoverCompleted)

    child = int((tmp_path / "child").read_text())
    assert is_alive(child)
    os.kill(child, signal.SIGKILL)


def test_after_a_failed_switchover_the_next_one_may_succeed_and_clears_the_alarm(ready, tmp_path) -> None:
    executable(ready, tmp_path, "exit 1")
    assert isinstance(outcome(ready), SwitchoverFailed)
    executable(ready, tmp_path, "exit 0")

    assert isinstance(outcome(ready), SwitchoverCompleted)
    assert "switchover-failed" not in [alarm.alarm_type for alarm in ready.state().standing()]


def test_an_absent_standby_cannot_be_made_active_even_by_force(ready, standby) -> None:
    shutil.rmtree(standby)
    ready.record.execute("pe1", SeeCard(slot=Slot.B, health=Health.ABSENT, detail="gone"))

    assert isinstance(switched(ready)[0], SwitchoverRefused)
    assert isinstance(switched(ready, ignore_status=True)[0], SwitchoverRefused)
