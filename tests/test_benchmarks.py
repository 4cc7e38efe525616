"""The benchmarks run; what they measure is theirs alone, since a timed test tells of the machine."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("name", "yardstick"), [("append", "library"), ("read", "library"), ("verify", "SHA-256 alone")]
)
def test_a_benchmark_prints_its_table_beside_a_yardstick_and_writes_json(
    name: str, yardstick: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--json", str(tmp_path / "figures.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200)
    assert "Traceback" not in done.stderr, done.stderr
    assert yardstick in done.stdout
    rows = orjson.loads((tmp_path / "figures.json").read_bytes())["rows"]
    assert all(row["figure"] > 0 for row in rows)
    assert any(row["ratio"] for row in rows)
