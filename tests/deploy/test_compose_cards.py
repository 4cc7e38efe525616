"""The stack's first step, which fills two cards and names them: its script is run as it stands, on other folders."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A record of its own, in SQLite."""
    found = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "UNDERSTUDY_HOME": str(tmp_path / "home")}
    found.pop("UNDERSTUDY_STORE", None)
    return found


def run_script(compose: dict[str, Any], environment: dict[str, str], cards: Path) -> str:
    service = compose["services"]["cards"]
    (script,) = service["command"]
    words = [*service["entrypoint"], script.replace("/cards", str(cards))]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def understudy(environment: dict[str, str], *words: str) -> str:
    command = [str(PROGRAMS / "understudy"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_cards_can_be_synchronised_in_full(
    compose: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    said = run_script(compose, environment, tmp_path / "cards")
    assert "Chassis pe1 is provisioned" in said
    assert "Boot/Config Sync Mode      : Boot Environment" in understudy(environment, "show", "red", "sync")
    understudy(environment, "admin", "redundancy", "synchronize", "boot-env")
    a, b = tmp_path / "cards" / "a", tmp_path / "cards" / "b"
    copied = {path.relative_to(b) for path in b.rglob("*") if path.is_file()}
    assert {path.relative_to(a) for path in a.rglob("*") if path.is_file()} <= copied
    assert "Can Take Over Now          : yes" in understudy(environment, "show", "redundancy", "synchronization")


def test_a_second_start_of_the_stack_changes_neither_cards_nor_record(
    compose: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    cards = tmp_path / "cards"
    run_script(compose, environment, cards)
    understudy(environment, "admin", "redundancy", "synchronize", "boot-env")

    def everything() -> tuple[str, dict[Path, bytes]]:
        files = {path: path.read_bytes() for path in cards.rglob("*") if path.is_file()}
        return understudy(environment, "show", "log", "--json"), files

    before = everything()
    said = run_script(compose, environment, cards)
    assert "provisioned" not in said
    assert everything() == before
