"""Attempts in the record: started, ended, refused beside others, and settled when their process has died."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from events.causes import Cause, Scope, Stage
from events.commands import StartSwitchover, StartSync
from events.errors import CommandRefusedError, UnknownChassisError
from events.facts import (
    AlarmCleared,
    AlarmRaised,
    Slot,
    SwitchoverFailed,
    SwitchoverFailure,
    SwitchoverReason,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
    Trigger,
)
from producers.attempts import attempt, undo_unfinished
from producers.cards.local import LocalCard
from producers.lock import Purpose
from producers.station import Station, record_busy, settle_if_idle

PATIENCE_SECONDS = 30.0

CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from events.causes import Scope
from events.facts import Trigger
from events.store import Record
from producers.attempts import attempt, undo_unfinished
from producers.cards.local import LocalCard
from producers.file_locks import FileLocks
from producers.observer import Silent
from producers.station import Station

home, moment = Path(sys.argv[1]), sys.argv[2]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def wait():
    print("here", flush=True)
    sys.stdin.readline()

act, _, when = moment.partition(" at ")
class AtStage(Silent):
    def stage(self, stage):
        if stage == when:
            {"die": die, "wait": wait}[act]()

if when == "fourth rename":
    replace, renames = LocalCard.replace, []
    def dying(self, old, new):
        renames.append(new)
        if len(renames) == 4:
            die()
        replace(self, old, new)
    LocalCard.replace = dying
if when == "discard":
    import producers.attempts
    producers.attempts.discard = lambda *_: {"die": die, "wait": wait}[act]()

record = Record(home / "home.sqlite", lambda: datetime.now(UTC), create=False)
attempt(Station(record, "pe1", FileLocks(home / "locks")), Scope.BOOT_ENV, Trigger.MANUAL, observer=AtStage())
record.close()
"""


@pytest.fixture
def elsewhere(station: Station) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """An attempt in another process that dies, or waits until it is told to go on, at a certain moment."""
    processes: list[subprocess.Popen[str]] = []

    def run(moment: str) -> "subprocess.Popen[str]":
        told = [sys.executable, "-c", CHILD, str(station.locks.folder.parent), moment]
        root = str(Path(__file__).parents[2])
        env = {**os.environ, "PYTHONPATH": root}
        process = subprocess.Popen(told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        processes.append(process)
        if moment.startswith("wait"):
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
        else:
            assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        return process

    yield run
    for process in processes:
        process.communicate(timeout=PATIENCE_SECONDS)


def facts(recorded) -> list:
    return [one.fact for one in recorded]


def history(station: Station, kind: type) -> list:
    return [fact for fact in facts(station.record.read_chassis("pe1")) if isinstance(fact, kind)]


def synchronize(station: Station, scope: Scope = Scope.BOOT_ENV, **more: Any) -> list:
    return facts(attempt(station, scope, Trigger.MANUAL, **more))


def standing(station: Station) -> set[tuple[str, str]]:
    return {(alarm.alarm_type, alarm.qualifier) for alarm in station.state().standing()}


def test_an_attempt_is_recorded_when_it_starts_and_when_it_ends(station) -> None:
    outcome = synchronize(station)

    assert isinstance(outcome[0], SyncSucceeded)
    assert [fact.attempt for fact in history(station, SyncStarted | SyncSucceeded)] == [1, 1]
    assert station.state().running is None


def test_the_earlier_files_are_discarded_once_the_success_is_recorded(station, standby) -> None:
    synchronize(station)

    assert not list(standby.rglob(".understudy"))


def test_a_failure_is_recorded_with_its_alarm_in_one_transaction(station, active) -> None:
    (active / "cf3/pe1.cfg").unlink()

    recorded = attempt(station, Scope.CONFIG, Trigger.MANUAL)

    assert [type(one.fact) for one in recorded][:2] == [SyncFailed, AlarmRaised]
    assert [one.position for one in recorded] == list(range(recorded[0].position, recorded[-1].position + 1))
    assert standing(station) == {("config-sync-failed", "source-missing")}


def test_a_chassis_that_nobody_provisioned_is_refused_and_nothing_is_recorded(station) -> None:
    head = station.record.head()

    with pytest.raises(UnknownChassisError):
        attempt(station._replace(chassis="pe9"), Scope.CONFIG, Trigger.MANUAL)

    assert station.record.head() == head


def test_an_attempt_that_is_stopped_ends_as_interrupted_and_the_standby_is_as_it_was(station, standby, tree) -> None:
    before, stop = tree(standby), threading.Event()
    stop.set()

    [failed, *_] = synchronize(station, stop=stop)

    assert (failed.cause, failed.stage) == (Cause.INTERRUPTED, Stage.ADMIT)
    assert tree(standby) == before


# Beside another one


def test_beside_another_process_an_attempt_fails_as_already_running_and_the_other_one_goes_on(
    station, elsewhere
) -> None:
    other = elsewhere("wait at transfer")

    recorded = synchronize(station, Scope.CONFIG)

    assert [(fact.attempt, fact.cause) for fact in recorded if isinstance(fact, SyncFailed)] == [
        (2, Cause.ALREADY_RUNNING)
    ]
    assert standing(station) == {("config-sync-failed", "already-running")}
    assert station.state().running.attempt == 1
    other.communicate("go on\n", timeout=PATIENCE_SECONDS)
    assert other.returncode == 0
    assert [fact.attempt for fact in history(station, SyncSucceeded)] == [1]
    assert standing(station) == set()


def test_beside_another_thread_it_is_the_same(station, meddler) -> None:
    recorded: list = []
    meddler.at[Stage.TRANSFER] = lambda: recorded.extend(synchronize(station))

    [first, *_] = synchronize(station, observer=meddler)

    assert [fact.cause for fact in recorded if isinstance(fact, SyncFailed)] == [Cause.ALREADY_RUNNING]
    assert isinstance(first, SyncSucceeded)


def test_a_process_that_only_clears_up_is_waited_for(station, elsewhere) -> None:
    other = elsewhere("wait at discard")
    assert station.state().running is None
    going_on = threading.Timer(0.3, lambda: print("go on", file=other.stdin, flush=True))
    going_on.start()

    [outcome, *_] = synchronize(station, patience=PATIENCE_SECONDS)

    going_on.join()
    assert (type(outcome), outcome.attempt) == (SyncSucceeded, 2)


def test_who_does_not_wait_for_it_is_refused_and_nothing_is_recorded(station, elsewhere) -> None:
    elsewhere("wait at discard")
    head = station.record.head()

    with pytest.raises(CommandRefusedError, match="another process is at work on this chassis; try again"):
        synchronize(station, patience=0.0)

    assert station.record.head() == head


def test_what_ended_while_we_looked_is_not_recorded_as_busy(station) -> None:
    with pytest.raises(CommandRefusedError, match="try again"):
        record_busy(station, StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL))

    assert station.state().running is None


def test_while_a_switchover_runs_no_attempt_is_recorded(station) -> None:
    synchronize(station)
    head = station.record.head()
    with station.locks.hold("pe1"):
        station.record.execute("pe1", StartSwitchover(reason=SwitchoverReason.FORCED))

        with pytest.raises(CommandRefusedError, match="a switchover is running"):
            synchronize(station)

    assert station.record.head() == head + 1


def test_chassis_do_not_keep_each_other_waiting_whatever_their_names(station) -> None:
    with (
        station.locks.hold("pe1"),
        station.locks.hold("pe1", Purpose.SUPERVISION),
        station.locks.hold("pe1.supervision"),
        station.locks.hold("pe1.work"),
    ):
        assert len(list(station.locks.folder.iterdir())) == 4


# After a process that died


@pytest.mark.parametrize("stage", [stage.value for stage in Stage])
def test_an_attempt_whose_process_died_is_recorded_as_interrupted_by_the_next_one(station, elsewhere, stage) -> None:
    elsewhere(f"die at {stage}")
    assert station.state().running.attempt == 1

    synchronize(station)

    [interrupted] = history(station, SyncFailed)
    assert (interrupted.attempt, interrupted.cause, interrupted.stage) == (1, Cause.INTERRUPTED, None)
    [raised] = history(station, AlarmRaised)
    assert raised.alarm.qualifier == "interrupted"
    assert raised.alarm in [cleared.alarm for cleared in history(station, AlarmCleared)]
    assert [fact.attempt for fact in history(station, SyncSucceeded)] == [2]


def test_a_standby_left_half_activated_is_put_back_before_the_next_attempt(
    station, elsewhere, active, standby, tree
) -> None:
    before = tree(standby)
    elsewhere("die at fourth rename")
    assert tree(standby) != before
    (active / "cf3/pe1.cfg").unlink()

    [outcome, *_] = synchronize(station)

    assert outcome.cause is Cause.SOURCE_MISSING
    assert tree(standby) == before


def test_a_success_whose_backups_were_left_is_not_undone(station, elsewhere, active, standby) -> None:
    elsewhere("die at discard")
    assert list(standby.rglob(".understudy"))

    [outcome, *_] = synchronize(station)

    assert isinstance(outcome, SyncSucceeded)
    assert outcome.bytes_copied == 0
    assert (standby / "cf3/pe1.cfg").read_bytes() == (active / "cf3/pe1.cfg").read_bytes()
    assert not list(standby.rglob(".understudy"))


def test_an_earlier_attempt_that_cannot_be_undone_fails_the_next_one_and_says_so(station, elsewhere, standby) -> None:
    elsewhere("die at fourth rename")
    blocked = standby / "cf3/.understudy/1/old"
    (blocked / "99").mkdir()

    [outcome, *_] = synchronize(station)

    assert isinstance(outcome, SyncFailed)
    assert "An earlier attempt could not be undone" in outcome.detail
    (blocked / "99").rmdir()
    assert isinstance(synchronize(station)[0], SyncSucceeded)


def test_an_attempt_that_breaks_in_a_way_that_nobody_foresaw_leaves_nothing_open(station, monkeypatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("producers.attempts.synchronize", interrupt)
    with pytest.raises(KeyboardInterrupt):
        synchronize(station)

    assert station.state().running is None
    assert standing(station) == {("boot-env-sync-failed", "interrupted")}


def test_what_died_is_settled_only_if_nobody_is_at_work(station, elsewhere) -> None:
    elsewhere("die at transfer")
    with station.locks.hold("pe1"):
        settle_if_idle(station)
        assert station.state().running is not None

    settle_if_idle(station)

    assert station.state().running is None


def test_a_switchover_whose_process_died_is_recorded_as_failed_by_the_next_attempt(station) -> None:
    synchronize(station)
    station.record.execute("pe1", StartSwitchover(reason=SwitchoverReason.FORCED))

    synchronize(station)

    [failed] = history(station, SwitchoverFailed)
    assert failed.failure is SwitchoverFailure.INTERRUPTED
    assert standing(station) == {("switchover-failed", "")}


# An absent standby


def test_an_absent_standby_is_a_failed_attempt(station, standby) -> None:
    shutil.rmtree(standby)

    [outcome, *_] = synchronize(station)

    assert (outcome.cause, outcome.stage) == (Cause.STANDBY_ABSENT, Stage.ADMIT)


def test_a_card_is_opened_where_the_record_says(station, standby) -> None:
    card = station.card(Slot.B)

    assert isinstance(card, LocalCard)
    assert card.location == str(standby)


def test_a_standby_left_half_activated_is_put_back_without_another_attempt(station, elsewhere, standby) -> None:
    def files() -> dict[str, bytes]:
        return {str(path.relative_to(standby)): path.read_bytes() for path in standby.rglob("*") if path.is_file()}

    before = files()
    elsewhere("die at fourth rename")
    assert files() != before

    assert settle_if_idle(station)
    assert undo_unfinished(station)

    assert files() == before
    assert not settle_if_idle(station)
