"""Progress is shown to a person at a terminal, and to nobody else."""

import os
import pty
import subprocess
from contextlib import suppress


def test_a_terminal_sees_stages_and_files_go_by(installed) -> None:
    controller, terminal = pty.openpty()
    command = installed.command("admin", "redundancy", "synchronize", "boot-env")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, env=installed.environment) as process:
        os.close(terminal)
        seen = b""
        with suppress(OSError):  # how Linux tells that the other side of a terminal is gone
            while more := os.read(controller, 4096):
                seen += more
        assert process.wait(60) == 0
    os.close(controller)
    for stage in (b"admit", b"reserve", b"transfer cf3:\\bof.cfg", b"verify", b"activate"):
        assert stage in seen
    assert seen.endswith(b"\r\x1b[2K")  # and is gone when it is done


def test_a_pipe_sees_none_of_it(installed) -> None:
    assert installed.run("admin", "redundancy", "synchronize", "boot-env").stderr == ""
