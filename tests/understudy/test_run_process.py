"""``understudy run`` as a process: its end, its neighbours, several chassis, and its rest."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from events.facts import (
    AlarmRepeated,
    ChassisProvisioned,
    Slot,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverRefused,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
)

PATIENCE_SECONDS = 60.0
IDLE_SECONDS = 3.0


# The process


def test_a_second_process_for_the_same_chassis_is_refused_and_records_nothing(quick, installed, watched, start) -> None:
    again = watched.record.head()
    refused = start(installed, *quick)
    assert refused.process.wait(PATIENCE_SECONDS) == 3
    assert "pe1 is supervised by another process already" in refused.printed()
    assert watched.record.head() == again


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(quick, installed, off, start, number) -> None:
    running = start(installed, *quick)
    off.until_fact(SupervisionStarted)

    assert running.signal(number) == 0

    [stopped] = off.facts(SupervisionStopped)
    assert stopped.process == running.process.pid
    assert "does not watch over chassis pe1 any more" in running.printed()
    assert off.state().running is None


def test_a_signal_in_the_middle_of_a_copy_ends_it_as_interrupted_and_the_standby_is_as_it_was(
    quick, installed, off, start, tree
) -> None:
    with (installed.a / "cf3/TiMOS-20.10.R3/both.tim").open("wb") as image:
        image.truncate(400 * 1024 * 1024)
    installed.run("config", "redundancy", "synchronize", "boot-env")
    before = tree(installed.b)
    running = start(installed, *quick)
    off.until_fact(SyncStarted)

    assert running.signal(signal.SIGTERM) == 0

    [failed] = off.facts(SyncFailed)
    assert failed.cause == "interrupted"
    assert (off.state().running, tree(installed.b)) == (None, before)
    assert off.facts()[-1] == off.facts(SupervisionStopped)[0]
    (installed.a / "cf3/TiMOS-20.10.R3/both.tim").write_bytes(b"small")
    start(installed, *quick)
    off.until_calm()


def test_after_a_kill_it_can_be_started_again_and_settles_what_was_open(quick, installed, off, start) -> None:
    with (installed.a / "cf3/TiMOS-20.10.R3/both.tim").open("wb") as image:
        image.truncate(200 * 1024 * 1024)
    installed.run("config", "redundancy", "synchronize", "boot-env")
    running = start(installed, *quick)
    off.until_fact(SyncStarted)
    running.signal(signal.SIGKILL)
    assert off.state().running is not None
    (installed.a / "cf3/TiMOS-20.10.R3/both.tim").write_bytes(b"small")

    start(installed, *quick)

    off.until_calm()
    [failed] = off.facts(SyncFailed)
    assert (failed.cause, failed.stage) == ("interrupted", None)
    assert len(off.facts(SupervisionStarted)) == 2


def test_it_settles_the_attempt_of_another_process_that_was_killed(installed, watched, start) -> None:
    image = installed.a / "cf3/TiMOS-20.10.R3/both.tim"
    installed.run("config", "redundancy", "no", "synchronize")
    with image.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    head = watched.record.head()
    manual = start(installed, "admin", "redundancy", "synchronize", "boot-env")
    watched.until_fact(SyncStarted, after=head)

    manual.signal(signal.SIGKILL)

    failed = watched.until_fact(SyncFailed, after=head).fact
    assert failed.cause == "interrupted"
    image.write_bytes(b"small")
    installed.run("config", "redundancy", "synchronize", "boot-env")
    watched.until_calm()


def test_it_goes_on_when_nobody_reads_its_log_any_more(quick, installed, off) -> None:
    process = subprocess.Popen(
        installed.command(*quick), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=installed.environment
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()

    installed.run("config", "redundancy", "synchronize", "config")

    off.until_fact(SyncSucceeded)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert process.stderr is not None
    assert process.stderr.read().count(b"supervision goes on") == 1
    process.stderr.close()
    assert len(off.facts(SupervisionStopped)) == 1


@pytest.mark.parametrize("number", range(5))
def test_a_signal_is_obeyed_also_in_the_first_moments(quick, installed, off, start, number) -> None:
    running = start(installed, *quick)
    off.until_fact(SupervisionStarted)
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(0.002 * number)

    assert running.signal(signal.SIGTERM) == 0


# Several chassis


@pytest.fixture
def second(bare, tmp_path) -> tuple[Path, Path]:
    """The folders of two more cards."""
    a, b = tmp_path / "2a", tmp_path / "2b"
    shutil.copytree(bare.a, a)
    shutil.copytree(bare.b, b)
    return a, b


def provision_second(installation, second: tuple[Path, Path]) -> None:
    installation.run("provision", "pe2", "--card", f"A={second[0]}", "--card", f"B={second[1]}")


def test_two_chassis_are_supervised_side_by_side(quick, installed, off, start, second) -> None:
    provision_second(installed, second)
    for name in ("pe1", "pe2"):
        installed.run("config", "redundancy", "synchronize", "config", "--chassis", name)
    running = start(installed, *quick)
    for name in ("pe1", "pe2"):
        off.until_in_step(name)

    installed.pull(second[0])
    off.until_state(lambda state: state.active is Slot.B, "pe2")
    (installed.a / "cf3/pe1.cfg").write_text("saved\n")
    off.until_fact(SyncSucceeded, attempt=2)

    assert off.state("pe1").active is Slot.A
    assert running.signal(signal.SIGTERM) == 0
    assert [len(off.facts(SupervisionStopped, chassis=name)) for name in ("pe1", "pe2")] == [1, 1]


def test_a_chassis_provisioned_while_it_runs_is_supervised_too(quick, installed, off, start, second) -> None:
    start(installed, *quick)
    off.until_fact(SupervisionStarted)

    provision_second(installed, second)

    off.until(lambda one: one.chassis == "pe2" and isinstance(one.fact, ChassisProvisioned))
    installed.run("config", "redundancy", "synchronize", "boot-env", "--chassis", "pe2")
    off.until_in_step("pe2")


def test_the_chassis_that_is_named_is_the_only_one_that_is_supervised(quick, installed, off, start, second) -> None:
    provision_second(installed, second)
    first = start(installed, *quick, "--chassis", "pe2")
    off.until(lambda one: one.chassis == "pe2" and isinstance(one.fact, SupervisionStarted))

    start(installed, *quick, "--chassis", "pe1")

    off.until(lambda one: one.chassis == "pe1" and isinstance(one.fact, SupervisionStarted))
    assert first.signal(signal.SIGTERM) == 0
    assert "watches over chassis pe1" not in first.printed()


# At rest


def processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("trouble", ["none", "a failing synchronisation", "no active card", "no card at all"])
def test_it_is_at_rest_while_nothing_happens(installed, off, start, trouble) -> None:
    if trouble != "no active card":
        installed.run("admin", "redundancy", "synchronize", "boot-env")
    installed.run("config", "redundancy", "synchronize", "boot-env")
    running = start(installed, "run", "--probe-interval", "0.2", "--retry-first", "0.1")
    off.until_fact(SupervisionStarted)
    if trouble == "a failing synchronisation":
        (installed.a / "cf3/pe1.cfg").unlink()
        off.until(lambda one: isinstance(one.fact, AlarmRepeated) and one.fact.count == 3)
    if trouble in {"no active card", "no card at all"}:
        installed.pull(installed.b)
        off.until_state(lambda state: state.single)
        installed.pull(installed.a)
        off.until_fact(SwitchoverRefused)
    began, used = time.monotonic(), processor_seconds(running.process.pid)

    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(IDLE_SECONDS)

    used = processor_seconds(running.process.pid) - used
    # On a loaded machine more time has passed than was waited for.
    assert used < 0.4 * (time.monotonic() - began)


def test_a_log_that_cannot_be_printed_does_not_end_supervision(quick, installed, off) -> None:
    installed.run("config", "redundancy", "synchronize", "config")
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(
            installed.command(*quick), stdout=full, stderr=subprocess.PIPE, env=installed.environment
        )
    try:
        off.until_fact(SyncSucceeded)
        head = off.record.head()
        (installed.a / "cf3/pe1.cfg").write_text("saved again\n")
        off.until_fact(SyncSucceeded, after=head)
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 0, said
    assert "supervision goes on" in said
    assert "Traceback" not in said
