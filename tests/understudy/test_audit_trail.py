"""``understudy audit trail`` and ``audit hold``: who did what with the record, and what must stay as it is."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from understudy.auditing import note_read
from understudy.home import Home


@pytest.fixture
def read(installed) -> Callable[[str, str, str], None]:
    """Has an operator read the past, as the commands that read it do."""

    def note(operator: str, what: str, query: str) -> None:
        home = Home(installed.home, None)
        home.__dict__["operator"] = operator
        note_read(home, what, query)
        home.close()

    return note


def test_the_trail_says_who_asked_what(installed, read) -> None:
    read("alice", "as-of", "117 --chassis pe1")
    read("bob", "diff", "1 9")
    printed = installed.run("audit", "trail").stdout
    assert "alice read the past (as-of): 117 --chassis pe1." in printed
    assert printed.index("alice") < printed.index("bob")
    [only] = installed.json("audit", "trail", "--operator", "bob")
    assert (only["operator"], only["kind"], only["fact"]["query"]) == ("bob", "audit.read.v1", "1 9")


def test_an_empty_trail_is_a_table_without_lines(installed) -> None:
    assert "Audit Trail [0]" in installed.run("audit", "trail").stdout
    assert installed.json("audit", "trail") == []


def test_a_hold_stands_until_it_is_released_and_the_trail_has_both(installed) -> None:
    installed.run("audit", "hold", "place", "case-7", "--reason", "examined", "--operator", "alice")
    [hold] = installed.json("audit", "hold", "list")
    assert (hold["name"], hold["reason"], hold["operator"]) == ("case-7", "examined", "alice")
    assert "case-7" in installed.run("audit", "hold", "list").stdout
    installed.run("audit", "hold", "release", "case-7", "--reason", "closed")
    assert installed.run("audit", "hold", "list").stdout == "No hold stands.\n"
    assert [one["kind"] for one in installed.json("audit", "trail")] == ["hold.placed.v1", "hold.released.v1"]


def test_a_hold_that_makes_no_sense_is_refused_and_a_missing_reason_is_wrong_usage(installed) -> None:
    installed.run("audit", "hold", "place", "case-7", "--reason", "examined")
    assert "stands already" in installed.run("audit", "hold", "place", "case-7", "--reason", "x", expect=3).stderr
    refused = installed.run("audit", "hold", "release", "case-8", "--reason", "x", expect=3)
    assert "those that stand: case-7" in refused.stderr
    assert "--reason" in installed.run("audit", "hold", "release", "case-7", expect=2).stderr


def test_the_log_and_the_screens_of_a_chassis_know_nothing_of_the_audit(installed, read) -> None:
    before = installed.run("show", "log").stdout
    read("alice", "as-of", "3")
    assert installed.run("show", "log").stdout == before
    assert "@audit" not in installed.run("show", "redundancy", "synchronization").stdout


def test_who_subscribes_to_events_is_told_of_the_audit(installed, read) -> None:
    read("alice", "as-of", "3")
    printed = installed.run("subscribe", "events", "--from", "beginning", "--no-follow").stdout
    assert "pastRead" in printed or "alice read the past" in printed


def test_a_reading_that_cannot_be_noted_is_said_and_goes_on(installed, read, capsys, monkeypatch) -> None:
    monkeypatch.setattr("events.store.sqlite.LOCK_TIMEOUT_SECONDS", 0)
    with closing(sqlite3.connect(installed.home / "record.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        read("alice", "as-of", "3")
    assert "this is not noted in the record" in capsys.readouterr().err
