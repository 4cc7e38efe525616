"""``understudy audit report``, as its users meet it."""

from pathlib import Path
from typing import Any

from events.facts import Question, ReadNoted


def test_it_draws_the_whole_record_of_a_chassis_unless_told_otherwise(story: Any, tmp_path: Path) -> None:
    story.provision()
    page = story.report(tmp_path / "pe1.html").read_text()
    assert "2026-01-05 22:00:00.000" in page
    assert "<!DOCTYPE html>" in page


def test_that_somebody_looked_is_a_fact_too(story: Any, tmp_path: Path) -> None:
    story.provision()
    story.report(tmp_path / "pe1.html")
    [noted] = [one.fact for one in story.record.read() if isinstance(one.fact, ReadNoted)]
    assert (noted.what, noted.operator) == (Question.REPORT, "noc")
    assert noted.query == "pe1 from 2026-01-05T22:00:00.000Z to 2026-01-05T22:00:00.000Z"


def test_it_refuses_to_overwrite_a_file_without_force(story: Any, tmp_path: Path) -> None:
    story.provision()
    there = tmp_path / "there.html"
    there.write_text("mine")
    story.report(there, expect=3)
    assert there.read_text() == "mine"
    story.report(there, "--force")
    assert there.read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.glob("*there*")] + [path.name for path in tmp_path.glob(".*")] == [
        "there.html"
    ]


def test_with_a_position_as_the_end_nothing_recorded_later_is_shown(story: Any, tmp_path: Path) -> None:
    story.provision()
    head = story.record.head()
    story.at(10, *story.watch("nms1"))
    assert "nms1" not in story.report(tmp_path / "early.html", "--to", str(head)).read_text()
    assert "nms1" in story.report(tmp_path / "late.html").read_text()
    part = story.report(tmp_path / "part.html", "--from", str(head + 1)).read_text()
    assert f"1 fact, positions {head + 1} to {head + 1}" in part
    assert '<time datetime="2026-01-05T22:10:00.000Z">2026-01-05 22:10:00</time> to' in part


def test_what_cannot_be_a_period_is_refused_with_a_sentence(story: Any, tmp_path: Path) -> None:
    story.provision()
    page = tmp_path / "none.html"
    story.report(page, "--from", "99", expect=2)
    story.report(page, "--to", "99", expect=2)
    story.report(page, "--from", "2026-02-01", "--to", "2026-01-01", expect=2)
    story.report(tmp_path / "no" / "such" / "folder.html", expect=2)
    assert list(tmp_path.glob("*.html")) == []


def test_a_time_to_come_is_drawn_as_far_as_it_is_known(story: Any, tmp_path: Path) -> None:
    story.provision()
    page = story.report(tmp_path / "future.html", "--from", "2026-01-01", "--to", "2999-01-01").read_text()
    assert "2999-01-01" not in page
    assert "2026-01-01 00:00:00.000" in page


def test_a_period_before_the_first_fact_is_drawn_as_one_of_which_nothing_is_known(story: Any, tmp_path: Path) -> None:
    story.provision()
    page = story.report(tmp_path / "before.html", "--from", "2025-01-01", "--to", "2025-02-01").read_text()
    assert "Nothing is known of this period." in page
    assert "0 facts" in page
