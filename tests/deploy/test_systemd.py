"""The units: verified and weighed by systemd's own tools, and the program run under the calls that they leave it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
PROGRAMS = Path(sys.executable).parent
INSTALLED = "/opt/understudy/bin"
EXPOSURE = 15
"""Tenths of systemd's scale of ten: 1.5 is "OK", a service without hardening has 9.6."""

Directives = dict[str, list[str]]
units = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


def directives(unit: Path) -> Directives:
    found: Directives = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def assignments(file: Path) -> set[str]:
    """The variables of an environment file, those in comments too."""
    return set(re.findall(r"^#?([A-Z_]+)=", file.read_text(), re.MULTILINE))


def test_there_are_two_services() -> None:
    assert [unit.stem for unit in UNITS] == ["understudy-publish", "understudy"]


@units
def test_systemd_accepts_the_unit(unit: Path, systemd_analyze: str, tmp_path: Path) -> None:
    here = tmp_path / unit.name  # it wants the program to be there
    here.write_text(unit.read_text().replace(INSTALLED, str(PROGRAMS)))
    done = subprocess.run(
        [systemd_analyze, "verify", "--man=no", str(here)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@units
def test_the_unit_exposes_little(unit: Path, systemd_analyze: str) -> None:
    command = [systemd_analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@units
def test_the_unit_starts_a_command_that_the_program_takes(unit: Path, program: Any) -> None:
    (line,) = directives(unit)["ExecStart"]
    path, *words = line.split()
    assert path == f"{INSTALLED}/understudy"
    program.parse(words)


@units
def test_the_unit_s_state_is_where_the_program_keeps_it(unit: Path, program: Any) -> None:
    found = directives(unit)
    (variable,) = found["Environment"]
    assert variable == f"UNDERSTUDY_HOME=/var/lib/{found['StateDirectory'][0]}"
    assert not program.unknown([variable.partition("=")[0]])


@units
def test_the_unit_reads_the_environment_files_that_are_beside_it(unit: Path, program: Any) -> None:
    named = [Path(value.removeprefix("-")) for value in directives(unit)["EnvironmentFile"]]
    assert {path.parent for path in named} == {Path("/etc/understudy")}
    for path in named:
        assert not program.unknown(assignments(FOLDER / path.name))


def test_both_services_are_hardened_alike() -> None:
    own = {"After", "Description", "EnvironmentFile", "ExecStart", "KillMode", "LimitNOFILE", "ReadWritePaths"}
    first, second = (
        {name: value for name, value in directives(unit).items() if name not in own | {"TasksMax"}} for unit in UNITS
    )
    assert first == second


def test_the_publisher_listens_beside_the_supervisor() -> None:
    (publish,) = directives(FOLDER / "understudy-publish.service")["ExecStart"]
    (run,) = re.findall(r"^UNDERSTUDY_LISTEN=(.*)$", (FOLDER / "understudy.env").read_text(), re.MULTILINE)
    assert {run, publish.rpartition(" ")[2]} == {"127.0.0.1:9820", "127.0.0.1:9821"}
    assert "UNDERSTUDY_KAFKA" not in assignments(FOLDER / "understudy.env"), "run would publish as well"


def test_the_account_of_the_services_is_made(tmp_path: Path) -> None:
    (config,) = FOLDER.glob("*.sysusers.conf")
    command = ["systemd-sysusers", "--dry-run", f"--root={tmp_path}", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (user,) = {value for unit in UNITS for value in directives(unit)["User"]}
    assert f"Creating user '{user}'" in done.stderr


def confined(unit: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(Path(__file__).with_name("confined.py")), str(unit), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_main_job_is_done_with_the_calls_that_the_unit_allows(systemd_analyze: str, tmp_path: Path) -> None:
    assert systemd_analyze
    unit = FOLDER / "understudy.service"
    done = confined(unit, str(PROGRAMS / "understudy"), "demo", "--folder", str(tmp_path / "demo"))
    assert done.returncode == 0, done.stderr
    assert "card-removed cleared" in done.stdout


NOTARY = """
import sys
from pathlib import Path
from audit.notary_apart import Apart

home = Path(sys.argv[1])
print(Apart(home, home / "record.sqlite").wait().checkpoint.size)
"""


def test_checkpoints_are_signed_with_the_calls_that_the_unit_allows(systemd_analyze: str, tmp_path: Path) -> None:
    assert systemd_analyze
    unit, folder = FOLDER / "understudy.service", tmp_path / "demo"
    assert confined(unit, str(PROGRAMS / "understudy"), "demo", "--folder", str(folder)).returncode == 0
    done = confined(unit, sys.executable, "-c", NOTARY, str(folder / "home"))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40


@units
def test_what_the_program_is_built_on_works_with_the_calls_that_the_unit_allows(
    unit: Path, systemd_analyze: str
) -> None:
    assert systemd_analyze
    script = (
        "import asyncssh, kafka, orjson, prometheus_client, psycopg, sqlite3, socket, watchfiles\n"
        "asyncssh.generate_private_key('ssh-ed25519').sign(b'data', b'ssh-ed25519')\n"
        "socket.getaddrinfo('localhost', 22)\n"
        "socket.create_server(('127.0.0.1', 0)).close()\n"
        "print('all well')"
    )
    done = confined(unit, sys.executable, "-c", script)
    assert (done.stdout, done.stderr) == ("all well\n", "")


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.chroot('/')",
        "import os; os.setpriority(os.PRIO_PROCESS, 0, -5)",
        "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    ],
)
def test_what_the_unit_forbids_fails(script: str, systemd_analyze: str) -> None:
    assert systemd_analyze
    done = confined(FOLDER / "understudy.service", sys.executable, "-c", script)
    assert "PermissionError" in done.stderr
