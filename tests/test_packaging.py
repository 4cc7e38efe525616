"""The wheel holds all that the program needs, and nothing else."""

import os
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("events", "producers", "projections", "consumers", "audit", "understudy")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_has_every_module_of_the_checkout_and_no_test(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    ours = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert inside == ours


def test_the_installed_wheel_runs_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run([*install, "--disable-pip-version-check"], check=True)
    where = "import understudy, events; print(understudy.__file__, events.__file__)"
    env = {**os.environ, "PYTHONPATH": str(site), "UNDERSTUDY_HOME": str(tmp_path / "home")}
    found = subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, check=True, env=env, cwd="/")
    assert all(path.startswith(str(site)) for path in found.stdout.split())
    demo = [str(site / "bin" / "understudy"), "--version"]
    assert "understudy" in subprocess.run(demo, capture_output=True, text=True, check=True, env=env, cwd="/").stdout


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_installs_our_import_names(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"understudy"}
