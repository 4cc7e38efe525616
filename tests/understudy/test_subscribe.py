"""``understudy subscribe``, from the record: what it prints, remembers and returns, and how it ends."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest

PATIENCE_SECONDS = 60


def break_it(installed) -> None:
    """Makes a synchronisation fail, which raises an alarm, or repeats it."""
    (installed.a / "cf3" / "pe1.cfg").unlink(missing_ok=True)
    installed.run("admin", "redundancy", "synchronize", "config", expect=1)


def mend_it(installed) -> None:
    (installed.a / "cf3" / "pe1.cfg").write_text("saved again\n")
    installed.run("admin", "redundancy", "synchronize", "config")


def lines(installed, *words: str) -> list[Any]:
    printed = installed.run("subscribe", *words, "--no-follow", "--json").stdout
    return [orjson.loads(line) for line in printed.splitlines()]


@pytest.fixture
def follow(installed) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts a subscriber whose lines are read one by one."""
    with contextmanager(_followers)(installed) as start:
        yield start


def _followers(installed) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> "subprocess.Popen[str]":
        command = installed.command("subscribe", *words)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env=installed.environment, **pipes))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def test_events_are_printed_in_the_layout_of_the_log_after_their_chassis(installed) -> None:
    log = installed.run("show", "log").stdout
    assert installed.run("subscribe", "events", "--from", "beginning", "--no-follow", "--chassis", "pe1").stdout == log
    printed = installed.run("subscribe", "events", "--from", "beginning", "--no-follow").stdout
    assert printed.replace("pe1: ", "") == log
    assert printed.startswith("pe1: 1 ")


def test_events_as_json_have_the_fact_in_its_envelope(installed) -> None:
    found = lines(installed, "events", "--from", "2")
    assert [one["position"] for one in found] == list(range(3, 3 + len(found)))
    keys = "position chassis version type occurred_at recorded_at correlation causation fact"
    assert list(found[0]) == keys.split()
    assert (found[0]["type"], found[0]["fact"]) == ("card.inserted.v1", {"slot": "B"})


def test_alarms_begin_with_those_that_are_active(installed) -> None:
    break_it(installed)
    (listed,) = lines(installed, "alarms")
    assert (listed["change"], listed["identity"]) == ("listed", "pe1/B config-sync-failed source-missing")
    assert listed["alarm"] == installed.json("show", "system", "alarms")["active"][0]
    mend_it(installed)
    assert lines(installed, "alarms") == []
    assert [one["alarm"]["place"] for one in lines(installed, "alarms", "--all")] == ["cleared"]


def test_the_changes_since_the_beginning_say_what_happened(installed) -> None:
    break_it(installed)
    installed.run("admin", "alarm", "acknowledge", "1", "--text", "on it")
    mend_it(installed)
    changes = lines(installed, "alarms", "--from", "beginning")
    assert [one["change"] for one in changes] == ["raised", "acknowledged", "cleared"]
    text = installed.run("subscribe", "alarms", "--from", str(changes[0]["position"]), "--no-follow").stdout
    assert [line.split()[4] for line in text.splitlines()] == ["ACKNOWLEDGED", "CLEARED"]
    assert "\x1b" not in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_follower_sees_what_others_record_and_ends_quietly_at_a_signal(installed, follow, number) -> None:
    break_it(installed)
    following = follow("alarms", "--json")
    assert orjson.loads(following.stdout.readline())["change"] == "listed"
    mend_it(installed)
    assert orjson.loads(following.stdout.readline())["change"] == "cleared"
    following.send_signal(number)
    assert (following.wait(PATIENCE_SECONDS), following.stdout.read(), following.stderr.read()) == (0, "", "")


def test_a_reader_that_has_enough_ends_it_though_nothing_more_happens(follow) -> None:
    following = follow("events", "--from", "beginning")
    following.stdout.readline()
    following.stdout.close()
    assert following.wait(PATIENCE_SECONDS) == 0
    assert following.stderr.read() == ""


@pytest.mark.parametrize("words", [(), ("--no-follow",)])
def test_a_reader_that_has_gone_before_the_first_line_ends_it_in_silence(installed, words) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = installed.command("subscribe", "events", "--from", "beginning", *words)
    ended = subprocess.run(
        command,
        env=installed.environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_limit_ends_it(installed) -> None:
    printed = installed.run("subscribe", "events", "--from", "beginning", "--limit", "2", "--json").stdout
    assert len(printed.splitlines()) == 2


def test_a_group_goes_on_after_what_was_printed(installed, follow) -> None:
    first = installed.run("subscribe", "events", "--group", "noc", "--from", "beginning", "--limit", "2", "--json")
    assert len(first.stdout.splitlines()) == 2
    assert next(one["position"] for one in lines(installed, "events", "--group", "noc")) == 3
    assert lines(installed, "events", "--group", "noc") == []
    following = follow("events", "--group", "noc", "--json")
    installed.run("config", "redundancy", "synchronize", "config")
    assert orjson.loads(following.stdout.readline())["type"] == "sync.mode-set.v1"
    following.send_signal(signal.SIGTERM)
    following.communicate(timeout=PATIENCE_SECONDS)
    assert lines(installed, "events", "--group", "noc") == []


def test_after_a_kill_a_group_goes_on_without_a_gap(installed, follow) -> None:
    installed.run("subscribe", "events", "--group", "noc", "--no-follow")
    seen: list[int] = []
    for mode in ("config", "boot-env", "config"):
        following = follow("events", "--group", "noc", "--json")
        installed.run("config", "redundancy", "synchronize", mode)
        first = following.stdout.readline()
        os.kill(following.pid, signal.SIGKILL)
        seen += [orjson.loads(line)["position"] for line in [first, *following.stdout]]
    seen += [one["position"] for one in lines(installed, "events", "--group", "noc")]
    head = lines(installed, "events", "--from", "beginning")[-1]["position"]
    assert sorted(set(seen)) == list(range(min(seen), head + 1))


def test_a_second_member_is_refused_clearly(installed, follow) -> None:
    break_it(installed)
    following = follow("alarms", "--group", "noc")
    following.stdout.readline()
    refused = installed.run("subscribe", "alarms", "--group", "noc", expect=1)
    assert "another process follows alarms as group noc" in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("events", "--from", "yesterday"), "write now, beginning, or a position"),
        (("alarms", "--group", "noc", "--from", "3"), "leave --from away"),
        (("events", "--severity", "loud"), "'loud' is not one of"),
        (("events", "--chassis", "pe9"), "'pe9' is not provisioned"),
        (("events", "--group", "a b"), "'a b' cannot be the name of a group"),
        (("events", "--kafka", "nonsense"), "is no Kafka broker"),
    ],
)
def test_what_cannot_be_is_wrong_usage(installed, words, said) -> None:
    assert said in installed.run("subscribe", *words, expect=2).stderr


def test_words_are_taken_in_any_case_as_help_and_output_write_them(installed) -> None:
    break_it(installed)
    assert lines(installed, "events", "--from", "NOW") == []
    assert len(lines(installed, "events", "--from", "Beginning", "--severity", "MAJOR")) == 2
    help_text = installed.run("subscribe", "events", "--help").stdout
    assert "--from now|beginning|POSITION" in help_text


def test_a_position_beyond_the_end_is_said(installed) -> None:
    for what in ("events", "alarms"):
        done = installed.run("subscribe", what, "--from", "999999", "--no-follow")
        assert done.stdout == ""
        assert done.stderr.startswith("Position 999999 is beyond the last one, ")


def test_where_a_known_group_would_begin_does_not_count_and_that_is_said(installed) -> None:
    asked = ("subscribe", "events", "--group", "noc")
    assert installed.run(*asked, "--from", "beginning", "--limit", "2").stderr == ""
    said = "Group noc is known, and goes on after position 2; --from is for a new one.\n"
    for start in ("now", "beginning", "7"):
        assert installed.run(*asked, "--from", start, "--limit", "1").stderr == said
        (installed.home / "groups" / "noc.events").write_text("2\n")
    assert installed.run(*asked, "--limit", "1").stderr == ""


def test_a_group_that_cannot_be_written_is_said_with_a_remedy(installed) -> None:
    (installed.home / "groups").write_text("")
    refused = installed.run("subscribe", "events", "--group", "noc", expect=1)
    assert f"group noc cannot be remembered in {installed.home / 'groups'}: File exists" in refused.stderr
    assert "leave --group away" in refused.stderr
