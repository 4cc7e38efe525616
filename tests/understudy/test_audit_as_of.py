"""``understudy audit as-of``, ``diff`` and ``rebuild``, as their users meet them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.snapshots.following import catch_up_chassis
from events.causes import Cause, Scope, SyncMode
from events.commands import Failed, FinishSync, SetSyncMode, StartSync
from events.facts import Trigger

EARLIER = timedelta(minutes=3)


@pytest.fixture
def failed(off: Any) -> Any:
    """One attempt has failed, and the fact came three minutes late."""
    off.record.execute("pe1", StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL, operator="noc"))
    outcome = Failed(cause=Cause.NO_SPACE, detail="cf3: is full")
    late = datetime.now(UTC) - EARLIER
    off.record.execute("pe1", FinishSync(attempt=1, outcome=outcome, duration_ms=5), occurred_at=late)
    return off


def test_as_of_a_position_shows_redundancy_cards_and_alarms(installed: Any, failed: Any) -> None:
    shown = installed.run("audit", "as-of", str(failed.record.head())).stdout
    assert "as it was known then" in shown
    assert "Config synchronize failed" in shown
    assert "Card Summary: pe1" in shown
    assert "cf3: is full" in shown
    before = installed.json("audit", "as-of", "4")
    assert before["picture"]["facts"] == 4
    assert not before["picture"]["alarms"]["active"]


def test_where_the_two_axes_differ_the_answer_says_so_and_names_what_came_late(installed: Any, failed: Any) -> None:
    started = next(one for one in failed.record.read_chassis("pe1") if one.fact.TYPE == "sync.started.v1")
    moment = started.recorded_at.isoformat()
    known = installed.json("audit", "as-of", moment)
    assert not known["picture"]["alarms"]["active"]
    happened = installed.json("audit", "as-of", moment, "--as", "happened")
    assert [alarm["alarm_type_qualifier"] for alarm in happened["picture"]["alarms"]["active"]] == ["no-space"]
    assert known["differs"] == happened["differs"]
    assert any(change["what"] == "alarm" and change["happened"] == "major" for change in known["differs"])
    late = [one for one in known["late"] if one["fact"] == "alarm.raised.v1"]
    assert [one["known_then"] for one in late] == [False]
    assert abs(late[0]["late_ms"] - EARLIER.total_seconds() * 1000) < 60_000
    shown = installed.run("audit", "as-of", moment).stdout
    assert "What was known then differs from what had happened:" in shown
    assert f"event {late[0]['position']} (alarm.raised.v1)" in shown


@pytest.mark.usefixtures("failed")
def test_a_position_that_is_not_there_yet_is_a_mistake(installed: Any) -> None:
    assert "the record ends at position" in installed.run("audit", "as-of", "999999", expect=2).stderr
    assert "had no event yet" in installed.run("audit", "as-of", "2001-01-01", expect=2).stderr
    assert "FROM comes after TO" in installed.run("audit", "diff", "5", "4", expect=2).stderr
    assert (
        "two times"
        in installed.run("audit", "diff", "1", datetime.now(UTC).isoformat(), "--as", "happened", expect=2).stderr
    )


def test_diff_tells_the_net_effect_and_what_was_undone_in_between(installed: Any, failed: Any) -> None:
    since = failed.record.head()
    failed.record.execute("pe1", SetSyncMode(mode=SyncMode.CONFIG, operator="noc"))
    alarm = installed.json("show", "system", "alarms")["active"][0]
    installed.run("admin", "alarm", "acknowledge", str(alarm["index"]), "--text", "seen")
    installed.run("admin", "redundancy", "synchronize", "config")
    until = failed.record.head()
    found = installed.json("audit", "diff", str(since), str(until))["differences"]
    assert found["counts"]["configured"] == 1
    assert found["counts"]["acknowledged"] == 1
    assert found["counts"]["cleared"] == 1
    assert found["counts"]["synchronized"] == 1
    assert [effect["effect"] for effect in found["alarms"]] == ["cleared"]
    whole = installed.json("audit", "diff", "1", str(until))["differences"]
    assert [effect["effect"] for effect in whole["alarms"]] == ["raised and cleared in between"]
    shown = installed.run("audit", "diff", "1", datetime.now(UTC).isoformat()).stdout
    assert "raised and cleared in between" in shown
    assert "synchronisation mode: off -> config" in shown


@pytest.mark.usefixtures("failed")
def test_diff_in_the_order_of_occurrence_counts_what_came_late(installed: Any) -> None:
    now = datetime.now(UTC)
    times = [(now - 2 * EARLIER).isoformat(), (now - EARLIER / 2).isoformat()]
    assert installed.json("audit", "diff", *times)["differences"]["facts"] == 0
    answer = installed.json("audit", "diff", *times, "--as", "happened")
    assert answer["differences"]["counts"] == {"raised": 1, "failed": 1}
    assert {one["fact"] for one in answer["late"]} >= {"alarm.raised.v1", "sync.failed.v1"}


def test_a_rebuild_makes_what_stands_beside_the_record(installed: Any, failed: Any) -> None:
    for name in ("snapshots.sqlite", "tree.sqlite"):
        (installed.home / name).unlink(missing_ok=True)
    shown = installed.run("rebuild").stdout
    assert f"The snapshots of {failed.record.head()} events" in shown
    assert f"The tree of {failed.record.head()} events" in shown
    assert (installed.home / "snapshots.sqlite").exists()
    assert "The tree" not in installed.run("rebuild", "snapshots").stdout


def test_answers_are_the_same_with_snapshots_and_without(installed: Any, failed: Any) -> None:
    head = str(failed.record.head())
    commands = (("show", "system", "alarms"), ("show", "card"), ("audit", "as-of", head), ("replay", "--at", head))
    without = [installed.json(*words) for words in commands]
    assert catch_up_chassis(failed.record, installed.home / "snapshots.sqlite", "pe1")
    assert [installed.json(*words) for words in commands] == without
    (installed.home / "snapshots.sqlite").write_bytes(b"not a database")
    assert [installed.json(*words) for words in commands] == without
