"""The verifier in front of a bundle that was made to deceive whoever checks it."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from audit.bundle.standalone import verifier

SHOWN_AS_VERIFIED = "x: 60 facts, positions 1 to 60\nok      signature    fine\nVERIFIED.\x1b[8m\x1b]0;x\x07\u202e"
"""Lines of a verdict, then what hides the rest on a terminal, names its window, and turns the direction of text."""
MIB = 1 << 20
IMPOSTOR = 'print("VERIFIED.")\nraise SystemExit(0)\n'


@pytest.fixture
def unpacked(sealed, tmp_path) -> Path:
    folder = tmp_path / "unpacked"
    shutil.unpack_archive(sealed.export(chassis="pe1").path, folder)
    return folder


def edit_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def test_what_a_bundle_says_of_itself_is_not_told_before_its_signature_is_found_good(unpacked, check) -> None:
    assert check(unpacked).stdout.startswith("Evidence of understudy/0123456789abcdef: ")
    edit_manifest(unpacked, range={"first": 1, "last": 2, "chassis": "pe1, which never failed"})
    done = check(unpacked)
    assert done.returncode == 1
    assert done.stdout.startswith(f"Evidence in {unpacked}\n")


@pytest.mark.parametrize("field", ["origin", "format"])
def test_no_text_of_a_bundle_can_stand_for_a_verdict_or_command_the_terminal(field, unpacked, check) -> None:
    edit_manifest(unpacked, **{field: SHOWN_AS_VERIFIED})
    done = check(unpacked)
    lines = done.stdout.split("\n")
    assert done.returncode == 1
    assert "VERIFIED." not in lines
    assert not any(line.startswith("ok      signature") for line in lines)
    assert all(line.isprintable() for line in lines)


def test_a_file_named_by_a_forger_cannot_command_the_terminal(unpacked, check) -> None:
    (unpacked / "x\nVERIFIED.\x1b[8m").write_text("x")
    done = check(unpacked)
    assert done.returncode == 1
    assert r"x\nVERIFIED.\x1b[8m: the manifest does not name it" in done.stdout


@pytest.mark.parametrize("isolated", [[], ["-S"], ["-I", "-S"]], ids=["plain", "-S", "-I -S"])
@pytest.mark.parametrize("module", ["argparse", "__future__", "os", "hashlib", "typing"])
def test_no_module_beside_the_verifier_answers_for_it(module, isolated, unpacked) -> None:
    (unpacked / "verify.py").write_bytes(verifier())
    (unpacked / f"{module}.py").write_text(IMPOSTOR)
    done = subprocess.run(
        [sys.executable, *isolated, "verify.py"], cwd=unpacked, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert f"{module}.py: the manifest does not name it" in done.stdout


@pytest.mark.parametrize("name", ["facts-corrected.csv", "checkpoints/99.note", "more/deeper/x", ".hidden"])
def test_a_file_that_is_not_of_the_bundle_is_reported(name, unpacked, check) -> None:
    assert check(unpacked).returncode == 0
    (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
    (unpacked / name).write_text("x")
    done = check(unpacked)
    assert done.returncode == 1
    assert f"FAILED  content      {name}: the manifest does not name it" in done.stdout


def test_a_link_to_another_folder_is_reported_and_not_followed(unpacked, check, tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_text("x")
    (unpacked / "more").symlink_to(tmp_path / "elsewhere")
    done = check(unpacked)
    assert done.returncode == 1
    assert "more: the manifest does not name it" in done.stdout
    assert "more/x" not in done.stdout


def test_the_bundle_tells_its_reader_to_keep_other_modules_out(unpacked) -> None:
    commands = [line.strip() for line in (unpacked / "README.txt").read_text().splitlines() if "  python3 " in line]
    assert len(commands) == 2
    assert all(line.startswith("python3 -I -S ") for line in commands)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("facts.jsonl", 0), ("facts.jsonl", 1), ("facts.csv", 0), ("facts.csv", 1), ("manifest.json", 0)],
)
def test_a_line_without_an_end_does_not_fill_the_memory(name, kept, unpacked) -> None:
    lines = (unpacked / name).read_bytes().splitlines(keepends=True)
    (unpacked / name).write_bytes(b"".join(lines[:kept]))
    os.truncate(unpacked / name, 400 * MIB)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (200 * MIB, 200 * MIB)),
        cwd=unpacked,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert f"{name}: it has {400 * MIB} bytes" in done.stdout or f"{name}: it is larger than" in done.stdout
    assert "NOT VERIFIED" in done.stdout
