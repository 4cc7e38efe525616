"""Screens on a terminal: as wide as it is, and without colours for whoever wants none."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from click import unstyle

Show = Callable[..., str]
QUESTIONS = (
    ("as-of", "12"),
    ("diff", "1", "12"),
    ("explain", "source-missing"),
    ("timeline",),
    ("switchover", "last"),
    ("switchover", "--list"),
)


@pytest.fixture
def asked(installed: Any) -> Any:
    """A refused switchover, a failed synchronisation, and a switchover that went well."""
    installed.run("admin", "redundancy", "force-switchover", "now", expect=3)
    config = installed.a / "cf3" / "pe1.cfg"
    content = config.read_text()
    config.unlink()
    installed.run("admin", "redundancy", "synchronize", "config", expect=1)
    config.write_text(content)
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    installed.run("admin", "redundancy", "force-switchover", "now")
    return installed


@pytest.fixture
def show(asked: Any) -> Show:
    """What the program writes to a terminal that has so many columns."""

    def on_terminal(*words: str, columns: int = 80, **environment: str) -> str:
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {name: value for name, value in asked.environment.items() if name not in {"COLUMNS", "NO_COLOR"}}
        command = asked.command(*words)
        with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=env | environment) as process:
            os.close(terminal)
            seen = b""
            with suppress(OSError):  # how Linux tells that the other side of a terminal is gone
                while more := os.read(controller, 4096):
                    seen += more
            process.wait(60)
        os.close(controller)
        return seen.decode().replace("\r\n", "\n")

    return on_terminal


def longest(text: str) -> int:
    # A path is not broken, so that it can be copied: a line that has one may be as long as that.
    return max(len(unstyle(line)) for line in text.splitlines() if " " in line and "/tmp/" not in line)


def test_what_is_shown_is_as_wide_as_the_terminal_and_never_wider_than_120(show: Show, asked: Any) -> None:
    refusal = asked.json("audit", "switchover", "--list")[0]["name"]
    for words in (*QUESTIONS, ("switchover", refusal), ("explain", refusal)):
        assert longest(show("audit", *words)) <= 80, words
        assert longest(show("audit", *words, columns=300)) <= 120, words
    assert longest(show("audit", "timeline", columns=300)) > 100


def test_a_narrow_terminal_gets_79_columns(show: Show) -> None:
    assert 70 < longest(show("audit", "timeline", columns=20)) <= 79


def test_nothing_is_lost_where_a_line_is_wrapped(show: Show, asked: Any) -> None:
    before = asked.run("audit", "timeline", "--to", "12").stdout
    assert unstyle(show("audit", "timeline", "--to", "12")).split() == before.split()


def test_elsewhere_a_timeline_has_one_line_for_each_event_and_a_tree_100_columns(asked: Any) -> None:
    lines = asked.run("audit", "timeline", "--to", "12").stdout.splitlines()
    assert [int(line.split()[0]) for line in lines[3:-1]] == list(range(1, 13))
    assert max(map(len, lines)) > 120
    assert 79 < longest(asked.run("audit", "explain", "source-missing").stdout) <= 100


def test_who_wants_no_colour_gets_none_in_answers_and_errors(show: Show) -> None:
    wrong = ("audit", "export", "--from", "1", "--to", "2", "--checkpoint", "999", "-o", "never.zip")
    for words in (("audit", "timeline"), wrong):
        assert "\x1b[3" in show(*words), words
        assert "\x1b[3" in show(*words, NO_COLOR=""), words
        assert "\x1b[3" not in show(*words, NO_COLOR="1"), words
