"""Locks of a chassis, as files and as PostgreSQL's advisory locks; and what is done when one is lost."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.causes import Scope, Stage
from events.commands import Provision, SetSwitchoverExec, StartSync
from events.facts import CardLocation, Slot, SwitchoverFailed, SwitchoverReason, SyncFailed, SyncSucceeded, Trigger
from events.store import Record
from producers.advisory_locks import AdvisoryLocks
from producers.attempts import attempt
from producers.file_locks import FileLocks
from producers.lock import ChassisBusyError, LockLostError, Locks, Purpose
from producers.observer import Silent
from producers.station import Station, settle_if_idle
from producers.supervision import Supervisor
from producers.switchover import switch_over

POSTGRESQL = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql")]
HOLDER = """
import sys
from pathlib import Path
from producers.advisory_locks import AdvisoryLocks
from producers.file_locks import FileLocks

place = sys.argv[1]
locks = AdvisoryLocks(place) if "://" in place else FileLocks(Path(place))
with locks.hold("pe1"):
    print("held", flush=True)
    sys.stdin.readline()
locks.close()
"""
TERMINATE = """SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


@pytest.fixture(params=["files", pytest.param("postgresql", marks=POSTGRESQL)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url: str = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return url or str(tmp_path / "locks")


@pytest.fixture
def open_locks(place: str) -> Iterator[Callable[[], Locks]]:
    """Locks as another process would have them."""
    with ExitStack() as stack:

        def opened() -> Locks:
            locks: Locks = AdvisoryLocks(place) if "://" in place else FileLocks(Path(place))
            return stack.enter_context(closing(locks))

        yield opened


@pytest.fixture
def locks(open_locks) -> Locks:
    return open_locks()


@pytest.fixture
def holder(place: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process, which holds the lock for work on pe1 until it is told a line."""
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_what_is_held_is_refused_to_everybody_else_and_free_afterwards(locks, open_locks) -> None:
    other = open_locks()
    with locks.hold("pe1") as held:
        held.check()
        for each in (locks, other):
            assert each.is_held("pe1", Purpose.WORK)
            with pytest.raises(ChassisBusyError), each.hold("pe1"):
                pass
    assert not other.is_held("pe1", Purpose.WORK)
    with other.hold("pe1") as held:
        held.check()


def test_chassis_and_purposes_do_not_keep_each_other_waiting(locks) -> None:
    with ExitStack() as stack:
        for chassis in ("pe1", "pe2", "pe1.work", "Zürich 1"):
            for purpose in Purpose:
                stack.enter_context(locks.hold(chassis, purpose)).check()
    assert not locks.is_held("pe1", Purpose.SUPERVISION)


def test_who_waits_gets_the_lock_when_it_is_free(locks, holder) -> None:
    got = threading.Event()

    def wait() -> None:
        with locks.hold("pe1", wait=True):
            got.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not got.wait(0.2)
    holder.communicate("enough\n", timeout=30)
    assert got.wait(30)
    thread.join()


def test_a_process_that_is_killed_lets_go(locks, holder) -> None:
    assert locks.is_held("pe1", Purpose.WORK)
    holder.kill()
    holder.wait(30)
    with locks.hold("pe1", wait=True) as held:
        held.check()


def test_threads_of_one_process_exclude_each_other(locks) -> None:
    inside, most = [], []

    def work() -> None:
        with locks.hold("pe1", wait=True):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


# A lock that is lost


@pytest.fixture
def execute(postgres_url: str) -> Callable[[str], object]:
    import psycopg  # noqa: PLC0415 - an optional part of the program

    def executed(statement: str) -> object:
        with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return executed


@pytest.fixture
def shared(postgres_url: str, active: Path, standby: Path) -> Iterator[Station]:
    """Chassis pe1 on a record in PostgreSQL, with its locks there."""
    with Record(postgres_url, lambda: datetime.now(UTC)) as record, closing(AdvisoryLocks(postgres_url)) as locks:
        cards = (CardLocation(slot=Slot.A, location=str(active)), CardLocation(slot=Slot.B, location=str(standby)))
        record.execute("pe1", Provision(cards=cards, active=Slot.A, equipped=tuple(Slot), operator="noc"))
        yield Station(record, "pe1", locks)


class At(Silent):
    """Does something when an attempt enters a stage."""

    def __init__(self, stage: Stage, act: Callable[[], object]) -> None:
        self._stage = stage
        self._act = act

    def stage(self, stage: Stage) -> None:
        if stage is self._stage:
            self._act()


def synchronize(station: Station, observer: Any = None) -> Any:
    return attempt(station, Scope.BOOT_ENV, Trigger.MANUAL, observer=observer)


def history(station: Station, *kinds: type) -> list[Any]:
    return [one.fact for one in station.record.read_chassis("pe1") if isinstance(one.fact, kinds)]


class TestLost:
    pytestmark = POSTGRESQL

    def test_a_lock_whose_session_ended_is_lost_and_free_for_others(self, shared, execute, postgres_url) -> None:
        with closing(AdvisoryLocks(postgres_url)) as other, shared.locks.hold("pe1") as held:
            execute(TERMINATE)
            with pytest.raises(LockLostError, match="pe1: the connection that held its lock is lost"):
                held.check()
            with other.hold("pe1") as theirs:
                theirs.check()
                with pytest.raises(ChassisBusyError), shared.locks.hold("pe1"):
                    pass

    @pytest.mark.parametrize("stage", [Stage.READ, Stage.TRANSFER, Stage.VERIFY])
    def test_an_attempt_that_lost_its_lock_activates_nothing_and_records_no_outcome(
        self, shared, execute, standby, tree, stage
    ) -> None:
        before = tree(standby)
        with pytest.raises(LockLostError):
            synchronize(shared, At(stage, lambda: execute(TERMINATE)))
        assert tree(standby) == before
        assert history(shared, SyncFailed, SyncSucceeded) == []
        assert shared.state().running.attempt == 1

        assert settle_if_idle(shared)
        assert [fact.cause for fact in history(shared, SyncFailed)] == ["interrupted"]
        assert isinstance(synchronize(shared)[0].fact, SyncSucceeded)

    def test_an_attempt_that_lost_its_lock_does_not_end_that_of_the_next_holder(self, shared, execute) -> None:
        def overtaken() -> None:
            execute(TERMINATE)
            assert settle_if_idle(shared)
            shared.record.execute("pe1", StartSync(scope=Scope.CONFIG, trigger=Trigger.SAVED))

        with pytest.raises(LockLostError):
            synchronize(shared, At(Stage.VERIFY, overtaken))
        assert shared.state().running.attempt == 2
        assert [fact.attempt for fact in history(shared, SyncFailed)] == [1]

    def test_a_switchover_that_lost_its_lock_does_not_run_the_executable(self, shared, execute, tmp_path) -> None:
        synchronize(shared)
        executable, ran = tmp_path / "switch", tmp_path / "ran"
        executable.write_text(f"#!/bin/sh\ntouch {ran}\n")
        executable.chmod(0o755)
        shared.record.execute("pe1", SetSwitchoverExec(path=str(executable), time_limit_seconds=9, operator="noc"))
        execute(f"""CREATE FUNCTION terminate() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pid FROM ({TERMINATE} AND pid <> pg_backend_pid()) AS ended(pid); RETURN NULL; END $$;
            CREATE TRIGGER terminate AFTER INSERT ON stored_events FOR EACH ROW
            WHEN (NEW.topic LIKE 'switchover.started.%') EXECUTE FUNCTION terminate()""")
        with pytest.raises(LockLostError):
            switch_over(shared, SwitchoverReason.FORCED)
        assert not ran.exists()

        assert settle_if_idle(shared)
        assert [fact.failure for fact in history(shared, SwitchoverFailed)] == ["interrupted"]

    def test_a_switchover_that_loses_its_lock_ends_the_executable_before_another_one_begins(
        self, shared, execute, tmp_path, postgres_url
    ) -> None:
        synchronize(shared)
        executable, log, begun = tmp_path / "switch", tmp_path / "log", tmp_path / "begun"
        executable.write_text(f"#!/bin/sh\necho begin > {log}; touch {begun}; sleep 60; echo end >> {log}\n")
        executable.chmod(0o755)
        shared.record.execute("pe1", SetSwitchoverExec(path=str(executable), time_limit_seconds=90, operator="noc"))

        def loses() -> None:
            while not begun.exists():
                threading.Event().wait(0.01)
            execute(TERMINATE)

        thread = threading.Thread(target=loses)
        thread.start()
        with pytest.raises(LockLostError):
            switch_over(shared, SwitchoverReason.FORCED)
        thread.join()
        assert log.read_text() == "begin\n"

        executable.write_text(f"#!/bin/sh\necho again >> {log}\n")
        with closing(AdvisoryLocks(postgres_url)) as locks:
            switch_over(shared._replace(locks=locks), SwitchoverReason.FORCED)
        assert log.read_text() == "begin\nagain\n"
        assert [fact.failure for fact in history(shared, SwitchoverFailed)] == ["interrupted"]

    def test_a_supervisor_that_lost_its_lock_ends(self, shared, execute) -> None:
        supervisor, ended = Supervisor(shared), []

        def run() -> None:
            with pytest.raises(LockLostError):
                supervisor.run()
            ended.append(True)

        thread = threading.Thread(target=run)
        thread.start()
        assert supervisor.watching.wait(30)
        execute(TERMINATE)
        thread.join(30)
        assert ended == [True]
