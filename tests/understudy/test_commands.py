"""What each command does, prints and returns."""

import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


def test_a_boot_env_synchronisation_makes_the_cards_identical(installed, tree: Callable[[Path], dict]) -> None:
    done = installed.run("admin", "redundancy", "synchronize", "boot-env")
    assert "boot option file cf3:\\bof.cfg" in done.stdout
    assert "Completed" in done.stdout
    assert tree(installed.a) == tree(installed.b)


def test_a_second_synchronisation_copies_nothing(installed) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    outcome = installed.json("admin", "redundancy", "synchronize", "boot-env")
    assert outcome["bytes_copied"] == 0
    assert {file["outcome"] for file in outcome["files"]} == {"unchanged"}


def test_a_config_synchronisation_leaves_the_images_alone(installed) -> None:
    installed.run("admin", "redundancy", "synchronize", "config")
    assert sorted(path.name for path in (installed.b / "cf3").iterdir()) == ["pe1.cfg", "pe1.ndx"]


def test_a_failed_synchronisation_exits_with_1_and_raises_an_alarm_that_says_why(installed) -> None:
    (installed.a / "cf3" / "pe1.cfg").unlink()
    failed = installed.run("admin", "redundancy", "synchronize", "config", expect=1)
    assert "source-missing" in failed.stderr
    [alarm] = installed.json("show", "system", "alarms")["active"]
    assert (alarm["alarm_type_id"], alarm["alarm_type_qualifier"]) == ("config-sync-failed", "source-missing")
    assert "pe1.cfg" in alarm["alarm_text"]


def test_the_alarm_clears_when_the_condition_ceases_and_names_its_evidence(installed) -> None:
    (installed.a / "cf3" / "pe1.cfg").unlink()
    installed.run("admin", "redundancy", "synchronize", "config", expect=1)
    (installed.a / "cf3" / "pe1.cfg").write_text("saved again\n")
    installed.run("admin", "redundancy", "synchronize", "config")
    listing = installed.json("show", "system", "alarms")
    assert listing["active"] == []
    [alarm] = listing["cleared"]
    proof = alarm["clearance"]["evidence_position"]
    log = installed.run("show", "log").stdout
    assert re.search(rf"^{proof} .* SYSTEM #2012 ", log, re.MULTILINE)


def test_the_router_words_of_a_forced_switchover_and_its_question(installed) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    done = installed.run("admin", "redundancy", "force-switchover", stdin="y\n")
    lines = done.stdout.splitlines()
    assert lines[0] == "WARNING: Configuration and/or Boot options may have changed since the last save."
    assert "Are you sure you want to switchover (y/n)?" in done.stdout
    assert "They have not" in done.stdout
    assert installed.json("show", "redundancy", "synchronization")["active"] == "B"


def test_a_switchover_that_is_not_wanted_after_all_changes_nothing(installed) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    installed.run("admin", "redundancy", "force-switchover", stdin="n\n", expect=3)
    installed.run("admin", "redundancy", "force-switchover", stdin="", expect=3)
    assert installed.json("show", "redundancy", "synchronization")["active"] == "A"


def test_now_prints_the_warning_and_does_not_ask(installed) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    (installed.a / "cf3" / "pe1.cfg").write_text("changed since\n")
    done = installed.run("admin", "redundancy", "force-switchover", "now")
    assert "WARNING: Configuration" in done.stdout
    assert "Are you sure" not in done.stdout
    assert "They have: card B differs in cf3:\\pe1.cfg." in done.stdout


def test_a_standby_that_is_not_ready_is_refused_unless_its_status_is_ignored(installed) -> None:
    refused = installed.run("admin", "redundancy", "force-switchover", "now", expect=3)
    assert "has not been synchronised" in refused.stderr
    assert "switchoverRefused" in installed.run("show", "log", "--json").stdout
    installed.run("admin", "redundancy", "force-switchover", "now", "--ignore-status")
    assert installed.json("show", "redundancy", "synchronization")["active"] == "B"


@pytest.mark.parametrize(
    ("script", "failure"),
    [("exit 7", "exec-failed"), ("sleep 60", "exec-timed-out")],
    ids=["fails", "hangs"],
)
def test_a_switchover_whose_executable_fails_is_a_failed_switchover(installed, tmp_path, script, failure) -> None:
    executable = tmp_path / "switch"
    executable.write_text(f"#!/bin/sh\necho from $UNDERSTUDY_FROM_SLOT to $UNDERSTUDY_TO_SLOT\n{script}\n")
    executable.chmod(0o755)
    installed.run("config", "redundancy", "switchover-exec", str(executable), "--time-limit", "1")
    installed.run("admin", "redundancy", "synchronize", "config")
    installed.run("admin", "redundancy", "force-switchover", "now", expect=1)
    answer = installed.json("show", "redundancy", "synchronization")
    assert answer["active"] == "A"
    [alarm] = installed.json("show", "system", "alarms")["active"]
    assert alarm["alarm_type_id"] == "switchover-failed"
    entries = installed.run("show", "log", "--json").stdout
    assert failure in entries or "did not end within" in entries


def test_the_executable_is_told_what_happens(installed, tmp_path) -> None:
    executable = tmp_path / "switch"
    executable.write_text(f"#!/bin/sh\nenv | grep ^UNDERSTUDY_ > {tmp_path}/told\n")
    executable.chmod(0o755)
    installed.run("config", "redundancy", "switchover-exec", str(executable))
    installed.run("admin", "redundancy", "synchronize", "config")
    installed.run("admin", "redundancy", "force-switchover", "now")
    told = dict(line.split("=", 1) for line in (tmp_path / "told").read_text().splitlines())
    assert (told["UNDERSTUDY_FROM_SLOT"], told["UNDERSTUDY_TO_SLOT"]) == ("A", "B")
    assert (told["UNDERSTUDY_CHASSIS"], told["UNDERSTUDY_REASON"]) == ("pe1", "forced")
    assert told["UNDERSTUDY_TO_LOCATION"] == str(installed.b)


def test_the_mode_is_configured_and_taken_back(installed) -> None:
    installed.run("config", "redundancy", "synchronize", "boot-env")
    assert installed.json("show", "redundancy", "synchronization")["sync_mode"] == "boot-env"
    installed.run("config", "redundancy", "no", "synchronize")
    assert installed.json("show", "redundancy", "synchronization")["sync_mode"] == "off"


def test_replay_shows_the_state_and_the_alarms_as_they_were(installed) -> None:
    (installed.a / "cf3" / "pe1.cfg").unlink()
    installed.run("admin", "redundancy", "synchronize", "config", expect=1)
    raised = installed.json("show", "system", "alarms")["active"][0]
    (installed.a / "cf3" / "pe1.cfg").write_text("saved again\n")
    installed.run("admin", "redundancy", "synchronize", "config")
    by_position = installed.json("replay", "--at", str(raised["raised_position"]))
    by_time = installed.json("replay", "--at", by_position["recorded_at"])
    assert [alarm["alarm_type_qualifier"] for alarm in by_position["alarms"]["active"]] == ["source-missing"]
    assert by_time["alarms"] == by_position["alarms"]
    assert installed.json("replay")["alarms"]["active"] == []


def test_operators_act_on_alarms_by_their_index(installed) -> None:
    (installed.a / "cf3" / "pe1.cfg").unlink()
    installed.run("admin", "redundancy", "synchronize", "config", expect=1)
    index = str(installed.json("show", "system", "alarms")["active"][0]["index"])
    installed.run("admin", "alarm", "acknowledge", index, "--text", "on it")
    installed.run("admin", "alarm", "shelve", index, "--text", "maintenance")
    listing = installed.json("show", "system", "alarms")
    assert (listing["active"], len(listing["shelved"])) == ([], 1)
    installed.run("admin", "alarm", "acknowledge", index, expect=3)
    installed.run("admin", "alarm", "unshelve", index)
    installed.run("admin", "alarm", "purge", index, "--text", "noise")
    assert installed.json("show", "system", "alarms")["active"] == []
    installed.run("admin", "redundancy", "synchronize", "config", expect=1)
    assert len(installed.json("show", "system", "alarms")["active"]) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("show", "redundancy", "synchronization"),
        ("show", "redundancy", "history"),
        ("show", "card"),
        ("show", "system", "alarms", "--cleared"),
        ("show", "log"),
        ("replay",),
    ],
    ids=" ".join,
)
def test_every_screen_has_text_and_json(installed, words) -> None:
    installed.run("admin", "redundancy", "synchronize", "config")
    text = installed.run(*words).stdout
    assert text
    assert "\x1b" not in text
    assert installed.run(*words, "--json").stdout[0] in "[{"


def test_a_card_that_is_away_at_provisioning_is_a_single_card_alarm(bare) -> None:
    shutil.rmtree(bare.b)
    bare.provision()
    [alarm] = bare.json("show", "system", "alarms")["active"]
    assert (alarm["alarm_type_id"], alarm["perceived_severity"]) == ("single-card", "critical")
    failed = bare.run("admin", "redundancy", "synchronize", "config", expect=1)
    assert "standby-absent" in failed.stderr


def test_the_shell_completes_commands_and_chassis(installed) -> None:
    installed.env |= {"_UNDERSTUDY_COMPLETE": "bash_complete", "COMP_CWORD": "1", "COMP_WORDS": "understudy sh"}
    assert installed.run(expect=None).stdout == "plain,show\n"
    installed.env |= {"COMP_CWORD": "4", "COMP_WORDS": "understudy show card --chassis p"}
    assert installed.run(expect=None).stdout == "plain,pe1\n"


def test_following_the_log_shows_what_other_processes_record_and_ends_with_ctrl_c(installed) -> None:
    command = installed.command("show", "log", "--follow", "--last", "1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=installed.environment) as following:
        assert following.stdout is not None
        assert "CHASSIS #2002" in following.stdout.readline()
        following.stdout.readline()
        installed.run("config", "redundancy", "synchronize", "config")
        assert "#3002" in following.stdout.readline()
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0


def test_a_reader_that_has_enough_is_no_reason_to_complain(installed) -> None:
    script = " ".join(installed.command("show", "log")) + " | head -1"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env=installed.environment
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_words_may_be_shortened_while_they_stay_unique(installed) -> None:
    assert "Card Summary" in installed.run("sh", "ca").stdout
    assert "ambiguous: redundancy, replay" not in installed.run("sh", "red", "sync").stderr
    ambiguous = installed.run("r", expect=2)
    assert "'r' is ambiguous: rebuild, replay, run" in ambiguous.stderr


def test_what_an_operator_types_cannot_forge_the_screen(installed) -> None:
    (installed.a / "cf3" / "pe1.cfg").unlink()
    installed.run("admin", "redundancy", "synchronize", "config", expect=1)
    installed.run("admin", "alarm", "comment", "1", expect=2)
    installed.run("admin", "alarm", "comment", "1", "--text", "x\x1b]0;t\x07\n9999 a forged row")
    installed.run("admin", "alarm", "acknowledge", "1", "--text", "on it")
    screen = installed.run("show", "system", "alarms").stdout
    assert "\x1b" not in screen
    assert "ack by noc: on it\n" in screen
    assert not any(line.startswith("9999") for line in screen.splitlines())
