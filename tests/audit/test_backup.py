"""A backup is whole, checked and in place, or it is not there; whoever appends meanwhile does not wait."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import audit.backup
from audit.backup import BackupFailedError, back_up
from audit.merkle import Frontier, leaf_hashes
from events.commands import Provision, StartSupervision
from events.errors import CommandRefusedError, RecordReadOnlyError
from events.facts import CardLocation, Slot
from events.store import Record
from events.store.place import Place
from events.store.row_files import new_file

CARDS = (CardLocation(slot=Slot.A, location="/flash/a"), CardLocation(slot=Slot.B, location="/flash/b"))
APPEND = """
import sys
from datetime import UTC, datetime
from events.commands import StartSupervision
from events.store import Record
from events.store.place import parse_place
with Record(parse_place(sys.argv[1]), lambda: datetime.now(UTC)) as record:
    print("ready", flush=True)
    for number in range(100_000):
        record.execute("pe1", StartSupervision(host="mgmt1", process=number))
"""

Open = Callable[..., Record]


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.xdist_group("postgresql")]),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    url: str = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return url or tmp_path / "record.sqlite"


@pytest.fixture
def open_record() -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda at: stack.enter_context(Record(at, lambda: datetime.now(UTC)))


@pytest.fixture
def record(open_record: Open, place: Place) -> Record:
    """Chassis pe1, and some ten thousand facts more: more than are copied in one step."""
    opened = open_record(place)
    opened.execute("pe1", Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc"))
    opened.execute_all([("pe1", StartSupervision(host="mgmt1", process=number)) for number in range(11_000)])
    return opened


def root_of(record: Record, size: int) -> str:
    tree = Frontier()
    tree.extend(leaf_hashes(record.recorder.select_rows(after=0, limit=None, stop=size)))
    return tree.root().hex()


def test_a_backup_is_a_record_with_the_same_facts(record: Record, open_record: Open, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    made = back_up(record, tmp_path / "copy.sqlite", home=tmp_path, progress=lambda *told: seen.append(told))
    copy = open_record(tmp_path / "copy.sqlite")
    assert list(copy.read()) == list(record.read())
    with pytest.raises(RecordReadOnlyError, match=r"read-only: a backup is made so; .*chmod u\+w"):
        copy.execute("pe1", StartSupervision(host="mgmt1", process=1))
    assert (made.facts, made.root) == (record.head(), root_of(record, record.head()))
    assert seen == sorted(seen)
    assert seen[-1] == (record.head(), record.head())
    assert not list(tmp_path.glob("copy.sqlite-*"))
    # As whoever goes on with it as the record does.
    (tmp_path / "copy.sqlite").chmod(0o644)
    gone_on = open_record(tmp_path / "copy.sqlite")
    gone_on.execute("pe1", StartSupervision(host="mgmt1", process=1))
    with pytest.raises(sqlite3.DatabaseError, match="append-only"), closing(sqlite3.connect(copy.place)) as direct:
        direct.execute("DELETE FROM stored_events")


def test_a_backup_while_another_process_appends_is_a_whole_beginning_of_the_record(
    record: Record, place: Place, open_record: Open, tmp_path: Path
) -> None:
    with subprocess.Popen([sys.executable, "-c", APPEND, str(place)], stdout=subprocess.PIPE, text=True) as appending:
        assert appending.stdout is not None
        assert appending.stdout.readline() == "ready\n"
        began = record.head()
        made = [back_up(record, tmp_path / f"{number}.sqlite", home=tmp_path) for number in range(5)]
        assert appending.poll() is None
        assert record.head() > began
        appending.kill()
    assert made[0].facts < made[-1].facts
    for one in made:
        assert one.root == root_of(record, one.facts)
        assert list(open_record(Path(one.file)).read()) == list(record.read(until=one.facts))


def test_checkpoints_of_what_is_copied_come_with_it(record: Record, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "checkpoints").mkdir(parents=True)
    (home / "notary.pub").write_text("the key")
    for size in (5, record.head(), record.head() + 1):
        (home / "checkpoints" / f"{size:020d}.note").write_text(str(size))
    made = back_up(record, tmp_path / "copy.sqlite", home=home)
    folder = tmp_path / "copy.sqlite.checkpoints"
    assert [note.read_text() for note in sorted(folder.iterdir())] == ["5", str(record.head())]
    assert (tmp_path / "copy.sqlite.notary.pub").read_text() == "the key"
    assert len(made.beside) == 3


def test_what_is_there_is_replaced_by_force_only(record: Record, open_record: Open, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    target.write_text("precious")
    with pytest.raises(CommandRefusedError, match="--force"):
        back_up(record, target, home=tmp_path)
    assert target.read_text() == "precious"
    back_up(record, target, home=tmp_path, force=True)
    target.chmod(0o644)
    open_record(target).execute("pe1", StartSupervision(host="mgmt1", process=1))
    with pytest.raises(CommandRefusedError, match="in use"):
        back_up(record, target, home=tmp_path, force=True)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_record_is_never_replaced_by_its_own_copy(record: Record, place: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite"
    link.hardlink_to(place)
    for target in (place, link):
        with pytest.raises(CommandRefusedError, match="the record itself"):
            back_up(record, target, home=tmp_path, force=True)


def test_a_copy_that_is_not_what_was_read_does_not_get_the_name(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_badly(path: Path, *arguments: object) -> None:
        write(path, *arguments)
        with path.open("r+b") as file:
            content = file.read()
            file.seek(content.index(b'"process":10999'))
            file.write(b'"process":10998')

    write = audit.backup.write_rows
    monkeypatch.setattr(audit.backup, "write_rows", write_badly)
    target = tmp_path / "copy.sqlite"
    target.write_text("yesterday's")
    with pytest.raises(BackupFailedError, match="a fact differs"):
        back_up(record, target, home=tmp_path, force=True)
    assert target.read_text() == "yesterday's"
    assert not list(tmp_path.glob(".*partial"))


def test_a_folder_that_is_not_there_is_said(record: Record, tmp_path: Path) -> None:
    with pytest.raises(CommandRefusedError, match=r"there is no folder .*/nowhere to write copy\.sqlite to"):
        back_up(record, tmp_path / "nowhere" / "copy.sqlite", home=tmp_path)


def test_a_name_that_cannot_be_had_is_the_one_that_is_named(record: Record, tmp_path: Path) -> None:
    (tmp_path / "copy.sqlite.checkpoints").write_text("not a folder")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / f"{1:020d}.note").write_text("1")
    with pytest.raises(BackupFailedError, match=r"/copy\.sqlite cannot be written: File exists; nothing"):
        back_up(record, tmp_path / "copy.sqlite", home=tmp_path)


def in_between(monkeypatch: pytest.MonkeyPatch, name: str, happens: Callable[[], object]) -> None:
    """Something happens once, after this step of the next backup, and before its following step."""

    def step(*arguments: object) -> None:
        real(*arguments)
        monkeypatch.setattr(audit.backup, name, real)
        happens()

    real = getattr(audit.backup, name)
    monkeypatch.setattr(audit.backup, name, step)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_two_backups_to_one_file_at_once_are_whole_each(
    record: Record, open_record: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.sqlite"
    in_between(monkeypatch, "write_rows", lambda: back_up(record, target, home=tmp_path, force=True))
    made = back_up(record, target, home=tmp_path, force=True)
    assert made.facts == record.head()
    assert list(open_record(target).read()) == list(record.read())
    assert not list(tmp_path.glob(".*partial"))


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_copy_that_another_process_has_replaced_is_not_said_to_be_made(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.sqlite"

    def replace() -> None:
        target.unlink()
        with closing(sqlite3.connect(target)) as other:
            other.execute("CREATE TABLE stored_events (position INTEGER PRIMARY KEY)")

    in_between(monkeypatch, "put_in_place", replace)
    with pytest.raises(BackupFailedError, match=r"has 0 facts and not the 110.. that were written: another process"):
        back_up(record, target, home=tmp_path, force=True)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_file_that_came_while_the_copy_was_made_is_replaced_by_force_only(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.sqlite"
    in_between(monkeypatch, "write_rows", lambda: target.write_text("precious"))
    with pytest.raises(BackupFailedError, match="File exists"):
        back_up(record, target, home=tmp_path)
    assert target.read_text() == "precious"
    assert not list(tmp_path.glob(".*partial"))


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_links_that_somebody_has_put_where_the_copy_goes_are_not_followed(record: Record, tmp_path: Path) -> None:
    home, shared, victim = tmp_path / "home", tmp_path / "shared", tmp_path / "victim"
    (home / "checkpoints").mkdir(parents=True)
    (home / "notary.pub").write_text("the key")
    (home / "checkpoints" / f"{5:020d}.note").write_text("5")
    shared.mkdir()
    victim.write_text("precious")
    for name in ("copy.sqlite", "copy.sqlite.notary.pub"):
        (shared / f".{name}.partial").symlink_to(victim)
    (shared / "copy.sqlite.notary.pub").symlink_to(victim)
    back_up(record, shared / "copy.sqlite", home=home)
    assert victim.read_text() == "precious"
    assert (shared / "copy.sqlite.notary.pub").read_text() == "the key"


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_folder_of_checkpoints_that_leads_elsewhere_is_not_written_to(record: Record, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "copy.sqlite.checkpoints").symlink_to(elsewhere)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / f"{1:020d}.note").write_text("1")
    with pytest.raises(BackupFailedError, match="File exists"):
        back_up(record, tmp_path / "copy.sqlite", home=tmp_path)
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_what_a_backup_that_died_has_left_is_removed_and_what_one_at_work_writes_is_not(
    record: Record, tmp_path: Path
) -> None:
    target = tmp_path / "copy.sqlite"
    left, another = (tmp_path / f".{name}.0123456789abcdef.partial" for name in ("copy.sqlite", "other.sqlite"))
    left.write_text("cut short")
    another.write_text("of another target")
    with new_file(target) as at_work:
        back_up(record, target, home=tmp_path)
        assert at_work.exists()
    assert list(tmp_path.glob(".*partial")) == [another]
