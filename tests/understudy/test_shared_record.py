"""The main job on a record in PostgreSQL, from the command line; and what is told when there is no such record."""

import signal
import time
from typing import Any

import pytest

from events.facts import SupervisionStarted, SupervisionStopped, SyncSucceeded

pytestmark = [pytest.mark.postgresql, pytest.mark.xdist_group("postgresql")]

SYNCHRONIZE = ("admin", "redundancy", "synchronize", "boot-env")
SHOW = ("show", "redundancy", "synchronization")


@pytest.fixture
def bare(bare: Any, postgres_url: str) -> Any:
    """As everywhere, with the record in a database of its own."""
    bare.env["UNDERSTUDY_STORE"] = postgres_url
    return bare


def test_the_main_job_is_done_on_a_shared_record_and_nothing_is_kept_in_the_home(installed, off) -> None:
    assert "no: " in installed.run(*SHOW).stdout

    installed.run(*SYNCHRONIZE)
    assert installed.files(installed.a) == installed.files(installed.b)
    assert installed.json(*SHOW)["ready"] is True

    saved = (installed.a / "cf3/pe1.cfg").read_text()
    (installed.a / "cf3/pe1.cfg").unlink()
    installed.run(*SYNCHRONIZE, expect=1)
    failed = off.record.head()
    [alarm] = installed.json("show", "system", "alarms")["active"]
    assert alarm["alarm_type_qualifier"] == "source-missing"

    (installed.a / "cf3/pe1.cfg").write_text(saved)
    installed.run(*SYNCHRONIZE)
    assert installed.json("show", "system", "alarms")["active"] == []

    installed.run("admin", "redundancy", "force-switchover", "now")
    assert installed.json(*SHOW)["active"] == "B"
    assert installed.json("replay", "--at", str(failed))["alarms"]["active"] == [alarm]
    assert "provisioned" in installed.run("show", "log").stdout
    assert not installed.home.exists()


def test_a_run_supervises_a_shared_record_and_says_so_everywhere(installed, watched) -> None:
    head = watched.record.head()
    (installed.a / "cf3/pe1.cfg").write_text("saved again\n")
    watched.until_fact(SyncSucceeded, after=head)
    assert (installed.b / "cf3/pe1.cfg").read_text() == "saved again\n"
    assert installed.json(*SHOW)["supervised"] is True


def test_a_second_run_stands_by_says_so_once_and_takes_over_when_the_first_one_stops(
    quick, installed, off, start
) -> None:
    first = start(installed, *quick)
    off.until_fact(SupervisionStarted)
    second = start(installed, *quick)
    second.until_printed("pe1 is supervised by another process; standing by")
    assert second.process.poll() is None

    assert first.signal(signal.SIGTERM) == 0

    stopped = off.until_fact(SupervisionStopped)
    taken = off.until_fact(SupervisionStarted, after=stopped.position).fact
    assert taken.process == second.process.pid
    assert f"process {second.process.pid}" in installed.run(*SHOW).stdout
    assert second.printed().count("standing by") == 1
    assert second.signal(signal.SIGTERM) == 0


def test_a_run_that_stands_by_is_stopped_at_once(quick, installed, off, start) -> None:
    start(installed, *quick)
    off.until_fact(SupervisionStarted)
    second = start(installed, *quick)
    second.until_printed("standing by")
    began = time.monotonic()
    assert second.signal(signal.SIGTERM) == 0
    assert time.monotonic() - began < 30


# Where there is none


def test_a_command_that_only_reads_makes_no_record(bare) -> None:
    for words in (SHOW, ("show", "log"), ("run",), ("replay",)):
        said = bare.run(*words, expect=2).stderr
        assert "There is no record at postgresql://noc@/record" in said
        assert "provision a chassis, or name its --store" in said


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("postgresql://noc:s3cret@127.0.0.1:x/alarms", 2, "its port is not a number"),
        ("postgresql://noc:s3%cret@db/alarms", 2, "the URL of the store is malformed"),
        ("mysql://noc:s3cret@db/alarms", 2, "neither postgresql://"),
        ("postgresql://noc:s3cret@127.0.0.1:1/alarms", 1, "refused"),
        ("postgresql://noc:s3cret@nowhere.invalid/alarms", 1, "could not translate host name|failed to resolve host"),
    ],
)
def test_a_store_that_cannot_be_used_is_told_in_a_line_without_its_password(bare, url, code, told) -> None:
    bare.env["UNDERSTUDY_STORE"] = url
    done = bare.run(*SHOW, expect=code)
    assert any(one in done.stderr for one in told.split("|")), done.stderr
    assert "cret" not in done.stderr + done.stdout
    assert len([line for line in done.stderr.splitlines() if line.startswith("Error")]) == 1
    assert "cret" not in bare.run("--help").stdout


def test_a_wrong_password_is_told_and_not_shown(bare, postgres_server) -> None:
    said = bare.run(*SHOW, "--store", postgres_server.url_over_tcp("postgres", "wr0ng"), expect=1).stderr
    assert "password authentication failed for user" in said
    assert "wr0ng" not in said
    assert len(said.splitlines()) == 1


def test_the_store_may_be_named_before_or_after_the_command_and_counts_more_than_the_home(
    installed, postgres_server, postgres_url
) -> None:
    installed.env["UNDERSTUDY_STORE"] = postgres_server.url(postgres_server.new_database())
    installed.run(*SHOW, expect=2)
    for words in (("--store", postgres_url, *SHOW), (*SHOW, "--store", postgres_url)):
        assert "Synchronization Information: pe1" in installed.run(*words).stdout
