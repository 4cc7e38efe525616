"""Runs a command as systemd's hardening of a unit would: its system call filter, no capabilities, no executable writes.

    python confined.py UNIT WORD...

It reads the directives of the unit itself, so that a call which the unit forbids fails here as it would there.
"""

import ctypes
import errno
import os
import re
import subprocess
import sys
from pathlib import Path

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 24, 38, 65
SCMP_ACT_ALLOW = 0x7FFF0000
SCMP_ACT_ERRNO = 0x00050000
ALWAYS = ["execve", "exit", "exit_group", "getrlimit", "rt_sigreturn", "sigreturn"]
"""What a filter of systemd lets pass, whatever it lists (systemd.exec(5)); @default is added to these."""

_LIBC = ctypes.CDLL(None, use_errno=True)


def directives(unit: Path) -> dict[str, list[str]]:
    """The values of each directive, in the order of the file."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def members(words: list[str]) -> set[str]:
    """The system calls of a list of names and groups."""
    found = {word for word in words if not word.startswith("@")}
    groups = [word for word in words if word.startswith("@")]
    if groups:
        listing = ["systemd-analyze", "syscall-filter", *groups]
        said = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
        inside = re.findall(r"^    (@?[a-z]\S*)$", said, re.MULTILINE)
        found |= members(inside)
    return found


def allowed(filters: list[str]) -> set[str]:
    """What a unit's ``SystemCallFilter`` lines let pass."""
    found = {*ALWAYS, *members(["@default"])}
    for line in filters:
        calls = members(line.removeprefix("~").split())
        found = found - calls if line.startswith("~") else found | calls
    return found


def prctl(option: int, argument: int) -> None:
    if _LIBC.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def drop_capabilities() -> None:
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        prctl(PR_CAPBSET_DROP, capability)


def forbid_calls(passing: set[str]) -> None:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(SCMP_ACT_ERRNO | errno.EPERM))
    for name in sorted(passing):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # others are those of another architecture
            assert library.seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, 0, None) == 0, name
    assert library.seccomp_load(context) == 0


def main() -> None:
    unit, *command = sys.argv[1:]
    hardening = directives(Path(unit))
    passing = allowed(hardening["SystemCallFilter"])
    if os.geteuid() == 0:
        drop_capabilities()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if hardening["MemoryDenyWriteExecute"] == ["yes"]:
        prctl(PR_SET_MDWE, 1)
    forbid_calls(passing)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
