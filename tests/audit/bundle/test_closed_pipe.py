"""The verifier in front of a reader that has seen enough, as ``head -1`` has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def code_without_a_reader(program: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of a verifier whose standard output nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(program), *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("edited", [False, True], ids=["whole", "edited"])
def test_a_closed_pipe_ends_it_quietly_with_the_exit_code_of_its_verdict(edited, sealed) -> None:
    bundle = Path(sealed.export().path)
    if edited:
        content = bundle.read_bytes()
        bundle.write_bytes(content.replace(b'"position":2,', b'"position":3,', 1))
    assert code_without_a_reader(bundle) == (int(edited), "")


def test_a_file_that_is_no_bundle_is_not_verified_either(check, tmp_path) -> None:
    other = tmp_path / "other.zip"
    other.write_bytes(b"no bundle")
    program = tmp_path / "auditor" / "verify.py"
    assert code_without_a_reader(program, str(other)) == (1, "")
    assert check(other).returncode == 1
