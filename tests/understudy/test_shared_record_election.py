"""Several ``understudy run`` share a record: each chassis has one supervisor, and soon another one when that dies."""

import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from events.facts import (
    SupervisionStarted,
    SupervisionStopped,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
)

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.xdist_group("postgresql-election"),
    pytest.mark.timeout(180),
]

PATIENCE_SECONDS = 60.0
TAKEOVER_SECONDS = 30.0
CHASSIS = ("pe1", "pe2", "pe3")
IMAGE = "cf3/TiMOS-20.10.R3/both.tim"


@pytest.fixture
def bare(bare: Any, server: Any) -> Any:
    """As everywhere, with the record in a database on a server of its own."""
    bare.env["UNDERSTUDY_STORE"] = server.url(server.new_database())
    return bare


@pytest.fixture
def fleet(installed: Any, tmp_path: Path) -> dict[str, tuple[Path, Path]]:
    """Three chassis, all to be synchronised; the two cards of each."""
    cards = {"pe1": (installed.a, installed.b)}
    for name in CHASSIS[1:]:
        cards[name] = a, b = tmp_path / f"{name}-a", tmp_path / f"{name}-b"
        shutil.copytree(installed.a, a)
        shutil.copytree(installed.b, b)
        installed.run("provision", name, "--card", f"A={a}", "--card", f"B={b}")
    for name in CHASSIS:
        installed.run("config", "redundancy", "synchronize", "boot-env", "--chassis", name)
    return cards


def supervisors(look: Any, chassis: str, dead: set[int]) -> list[int]:
    """Who supervised a chassis, in order; whoever begins while another one is at it is no supervisor but a mistake."""
    current, all_of_them = None, []
    for fact in look.facts(SupervisionStarted, SupervisionStopped, chassis=chassis):
        if isinstance(fact, SupervisionStopped):
            assert fact.process == current
            current = None
        else:
            assert current is None or current in dead, (chassis, fact, current)
            current = fact.process
            all_of_them.append(current)
    return all_of_them


def until_supervised(look: Any, chassis: str, after: int, *, not_by: set[int]) -> int:
    found = look.until(
        lambda one: (
            one.chassis == chassis and isinstance(one.fact, SupervisionStarted) and one.fact.process not in not_by
        ),
        after=after,
    )
    process: int = found.fact.process
    return process


def test_each_chassis_has_one_supervisor_and_another_within_seconds_of_a_kill(
    quick, installed, onlooker, start, fleet
) -> None:
    look = onlooker(installed)
    running = {one.process.pid: one for one in [start(installed, *quick) for _ in range(3)]}
    for chassis in CHASSIS:
        look.until_in_step(chassis)

    dead: set[int] = set()
    for _ in range(2):
        head = look.record.head()
        killed = supervisors(look, "pe1", dead)[-1]
        orphans = [chassis for chassis in CHASSIS if supervisors(look, chassis, dead)[-1] == killed]
        began = time.monotonic()
        running[killed].signal(signal.SIGKILL)
        dead.add(killed)
        for chassis in orphans:
            until_supervised(look, chassis, head, not_by=dead)
        assert time.monotonic() - began < TAKEOVER_SECONDS

    [last] = running.keys() - dead
    for chassis, (a, b) in fleet.items():
        head = look.record.head()
        (a / "cf3/pe1.cfg").write_text("saved again\n")
        look.until(lambda one, name=chassis: one.chassis == name and isinstance(one.fact, SyncSucceeded), after=head)
        assert (b / "cf3/pe1.cfg").read_text() == "saved again\n"
        assert supervisors(look, chassis, dead)[-1] == last
    assert running[last].signal(signal.SIGTERM) == 0
    assert all(isinstance(look.facts(chassis=chassis)[-1], SupervisionStopped) for chassis in CHASSIS)


def test_an_attempt_that_a_dead_supervisor_left_open_is_interrupted_and_undone_by_the_next_one(
    quick, installed, off, start, tree
) -> None:
    with (installed.a / IMAGE).open("wb") as image:
        image.truncate(400 * 1024 * 1024)
    running = {one.process.pid: one for one in [start(installed, *quick) for _ in range(2)]}
    first = off.until_fact(SupervisionStarted).fact.process
    installed.run("config", "redundancy", "synchronize", "boot-env")
    attempt = off.until_fact(SyncStarted).fact.attempt

    began = time.monotonic()
    running[first].signal(signal.SIGKILL)
    (installed.a / IMAGE).write_bytes(b"small")
    taken = off.until(lambda one: isinstance(one.fact, SupervisionStarted) and one.fact.process != first)
    assert time.monotonic() - began < TAKEOVER_SECONDS

    failed = off.until_fact(SyncFailed, after=taken.position).fact
    assert (failed.attempt, failed.cause) == (attempt, "interrupted")
    off.until_calm()
    assert running[taken.fact.process].signal(signal.SIGTERM) == 0
    assert tree(installed.b) == tree(installed.a)


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT], ids=["crash", "fast"])
def test_supervision_outlasts_a_restart_of_the_server_and_begins_anew(
    quick, installed, watched, start, server, how
) -> None:
    [former] = watched.facts(SupervisionStarted)
    other = start(installed, *quick)
    other.until_printed("standing by")
    head = watched.record.head()

    server.restart(how)

    until_supervised(watched, "pe1", head, not_by=set())
    saved = watched.record.head()
    (installed.a / "cf3/pe1.cfg").write_text("saved again\n")
    watched.until_fact(SyncSucceeded, after=saved)
    watched.until_calm()
    assert (installed.b / "cf3/pe1.cfg").read_text() == "saved again\n"
    assert other.process.poll() is None
    # The restart took the lock away without a word, so that the next one begins while the former did not stop.
    assert len(supervisors(watched, "pe1", {former.process, other.process.pid})) == 2


def test_a_restart_of_the_server_in_the_middle_of_an_attempt_leaves_the_standby_whole(
    quick, installed, off, start, server
) -> None:
    with (installed.a / IMAGE).open("wb") as image:
        image.truncate(400 * 1024 * 1024)
    start(installed, *quick)
    off.until_fact(SupervisionStarted)
    installed.run("config", "redundancy", "synchronize", "boot-env")
    off.until_fact(SyncStarted)

    server.restart(signal.SIGQUIT)

    [failed] = [off.until_fact(SyncFailed).fact]
    assert failed.cause == "interrupted"
    (installed.a / IMAGE).write_bytes(b"small")
    off.until_calm()
    assert installed.files(installed.b) == installed.files(installed.a)


def test_an_outage_is_told_once_and_so_is_its_end(quick, installed, off, start, server) -> None:
    running = start(installed, *quick, "--listen", "127.0.0.1:0")
    off.until_fact(SupervisionStarted)
    head = off.record.head()
    server.stop()
    running.until_printed("cannot reach the record")
    server.start()
    running.until_printed("is back after")
    until_supervised(off, "pe1", head, not_by=set())
    assert running.signal(signal.SIGTERM) == 0
    lost = [line for line in running.printed().splitlines() if "UTC WARNING cannot reach the record" in line]
    # A server that has only begun may turn somebody away once more, which is an outage of its own.
    assert 1 <= len(lost) == running.printed().count("is back after"), running.printed()


def test_a_run_is_stopped_while_the_server_is_away(quick, installed, off, start, server) -> None:
    running = start(installed, *quick)
    off.until_fact(SupervisionStarted)
    server.stop()
    running.until_printed("cannot reach the record")
    began = time.monotonic()
    running.signal(signal.SIGTERM)
    assert time.monotonic() - began < TAKEOVER_SECONDS
    server.start()
