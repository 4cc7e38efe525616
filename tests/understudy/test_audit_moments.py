"""Moments that nothing can be said about, periods that end before they begin, and who asked."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

TO_COME = "2999-01-01"


@pytest.fixture
def two(installed: Any, tmp_path: Path) -> Any:
    """pe1 has tried to synchronise; pe2 came after that."""
    installed.run("admin", "redundancy", "synchronize", "config")
    for card in ("c", "d"):
        shutil.copytree(installed.b, tmp_path / card)
    installed.run("provision", "pe2", "--card", f"A={tmp_path / 'c'}", "--card", f"B={tmp_path / 'd'}")
    installed.env["UNDERSTUDY_CHASSIS"] = "pe1"
    return installed


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("as-of", TO_COME), "TIME-or-POSITION"),
        (("as-of", TO_COME, "--as", "happened"), "TIME-or-POSITION"),
        (("diff", "1", TO_COME), "TO"),
        (("diff", TO_COME, TO_COME), "FROM"),
        (("timeline", "--from", TO_COME), "--from"),
        (("report", "--from", TO_COME, "-o", "-"), "--from"),
        (("export", "--from", "1", "--to", TO_COME, "-o", "x.zip"), "--to"),
        (("export", "--from", TO_COME, "--to", TO_COME, "-o", "x.zip"), "--from"),
    ],
)
def test_a_time_to_come_is_refused_with_the_time_of_the_newest_event(words: Any, name: str, installed: Any) -> None:
    done = installed.run("audit", *words, expect=2)
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {name} 2999/01/01 00:00:00.00 UTC is to come; the newest event is ")
    assert done.stderr.endswith(" UTC.\n")
    assert ", recorded 2" in done.stderr


def test_timeline_and_report_end_now_where_they_would_end_with_a_time_to_come_and_say_so(two: Any) -> None:
    said = "--to 2999/01/01 00:00:00.00 UTC is to come: it means now; the newest event is "
    done = two.run("audit", "timeline", "--to", TO_COME)
    assert done.stderr.startswith(said)
    assert done.stdout.startswith("=")
    assert two.run("audit", "report", "--to", TO_COME, "-o", "-").stderr.startswith(said)
    assert two.run("audit", "timeline").stderr == ""


@pytest.mark.parametrize("words", [("as-of",), ("diff", "1"), ("timeline", "--to"), ("report", "-o", "-", "--to")])
def test_a_position_to_come_is_refused_everywhere(words: Any, installed: Any) -> None:
    assert "9999: the record ends at position" in installed.run("audit", *words, "9999", expect=2).stderr


@pytest.mark.parametrize("ends", [("4", "2"), ("2020-02-01", "2020-01-01")])
def test_a_period_that_ends_before_it_begins_is_named_everywhere(ends: tuple[str, str], installed: Any) -> None:
    begin, end = ends
    for command in (("timeline",), ("report", "-o", "-"), ("export", "-o", "x.zip")):
        done = installed.run("audit", *command, "--from", begin, "--to", end, expect=2)
        assert "Error: --from comes after --to: " in done.stderr
    assert "Error: FROM comes after TO: " in installed.run("audit", "diff", begin, end, expect=2).stderr


def test_a_diff_from_a_position_to_a_time_says_which_time_was_meant(two: Any) -> None:
    moment = two.json("audit", "as-of", "4")["picture"]["recorded_at"]
    assert two.json("audit", "diff", "1", moment)["until"] == moment
    assert " to event " not in two.run("audit", "diff", "1", moment).stdout.splitlines()[0]
    assert "FROM comes after TO" in two.run("audit", "diff", "6", moment, expect=2).stderr


def test_a_moment_before_the_first_event_is_answered_with_how_it_was_read_and_with_that_event(two: Any) -> None:
    done = two.run("audit", "as-of", "2001-01-01T02:00+02:00", expect=2)
    assert done.stderr.startswith(
        "Error: Chassis pe1 had no event yet at 2001/01/01 00:00:00.00 UTC; its first is event 1, recorded 2"
    )
    other = two.run("audit", "as-of", "2", "--chassis", "pe2", expect=2).stderr
    assert other.startswith("Error: Chassis pe2 had no event yet at event 2; its first is event ")
    assert "Usage" not in done.stderr + other


def test_an_event_of_another_chassis_than_the_named_one_is_not_explained(two: Any) -> None:
    assert "Event 5 is of pe1, not of pe2." in two.run("audit", "explain", "5", "--chassis", "pe2", expect=2).stderr
    two.run("audit", "explain", "5", "--chassis", "pe1")
    two.env["UNDERSTUDY_CHASSIS"] = "pe2"  # which chassis is usually meant, not which one this event is of
    two.run("audit", "explain", "5")


def test_whoever_asks_can_say_who_they_are(two: Any, tmp_path: Path) -> None:
    for words in (("as-of", "5"), ("diff", "1", "5"), ("explain", "5"), ("switchover", "--list")):
        two.run("audit", *words, "--operator", "auditor")
    two.run("audit", "timeline", "--operator", "noc", "--asked-by", "auditor")
    two.run("audit", "report", "-o", "-", "--operator", "auditor")
    two.run("audit", "export", "--from", "1", "--to", "5", "-o", str(tmp_path / "x.zip"), "--operator", "auditor")
    assert len(two.json("audit", "trail", "--operator", "auditor")) == 7
    assert two.json("audit", "trail", "--operator", "noc") == []


def test_a_report_to_a_dash_goes_to_standard_output_and_its_summary_to_standard_error(installed: Any) -> None:
    done = installed.run("audit", "report", "-o", "-")
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stdout.rstrip().endswith("</html>")
    assert done.stderr.startswith("-: pe1, ")
    assert not Path("-").exists()


def test_a_bundle_has_a_name(installed: Any) -> None:
    assert "name a file" in installed.run("audit", "export", "--from", "1", "--to", "2", "-o", "-", expect=2).stderr


def test_what_cannot_be_written_is_told_by_the_name_that_was_typed(installed: Any, tmp_path: Path) -> None:
    nowhere = tmp_path / "nodir" / "x"
    for command in (("report",), ("export", "--from", "1", "--to", "2")):
        done = installed.run("audit", *command, "-o", str(nowhere), expect=2)
        assert f"There is no folder {nowhere.parent} to write x to." in done.stderr
        # A folder in which no file can be made, for whoever it may be.
        for target in (Path("/proc/x.html"), tmp_path / ("x" * 250)):
            done = installed.run("audit", *command, "-o", str(target), expect=1)
            assert f"Error: {target} cannot be written: " in done.stderr
            assert f".{target.name}" not in done.stderr
    assert not list(tmp_path.glob(".x*"))


def test_times_are_written_as_in_the_log_and_one_thing_is_not_several(two: Any) -> None:
    told = two.run("audit", "as-of", "1").stdout + two.run("audit", "diff", "1", "9").stdout
    assert told.splitlines()[1].startswith("1 event; the newest is event 1, recorded 2")
    assert "last synchronisation of config: none -> 20" in told
    assert not re.search(r"\d{4}-\d\d-\d\d", told)
    assert "1 events" not in told
    assert " 1 times" not in told
