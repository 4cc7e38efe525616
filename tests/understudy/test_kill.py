"""Killing any command at any moment: nothing recorded is lost, no file is half-written, and the next run settles it."""

import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from events.envelope import Recorded
from events.facts import (
    AlarmCleared,
    AlarmRaised,
    AlarmRepeated,
    SupervisionStarted,
    SwitchoverCompleted,
    SwitchoverFailed,
    SwitchoverStarted,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
)

# Each case runs some dozens of commands, one after the other, and a slow machine takes long for each.
pytestmark = pytest.mark.timeout(900)

KILLS = 10
"""In each case; there are ten cases."""
TIMED_FROM = ("the start of the process", "its first record", "its activation")
"""The three thirds of the kills, so that some hit each part of a command, however short it is."""

SYNCHRONIZE = ("admin", "redundancy", "synchronize", "boot-env")
CONFIG = ("admin", "redundancy", "synchronize", "config")
SWITCH_OVER = ("admin", "redundancy", "force-switchover", "now")
RUN = ("run", "--probe-interval", "0.1", "--retry-first", "0.1")
PATIENCE_SECONDS = 60.0
ACTIVATION_SECONDS = 0.01

BOF = "primary-image cf3:\\TiMOS\nprimary-config cf3:\\pe1.cfg\nsecondary-config cf3:\\fallback.cfg\n"
SIZES = {
    "bof.cfg": 0,
    "boot.ldr": 300_000,
    "nvsys.info": 1_000,
    "pe1.cfg": 400_000,
    "pe1.ndx": 100_000,
    "fallback.cfg": 200_000,
    "TiMOS/both.tim": 900_000,
    "TiMOS/cpm.tim": 700_000,
}
Files = dict[str, bytes]


def files_of(version: int) -> Files:
    """All files of a version: each differs from that of any other, and one name comes and one goes."""
    sizes = {**SIZES, f"TiMOS/only-{version}.tim": 150_000}
    files = {name: (b"%d %s " % (version, name.encode()) * size)[:size] for name, size in sizes.items()}
    return {**files, "bof.cfg": f"# version {version}\n{BOF}".encode()}


def write(card: Path, files: Files) -> None:
    flash = card / "cf3"
    (flash / "TiMOS").mkdir(parents=True, exist_ok=True)
    for gone in read(card).keys() - files.keys():
        (flash / gone).unlink()
    for name, content in files.items():
        (flash / name).write_bytes(content)


def read(card: Path) -> Files:
    """The files under their real names."""
    flash = card / "cf3"
    paths = [path for folder in (flash, flash / "TiMOS") for path in folder.iterdir() if path.is_file()]
    return {str(path.relative_to(flash)): path.read_bytes() for path in paths}


def is_alive(process: "subprocess.Popen[bytes]", wait: float) -> bool:
    """Whether a process lives on for so many seconds."""
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        return True
    return False


def config(files: Files) -> Files:
    """Those of the config scope."""
    return {name: files[name] for name in files if name.endswith((".ndx", ".cfg")) and name != "bof.cfg"}


@dataclass
class Victim:
    """An installation whose commands are killed."""

    installation: Any
    look: Any
    chance: random.Random
    seen: list[Recorded] = field(default_factory=list)
    version: int = 1

    @property
    def active(self) -> Path:
        return Path(self.state.location(self.state.active).location)

    @property
    def standby(self) -> Path:
        return Path(self.state.location(self.state.standby).location)

    @property
    def state(self) -> Any:
        return self.look.state()

    def save(self) -> None:
        """A new version of everything on the active card."""
        self.version += 1
        write(self.active, files_of(self.version))

    def kill(self, words: tuple[str, ...], part: float, durations: tuple[float, float]) -> bool:
        """Starts a command and kills it after a part of its time; whether it lived until then."""
        head, journals, process = self.look.record.head(), self.standby / "cf3/.understudy", self._start(words)
        moment = self.chance.choice(TIMED_FROM[:2] if words is SWITCH_OVER else TIMED_FROM)
        whole, rest = durations
        delay = (whole if moment == TIMED_FROM[0] else rest) * part
        if moment == TIMED_FROM[1]:
            kinds = SyncStarted | SwitchoverStarted
            self.look.until(lambda one: isinstance(one.fact, kinds), after=head)
        if moment == TIMED_FROM[2]:
            delay = ACTIVATION_SECONDS * part
            while is_alive(process, 0.0001) and not list(journals.glob("*/journal.json")) and not self._ended(head):
                pass
        if is_alive(process, delay):
            process.kill()
        return process.wait(PATIENCE_SECONDS) == -signal.SIGKILL

    def _ended(self, head: int) -> bool:
        """Whether an attempt has ended since that position: on a loaded machine, unseen."""
        return any(isinstance(one.fact, SyncSucceeded | SyncFailed) for one in self.look.record.read(after=head))

    def time(self, words: tuple[str, ...]) -> tuple[float, float]:
        """How long a command takes, in seconds: in all, and from what it records first to its end."""
        head, began = self.look.record.head(), time.monotonic()
        process = self._start(words)
        self.look.until(lambda one: isinstance(one.fact, SyncStarted | SwitchoverStarted), after=head)
        started = time.monotonic()
        if words is RUN:
            self.look.until_fact(SyncSucceeded, after=head)
            process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
        ended = time.monotonic()
        return ended - began, ended - started

    def finish(self, words: tuple[str, ...]) -> None:
        """Runs a command to its end; one that supervises, until the cards are in step."""
        head, ready, process = self.look.record.head(), self.state.ready, self._start(words)
        if words is RUN:
            self.look.until_fact(SupervisionStarted, after=head)
            self.look.until_state(self._is_over)
            process.send_signal(signal.SIGTERM)
        refused = words is SWITCH_OVER and not ready
        assert process.wait(PATIENCE_SECONDS) == (3 if refused else 0)

    def _is_over(self, state: Any) -> bool:
        return not state.running and not state.standing() and read(self.standby) == read(self.active)

    def _start(self, words: tuple[str, ...]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.installation.command(*words),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.installation.environment,
        )

    def check_record(self) -> None:
        """Every fact ever seen is there unchanged, and there is no gap."""
        facts = list(self.look.record.read())
        assert [one.position for one in facts] == list(range(1, len(facts) + 1))
        assert facts[: len(self.seen)] == self.seen
        self.seen = facts

    def check_settled(self, attempt: Any, switchover: Any) -> None:
        """Nothing is open; what was, is recorded as interrupted, with its alarm."""
        facts = [one.fact for one in self.seen]
        assert (self.state.running, self.state.switching) == (None, None)
        ended = [fact.attempt for fact in facts if isinstance(fact, SyncSucceeded | SyncFailed)]
        assert sorted(ended) == sorted({fact.attempt for fact in facts if isinstance(fact, SyncStarted)})
        if attempt is not None:
            where, how = next(
                (number, fact)
                for number, fact in enumerate(facts)
                if isinstance(fact, SyncFailed) and fact.attempt == attempt.attempt
            )
            assert (how.cause, how.stage) == ("interrupted", None)
            told = next(fact for fact in facts[where:] if isinstance(fact, AlarmRaised | AlarmRepeated))
            assert (told.alarm.alarm_type, told.alarm.qualifier) == (f"{attempt.scope}-sync-failed", "interrupted")
        if switchover is not None:
            failed = [fact for fact in facts if isinstance(fact, SwitchoverFailed)][-1]
            assert (failed.switchover, failed.failure) == (switchover.switchover, "interrupted")


@pytest.fixture
def victim(bare, onlooker, tmp_path: Path, request: pytest.FixtureRequest) -> Victim:
    """Two cards in step, in version 1, and an executable that makes a switchover last."""
    print(f"seed {request.param}")  # noqa: T201 - to repeat a failure
    for card in (bare.a, bare.b):
        write(card, files_of(1))
        for name in ("TiMOS-20.10.R3/both.tim",):
            (card / "cf3" / name).unlink(missing_ok=True)
    bare.provision()
    bare.run(*SYNCHRONIZE)
    bare.run("config", "redundancy", "synchronize", "boot-env")
    executable = tmp_path / "switch"
    executable.write_text("#!/bin/sh\nsleep 0.1\n")
    executable.chmod(0o755)
    bare.run("config", "redundancy", "switchover-exec", str(executable))
    return Victim(bare, onlooker(bare), random.Random(request.param))


CASES = [
    (SYNCHRONIZE, SYNCHRONIZE, 1),
    (SYNCHRONIZE, SYNCHRONIZE, 2),
    (SYNCHRONIZE, SWITCH_OVER, 3),
    (SYNCHRONIZE, RUN, 4),
    (CONFIG, CONFIG, 5),
    (CONFIG, SWITCH_OVER, 6),
    (SWITCH_OVER, SYNCHRONIZE, 7),
    (SWITCH_OVER, SWITCH_OVER, 8),
    (RUN, SYNCHRONIZE, 9),
    (RUN, RUN, 10),
]


@pytest.mark.parametrize(
    ("killed", "following", "victim"),
    CASES,
    indirect=["victim"],
    ids=[f"{killed[-1]} killed, {following[-1]} following, {seed}" for killed, following, seed in CASES],
)
def test_a_kill_at_any_moment_loses_nothing_and_is_settled_by_the_next_command(killed, following, victim) -> None:
    victim.save()
    durations, kills, missed = victim.time(killed), 0, 0
    victim.finish(SYNCHRONIZE)
    while kills < KILLS:
        part = (kills + victim.chance.random()) / KILLS * 0.9**missed
        victim.save()
        old, new, standby = read(victim.standby), read(victim.active), victim.standby
        victim.check_record()

        hit = victim.kill(killed, part, durations)
        kills, missed = (kills + 1, 0) if hit else (kills, missed + 1)

        victim.check_record()
        attempt, switchover = victim.state.running, victim.state.switching
        half = {
            name: content for name, content in read(standby).items() if content not in {old.get(name), new.get(name)}
        }
        assert half == {}
        victim.finish(following)
        victim.check_record()
        victim.check_settled(attempt, switchover)
        check_whole(read(standby), old, new, killed, following)
        if following not in {SYNCHRONIZE, CONFIG}:
            victim.finish(SYNCHRONIZE)
        assert not list(victim.standby.rglob(".understudy"))
        check_no_interrupted_alarm(victim)
    victim.finish(SWITCH_OVER)
    victim.finish(SYNCHRONIZE)
    assert victim.state.standing() == []


def check_whole(now: Files, old: Files, new: Files, killed: tuple[str, ...], following: tuple[str, ...]) -> None:
    """The card that was the standby is of one version."""
    assert config(now) in (config(old), config(new))
    if CONFIG not in {killed, following}:
        assert now in (old, new)


def check_no_interrupted_alarm(victim: Victim) -> None:
    """What it raised was cleared by a success, which is the evidence; or the card is no standby any more."""
    assert not [alarm for alarm in victim.state.standing() if alarm.qualifier == "interrupted"]
    evidence = {one.version: one.fact for one in victim.look.record.read()}
    cleared = [fact for fact in evidence.values() if isinstance(fact, AlarmCleared)]
    proofs = [evidence[fact.evidence] for fact in cleared if fact.alarm.qualifier == "interrupted"]
    assert all(isinstance(proof, SyncSucceeded | SwitchoverCompleted) for proof in proofs)
