"""``audit explain``, ``audit timeline`` and ``audit switchover``, as their users meet them."""

import shutil
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def failed(installed) -> Any:
    """A first synchronisation, and one whose configuration is missing."""
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    (installed.a / "cf3" / "pe1.cfg").unlink()
    installed.run("admin", "redundancy", "synchronize", "config", expect=1)
    return installed


@pytest.fixture
def switched(failed) -> Any:
    """Besides, a switchover by hand, with a configuration that differs."""
    (failed.a / "cf3" / "pe1.cfg").write_text("configure\nlog\nexit all\n")
    failed.run("admin", "redundancy", "force-switchover", "now")
    return failed


def test_an_alarm_is_explained_however_it_is_named(failed) -> None:
    told = failed.run("audit", "explain", "source-missing").stdout
    assert "cause source-missing" in told
    assert told.count("◀ asked") == 1
    assert "(Not in the record: what moved noc.)" in told
    for words in (("pe1/B", "config-sync-failed", "source-missing"), ("pe1/B config-sync-failed",), ("alarm", "1")):
        assert failed.run("audit", "explain", *words).stdout == told


def test_an_attempt_and_a_position_are_explained(failed) -> None:
    by_attempt = failed.json("audit", "explain", "attempt", "2")
    by_position = failed.json("audit", "explain", str(by_attempt["position"]))
    assert by_attempt == by_position
    assert failed.json("audit", "explain", "sync-2") == by_attempt


def test_json_has_position_type_sentence_and_children_of_every_fact(failed) -> None:
    (chain,) = failed.json("audit", "explain", "source-missing")["chains"]
    assert {"position", "type", "sentence", "children"} <= chain.keys()
    assert [child["type"] for child in chain["children"]] == ["sync.failed.v1"]
    assert chain["children"][0]["children"][0]["asked"] is True


def test_an_output_that_is_not_utf_8_gets_a_tree_in_ascii(failed) -> None:
    failed.env["PYTHONIOENCODING"] = "ascii"
    told = failed.run("audit", "explain", "source-missing").stdout
    assert told.isascii()
    assert "`- " in told
    assert "<- asked" in told


def test_what_is_not_there_is_answered_in_one_line_with_what_is(failed) -> None:
    for words, said in (
        (("explain", "9999"), "There is no event 9999: the record has those from 1 to"),
        (("explain", "0"), "There is no event 0"),
        (("explain", "9" * 30), "the record has those from 1 to"),
        (("explain", "attempt", "7"), "pe1 has no attempt 7: its attempts are 1 to 2"),
        (("explain", "no-space"), "its alarms: pe1/B config-sync-failed source-missing"),
        (("timeline", "--alarm", "no-space"), "its alarms: pe1/B config-sync-failed source-missing"),
        (("timeline", "--operator", "mallory"), "those who did: noc"),
        (("timeline", "--card", "A", "--operator", "noc"), "Name one of"),
        (("timeline", "--from", "9", "--to", "3"), "--from comes after --to"),
        (("timeline", "--from", "9999"), "the record ends at position"),
        (("switchover",), "pe1 has had no switchover"),
        (("switchover", "3"), "pe1 has had no switchover"),
    ):
        done = failed.run("audit", *words, expect=2)
        assert done.stdout == ""
        (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
        assert said in error


def test_a_timeline_has_a_line_for_every_event_and_the_same_in_json(failed) -> None:
    lines = failed.run("audit", "timeline", "--to", "9").stdout.splitlines()
    facts = failed.json("audit", "timeline", "--to", "9")["facts"]
    assert [int(line.split()[0]) for line in lines[3:-1]] == [fact["position"] for fact in facts] == list(range(1, 10))


def test_a_timeline_can_be_of_a_card_an_alarm_or_an_operator(failed) -> None:
    everything = len(failed.json("audit", "timeline")["facts"])
    for of in (("--card", "b"), ("--alarm", "source-missing"), ("--alarm", "1"), ("--operator", "noc")):
        assert 0 < len(failed.json("audit", "timeline", *of)["facts"]) < everything


def test_an_operator_is_looked_for_on_all_chassis_unless_one_is_named(failed, tmp_path: Path) -> None:
    for card in ("c", "d"):
        shutil.copytree(failed.b, tmp_path / card)
    failed.run("provision", "pe2", "--card", f"A={tmp_path / 'c'}", "--card", f"B={tmp_path / 'd'}")
    everywhere = failed.json("audit", "timeline", "--operator", "noc")
    assert {fact["chassis"] for fact in everywhere["facts"]} >= {"pe1", "pe2"}
    on_one = failed.json("audit", "timeline", "--operator", "noc", "--chassis", "pe2")
    assert {fact["chassis"] for fact in on_one["facts"]} == {"pe2"}


def test_the_chassis_of_an_alarm_is_known_from_its_resource(failed, tmp_path: Path) -> None:
    for card in ("c", "d"):
        shutil.copytree(failed.b, tmp_path / card)
    failed.run("provision", "pe2", "--card", f"A={tmp_path / 'c'}", "--card", f"B={tmp_path / 'd'}")
    failed.run("audit", "explain", "pe1/B config-sync-failed source-missing")
    failed.run("audit", "explain", "9")
    assert "pick one with --chassis" in failed.run("audit", "explain", "attempt", "1", expect=2).stderr


def test_a_switchover_is_reported_by_its_number_as_the_last_one_and_in_the_list(switched) -> None:
    told = switched.run("audit", "switchover").stdout
    assert told == switched.run("audit", "switchover", "1").stdout == switched.run("audit", "switchover", "last").stdout
    assert "Asked for                  : by noc" in told
    assert "cf3:\\pe1.cfg" in told
    report = switched.json("audit", "switchover")
    assert report["switchover"]["result"] == "completed"
    assert [row["name"] for row in switched.json("audit", "switchover", "--list")] == ["1"]


def test_a_refused_switchover_is_reported_by_the_name_in_the_list(installed) -> None:
    installed.run("admin", "redundancy", "force-switchover", "now", expect=3)
    (row,) = installed.json("audit", "switchover", "--list")
    assert row["result"] == "refused"
    told = installed.run("audit", "switchover", row["name"]).stdout
    assert "not ready" in told


def test_who_asks_is_noted_in_the_record_itself(failed) -> None:
    failed.run("audit", "explain", "source-missing")
    failed.run("audit", "timeline", "--card", "B")
    asked = [fact["sentence"] for fact in failed.json("audit", "timeline", "--operator", "noc")["facts"]]
    assert any("(explain): source-missing" in sentence for sentence in asked)
    assert any("(timeline): card B of chassis pe1" in sentence for sentence in asked)


def test_a_question_that_has_no_answer_is_not_noted(failed) -> None:
    before = failed.json("audit", "timeline", "--operator", "noc")["facts"]
    failed.run("audit", "explain", "no-space", expect=2)
    after = failed.json("audit", "timeline", "--operator", "noc")["facts"]
    assert len(after) == len(before) + 1  # the first look itself
