"""The program as its users meet it: a process, two folders that are cards, and a home."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

BOF = "primary-image cf3:\\TiMOS-20.10.R3\nprimary-config cf3:\\pe1.cfg\n"


def build_card(folder: Path) -> None:
    """A card with everything, small."""
    images = folder / "cf3" / "TiMOS-20.10.R3"
    images.mkdir(parents=True)
    (folder / "cf1").mkdir()
    (folder / "cf2").mkdir()
    (folder / "cf3" / "bof.cfg").write_text(BOF)
    (folder / "cf3" / "boot.ldr").write_bytes(b"loader" * 1000)
    (folder / "cf3" / "nvsys.info").write_text("nvsys\n")
    (folder / "cf3" / "pe1.cfg").write_text("configure\nexit all\n")
    (folder / "cf3" / "pe1.ndx").write_text("index\n")
    (images / "both.tim").write_bytes(b"image" * 20_000)


@dataclass
class Installation:
    """A home and two cards, and the program run on them."""

    home: Path
    a: Path
    b: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, stdin: str = "", expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=self.environment,
        )
        if expect is not None:
            assert done.returncode == expect, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *words: str) -> Any:
        return orjson.loads(self.run(*words, "--json").stdout)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "understudy", *words]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "UNDERSTUDY_HOME": str(self.home),
            "UNDERSTUDY_OPERATOR": "noc",
            "PYTHONWARNINGS": "error",
            **self.env,
        }

    def provision(self, *more: str) -> None:
        self.run("provision", "pe1", "--card", f"A={self.a}", "--card", f"B={self.b}", *more)


@pytest.fixture
def bare(tmp_path: Path) -> Installation:
    """Card A with everything, card B empty; nothing provisioned."""
    a, b = tmp_path / "a", tmp_path / "b"
    build_card(a)
    for flash in ("cf1", "cf2", "cf3"):
        (b / flash).mkdir(parents=True)
    return Installation(tmp_path / "home", a, b)


@pytest.fixture
def installed(bare: Installation) -> Installation:
    """The same, provisioned as chassis pe1."""
    bare.provision()
    return bare


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    """Everything below a folder: names and contents."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }

    return read
