"""``understudy audit export``: from the question to the bundle, with the record's own key, tree and checkpoints."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audit.bundle import ranges
from audit.bundle.asked import EvidenceError
from audit.bundle.ranges import positions
from audit.notary import make_checkpoint
from events.commands import Provision
from events.errors import CommandRefusedError
from events.facts import AUDIT_STREAM, CardLocation, EvidenceExported, Slot
from events.store import Record
from understudy.commands.audit import audit


@pytest.fixture
def run(record: Record) -> Callable[..., Result]:
    """Runs ``understudy audit export`` on the record."""
    environment = {"UNDERSTUDY_HOME": str(Path(record.place).parent), "UNDERSTUDY_OPERATOR": "noc"}

    def export(*words: object) -> Result:
        return CliRunner().invoke(audit, ["export", *map(str, words)], env=environment)

    return export


def notes(record: Record) -> list[EvidenceExported]:
    return [one.fact for one in record.read_chassis(AUDIT_STREAM) if isinstance(one.fact, EvidenceExported)]


def test_a_bundle_of_the_record_verifies_with_the_key_of_the_home(run, check, record, tmp_path) -> None:
    head = record.head()
    done = run("--from", 1, "--to", head, "-o", tmp_path / "all.zip")
    assert done.exit_code == 0, done.output
    assert f"{head} facts, positions 1 to {head}" in done.output
    assert check(tmp_path / "all.zip", "--key", tmp_path / "notary.pub").returncode == 0


def test_an_export_is_a_fact_with_the_digest_of_the_bundle(run, record, tmp_path) -> None:
    run("--from", 2, "--to", 9, "--chassis", "pe1", "-o", tmp_path / "one.zip")
    digest = hashlib.sha256((tmp_path / "one.zip").read_bytes()).hexdigest()
    assert notes(record) == [EvidenceExported(first=2, last=9, chassis="pe1", sha256=digest, operator="noc")]


def test_the_bundle_carries_the_oldest_checkpoint_of_its_end_and_the_newest(run, check, record, tmp_path) -> None:
    make_checkpoint(tmp_path, record)
    sealed_at = record.head()
    for number in range(2):
        run("--from", 1, "--to", record.head(), "-o", tmp_path / f"{number}.zip")
    newest = max(int(path.stem) for path in (tmp_path / "checkpoints").iterdir())
    run("--from", 1, "--to", 9, "-o", tmp_path / "early.zip")
    assert newest > sealed_at
    done = check(tmp_path / "early.zip", "--checkpoint", tmp_path / "checkpoints" / f"{sealed_at:020d}.note")
    assert f"signed over the first {sealed_at}, {newest} facts" in done.stdout
    assert done.returncode == 0


def test_the_bundle_carries_the_checkpoint_that_the_reader_holds(run, check, record, tmp_path) -> None:
    held = make_checkpoint(tmp_path, record).checkpoint.size
    run("--from", 1, "--to", 3, "-o", tmp_path / "noted.zip")
    later = make_checkpoint(tmp_path, record).checkpoint.size
    words = ("--from", later, "--to", later, "--checkpoint", held, "-o", tmp_path / "x.zip")
    assert run(*words).exit_code == 0
    done = check(tmp_path / "x.zip", "--checkpoint", tmp_path / "checkpoints" / f"{held:020d}.note")
    assert f"up to position {held}, nothing was edited since" in done.stdout
    assert done.returncode == 0
    unknown = run("--from", 1, "--to", 3, "--checkpoint", 2, "-o", tmp_path / "y.zip")
    assert "there is no checkpoint of 2 facts beside the record" in str(unknown.exception)


def test_the_audit_itself_can_be_exported(run, check, record, tmp_path) -> None:
    run("--from", 1, "--to", 3, "-o", tmp_path / "a.zip")
    done = run("--from", 1, "--to", record.head(), "--chassis", AUDIT_STREAM, "-o", tmp_path / "b.zip")
    assert done.exit_code == 0, done.output
    assert check(tmp_path / "b.zip").returncode == 0


def test_json_says_what_was_made(run, tmp_path) -> None:
    answer = json.loads(run("--from", 1, "--to", 5, "-o", tmp_path / "x.zip", "--json").output)
    assert answer["facts"]["count"] == 5
    assert answer["bytes"] == (tmp_path / "x.zip").stat().st_size
    assert (tmp_path / "notary.pub").read_text().strip() == answer["key"]


def test_a_file_that_is_there_is_not_replaced_unless_forced(run, check, record, tmp_path) -> None:
    (tmp_path / "x.zip").write_text("precious")
    done = run("--from", 1, "--to", 5, "-o", tmp_path / "x.zip")
    assert isinstance(done.exception, CommandRefusedError)
    assert (tmp_path / "x.zip").read_text() == "precious"
    assert not notes(record)
    assert run("--from", 1, "--to", 5, "-o", tmp_path / "x.zip", "--force").exit_code == 0
    assert check(tmp_path / "x.zip").returncode == 0


def test_a_name_that_is_found_taken_only_at_the_end_is_not_replaced_unless_forced(run, record, tmp_path) -> None:
    (tmp_path / "x.zip").symlink_to("gone.zip")
    done = run("--from", 1, "--to", 5, "-o", tmp_path / "x.zip")
    assert isinstance(done.exception, CommandRefusedError)
    assert (tmp_path / "x.zip").is_symlink()
    assert not notes(record)
    assert run("--from", 1, "--to", 5, "-o", tmp_path / "x.zip", "--force").exit_code == 0
    assert not (tmp_path / "x.zip").is_symlink()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "1", "--to", "4000"), "--to 4000: the record ends at position"),
        (("--from", "0", "--to", "4"), "there is no position 0"),
        (("--from", "9", "--to", "4"), "--from comes after --to"),
        (("--from", "2001-01-01", "--to", "2001-02-01"), "nothing was recorded"),
    ],
)
def test_a_question_without_an_answer_is_a_wrong_usage(words, said, run, tmp_path) -> None:
    done = run(*words, "-o", tmp_path / "x.zip")
    assert done.exit_code == 2
    assert said in done.output


def test_a_folder_that_is_not_there_is_said_before_anything_is_done(run, tmp_path) -> None:
    done = run("--from", 1, "--to", 4, "-o", tmp_path / "nowhere" / "x.zip")
    assert done.exit_code == 2
    assert "There is no folder" in done.output


def test_a_chassis_without_facts_in_the_range_is_said(run, record, tmp_path) -> None:
    done = run("--from", 1, "--to", 4, "--chassis", "pe99", "-o", tmp_path / "x.zip")
    assert "there is no fact of pe99 from position 1 to 4" in str(done.exception)
    assert not (tmp_path / "x.zip").exists()
    assert not notes(record)


@pytest.mark.parametrize(
    ("edited", "said"),
    [
        ("CAST(replace(state, 'T', ' ') AS BLOB)", "not those that the checkpoints seal"),
        ("replace(state, 'T', ' ')", "position 3 is damaged"),
        ("NULL", "position 3 is damaged"),
    ],
    ids=["as it was stored", "as text", "as nothing"],
)
def test_a_record_that_was_edited_gives_no_bundle(edited, said, run, tmp_path) -> None:
    run("--from", 1, "--to", 9, "-o", tmp_path / "before.zip")
    with closing(sqlite3.connect(tmp_path / "record.sqlite", isolation_level=None)) as intruder:
        intruder.execute("DROP TRIGGER facts_are_never_updated")
        intruder.execute("PRAGMA ignore_check_constraints = 1")
        intruder.execute("PRAGMA writable_schema = 1")
        intruder.execute("UPDATE sqlite_schema SET sql = replace(sql, 'state BLOB NOT NULL', 'state BLOB')")
    with closing(sqlite3.connect(tmp_path / "record.sqlite", isolation_level=None)) as intruder:
        intruder.execute(f"UPDATE stored_events SET state = {edited} WHERE position = 3")
    done = run("--from", 1, "--to", 9, "-o", tmp_path / "after.zip")
    assert said in str(done.exception)
    assert not (tmp_path / "after.zip").exists()


def recorded_at(hours: tuple[int, ...], home: Path) -> tuple[Record, list[int]]:
    """A record with a chassis at each of these hours of its clock, and the position of the newest fact of each."""
    now = [hour(hours[0])]
    cards = (CardLocation(slot=Slot.A, location="/a"), CardLocation(slot=Slot.B, location="/b"))
    command = Provision(cards=cards, active=Slot.A, equipped=(Slot.A,), operator="noc")
    home.mkdir()
    record = Record(home / "record.sqlite", lambda: now[0])
    ends: list[int] = []
    for number, each in enumerate(hours):
        now[0] = hour(each)
        ends.append(record.execute(f"pe{number}", command)[-1].position)
    return record, ends


def hour(number: int) -> datetime:
    return datetime(2026, 5, 1, number, tzinfo=UTC)


def test_times_mean_when_facts_were_recorded(tmp_path) -> None:
    record, ends = recorded_at((1, 2, 3, 4, 5, 6), tmp_path / "timed")
    with closing(record):
        assert positions(record, hour(2), hour(3)) == (ends[0] + 1, ends[2])
        assert positions(record, hour(3), ends[4]) == (ends[1] + 1, ends[4])
        assert positions(record, 1, hour(9)) == (1, ends[5])


SKEWED = [(1, 2, 3, 2, 5, 6, 7), (1, 2, 2, 5, 3, 5, 5), (3, 1, 2, 3, 1, 2, 5), (2, 2, 5, 1, 5, 2, 5)]


@pytest.mark.parametrize("at_once", [1, 3, 5000])
@pytest.mark.parametrize("hours", SKEWED)
def test_facts_recorded_in_another_order_than_that_of_the_clock_are_all_in_the_range(
    hours, at_once, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(ranges, "ROWS_AT_ONCE", at_once)
    record, ends = recorded_at(hours, tmp_path / "timed")
    meant = [number for number, each in enumerate(hours) if each in (2, 3)]
    with closing(record):
        first, last = positions(record, hour(2), hour(3))
    assert first == ([0, *ends][meant[0]]) + 1
    assert last == ends[meant[-1]]


def test_a_clock_that_was_wrong_for_thousands_of_facts_leaves_none_out(tmp_path) -> None:
    hours = (10,) * 100 + (14,) * 400 + (10,) * 400
    record, ends = recorded_at(hours, tmp_path / "timed")
    with closing(record):
        assert ends[499] - ends[99] > 1000
        assert positions(record, hour(10), hour(11)) == (1, ends[-1])
        assert positions(record, hour(12), hour(15)) == (ends[99] + 1, ends[499])
        assert positions(record, ends[99], hour(11)) == (ends[99], ends[-1])
        assert positions(record, hour(14), ends[200]) == (ends[99] + 1, ends[200])
        with pytest.raises(EvidenceError, match="nothing was recorded"):
            positions(record, hour(11), hour(12))


def test_a_fact_without_a_time_is_named(record) -> None:
    with closing(sqlite3.connect(record.place, isolation_level=None)) as intruder:
        intruder.execute("DROP TRIGGER facts_are_never_updated")
        intruder.execute("UPDATE stored_events SET state = CAST('{}' AS BLOB) WHERE position = 3")
    with pytest.raises(EvidenceError, match="when position 3 was recorded; see: understudy fsck"):
        positions(record, hour(1), hour(2))
