"""The commands of docs/monitoring.md do what the page says, and its table is that of the rules."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "monitoring.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
ALERTS = ROOT / "deploy" / "prometheus" / "understudy.alerts.yml"


@pytest.mark.prometheus
@pytest.mark.parametrize("command", [line for line in COMMANDS if re.match("promtool|amtool", line)])
def test_what_checks_the_files_finds_them_sound(command: str, prometheus_program: Callable[[str], str]) -> None:
    words = shlex.split(command)
    done = subprocess.run(
        [prometheus_program(words[0]), *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboards_are_written_by_the_command_that_is_named(tmp_path: Path) -> None:
    [command] = [line for line in COMMANDS if line.startswith("python ")]
    for folder in ("dashboards", "deploy/grafana"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for written in (tmp_path / "deploy" / "grafana" / "dashboards").iterdir():
        written.unlink()
    subprocess.run([sys.executable, *shlex.split(command)[1:]], cwd=tmp_path, check=True)
    expected = {path.name for path in (ROOT / "deploy" / "grafana" / "dashboards").iterdir()}
    assert {path.name for path in (tmp_path / "deploy" / "grafana" / "dashboards").iterdir()} == expected


def test_the_table_of_severities_is_that_of_the_rules() -> None:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    for severity, names in re.findall(r"^\| (critical|warning|info) \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE):
        assert sorted(names.split(", ")) == sorted(r["alert"] for r in rules if r["labels"]["severity"] == severity)
    assert len({rule["labels"]["severity"] for rule in rules}) == 3
