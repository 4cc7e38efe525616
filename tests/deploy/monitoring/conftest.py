"""The program with real cards, its exporter, and a Prometheus with the configuration that is shipped."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy" / "prometheus"
BOF = "primary-image cf3:\\TiMOS-20.10.R3\nprimary-config cf3:\\pe1.cfg\n"
QUICK = ("run", "--probe-interval", "0.1", "--retry-first", "0.5")


class Asked(Protocol):
    """A Prometheus that is asked."""

    def until(self, expression: str) -> list[Any]: ...


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def build_card(folder: Path, *, full: bool) -> Path:
    """A card with a whole boot environment, or an empty one."""
    for flash in ("cf1", "cf2", "cf3"):
        (folder / flash).mkdir(parents=True)
    if full:
        (folder / "cf3" / "bof.cfg").write_text(BOF)
        (folder / "cf3" / "pe1.cfg").write_text("exit all\n")
        (folder / "cf3" / "TiMOS-20.10.R3").mkdir()
        (folder / "cf3" / "TiMOS-20.10.R3" / "both.tim").write_bytes(b"image" * 20_000)
    return folder


class Site:
    """A record and the programs that work on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exporter, self.publisher = free_address(), free_address()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("UNDERSTUDY_")}
        self.env = {**environment, "UNDERSTUDY_HOME": str(folder / "home"), "UNDERSTUDY_OPERATOR": "noc"}
        self._started: list[subprocess.Popen[bytes]] = []

    def card(self, name: str) -> Path:
        return self.folder / name

    def run(self, *words: str) -> None:
        """A command that succeeds."""
        command = [sys.executable, "-m", "understudy", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=self.env, check=False, timeout=60)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"

    def start(self, *words: str) -> None:
        """A command that goes on until the end; what it prints is in the folder."""
        command = [sys.executable, "-m", "understudy", *words]
        with (self.folder / f"printed-{len(self._started)}").open("w") as printed:
            self._started.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed, env=self.env)
            )

    def provision(self, chassis: str) -> None:
        """A chassis whose card A has everything and whose card B is empty."""
        a, b = build_card(self.card(f"{chassis}-a"), full=True), build_card(self.card(f"{chassis}-b"), full=False)
        self.run("provision", chassis, "--card", f"A={a}", "--card", f"B={b}")

    def export(self) -> None:
        """Starts the exporter."""
        self.start("export", "prometheus", "--listen", self.exporter)

    def publish(self, brokers: str) -> None:
        """Starts the publisher, with topics of its own."""
        self.env |= {"UNDERSTUDY_TOPIC_PREFIX": f"monitoring-{self.publisher.rpartition(':')[2]}"}
        self.start("publish", "kafka", "--create-topics", "--kafka", brokers, "--listen", self.publisher)

    def stop(self) -> None:
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(30)
        for printed in self.folder.glob("printed-*"):
            assert "Traceback" not in printed.read_text(), printed.read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def quickened(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """The configuration that is shipped, with other addresses, and nothing that waits for long."""

    def make(exporter: str, *, publisher: str = "127.0.0.1:1", alertmanager: str = "127.0.0.1:1") -> str:
        folder = tmp_path_factory.mktemp("rules")
        for name in ("understudy.rules.yml", "understudy.alerts.yml"):
            text = (DEPLOY / name).read_text()
            text = re.sub(r"^( +for:) .*$", r"\1 1s", text, flags=re.MULTILINE)
            (folder / name).write_text(re.sub(r"^( +interval:) .*$", r"\1 250ms", text, flags=re.MULTILINE))
        shipped = (DEPLOY / "prometheus.yml").read_text()
        for ours, theirs in {
            "understudy:9820": exporter,
            "publisher:9821": publisher,
            "alertmanager:9093": alertmanager,
            "interval: 15s": "interval: 250ms",
            "- understudy.rules.yml": f"- {folder}/understudy.rules.yml",
            "- understudy.alerts.yml": f"- {folder}/understudy.alerts.yml",
        }.items():
            assert ours in shipped
            shipped = shipped.replace(ours, theirs)
        return shipped

    return make


@pytest.fixture(scope="module")
def play() -> Callable[[Site, Asked], None]:
    """The main job, seen through Prometheus: each step waits until the one before has reached it.

    At its end chassis pe1 has synchronised, failed, repaired, switched over, and fails again; pe2 was only provisioned.
    """

    def story(site: Site, seen: Asked) -> None:
        seen.until("instance:understudy_chassis:count == 2 and instance:understudy_standby_ready:sum == 0")
        site.run("config", "redundancy", "synchronize", "boot-env", "--chassis", "pe1")
        site.start(*QUICK)
        seen.until('understudy_standby_ready{chassis="pe1"} == 1')
        saved = site.card("pe1-a") / "cf3" / "pe1.cfg"
        saved.rename(saved.with_name("away.cfg"))
        seen.until('understudy_alarms_active{chassis="pe1", severity="major"} > 0')
        saved.with_name("away.cfg").rename(saved)
        seen.until('sum(understudy_alarms_active{chassis="pe1"}) == 0')
        seen.until('understudy_standby_ready{chassis="pe1"} == 1')
        site.run("admin", "redundancy", "force-switchover", "now", "--chassis", "pe1")
        seen.until('understudy_chassis_info{chassis="pe1", active="B"}')
        seen.until('understudy_standby_ready{chassis="pe1"} == 1')
        (site.card("pe1-b") / "cf3" / "pe1.cfg").unlink()
        seen.until('understudy_alarms_active{chassis="pe1", severity="major"} > 0')

    return story
