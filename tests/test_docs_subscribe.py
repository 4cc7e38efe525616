"""Every snippet of the page about subscribing is executed: those for Kafka against a real broker, with kcat."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.kafka import Broker

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "subscribe.md").read_text()
BLOCK = re.compile(r"^```(console|python|text)( kafka)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BROKERS = "kafka.example.net:9092"
MARK = "--- end of output ---"


def steps(*, kafka: bool) -> list[tuple[str, str]]:
    """Each command, or Python program, with the output that is promised; those for Kafka only if it is there."""
    found: list[tuple[str, str]] = []
    for kind, needs_kafka, text in BLOCK.findall(PAGE):
        if needs_kafka and not kafka:
            continue
        if kind == "console":
            parts = (part.partition("\n") for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:])
            found += [(command, output) for command, _, output in parts]
        elif kind == "python":
            found.append((f"{sys.executable} - <<'END'\n{text}END", ""))
        elif found[-1][0].startswith(sys.executable):
            found[-1] = (found[-1][0], text)
    return found


def pattern(output: str) -> re.Pattern[str]:
    """Three dots stand for anything; alone on a line, for any lines."""
    lines = (
        r"(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*?")
        for line in output.splitlines(keepends=True)
    )
    return re.compile("".join(lines))


def play(expected: list[tuple[str, str]], folder: Path, brokers: str) -> None:
    script = "".join(f"{command}\necho '{MARK}'\n" for command, _ in expected).replace(BROKERS, brokers)
    env = {name: value for name, value in os.environ.items() if not name.startswith("UNDERSTUDY_")}
    env |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONWARNINGS": "error"}
    env |= {"UNDERSTUDY_HOME": str(folder / "home"), "UNDERSTUDY_OPERATOR": "noc"}
    done = subprocess.run(
        ["bash"],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=env,
        check=False,
    )
    for (command, output), printed in zip(expected, done.stdout.split(f"{MARK}\n")[:-1], strict=True):
        assert pattern(output).fullmatch(printed), f"$ {command}\n{printed}\ninstead of\n{output}"


def test_what_needs_the_record_alone_prints_what_the_page_says(tmp_path: Path) -> None:
    play(steps(kafka=False), tmp_path, BROKERS)


@pytest.mark.kafka
@pytest.mark.xdist_group("kafka")
def test_the_whole_page_prints_what_it_says_with_a_real_broker(
    new_broker: Callable[..., Broker], tmp_path: Path
) -> None:
    if shutil.which("kcat") is None:
        reason = "there is no kcat here"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    expected = steps(kafka=True)
    assert sum("kcat" in command for command, _ in expected) == 3
    play(expected, tmp_path, new_broker().bootstrap)
