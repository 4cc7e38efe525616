"""Looking at a card on another host, reading it and closing it: real OpenSSH servers, with and without a shell."""

import hashlib
import os
import threading
from errno import EINVAL, EISDIR
from pathlib import Path

import pytest

from events.facts import Slot
from producers.cards.card import CHUNK, Entry, FileStat, Writability
from producers.cards.names import resolve

pytestmark = pytest.mark.ssh

MIB = 1024 * 1024


# looking


def test_a_card_tells_its_slot_its_location_and_both_in_a_message(card, folder) -> None:
    assert card.slot is Slot.B
    assert card.location.startswith("ssh://")
    assert card.location.endswith(str(folder))
    assert card.describe() == f"card B ({card.location})"


def test_a_folder_with_a_cf3_is_present_and_in_service(card) -> None:
    assert card.is_present()
    assert card.check_in_service() is None


def test_a_folder_that_is_gone_is_not_present(card, folder) -> None:
    (folder / "cf3").rmdir()
    folder.rmdir()

    assert not card.is_present()
    assert card.check_in_service() == f"{folder} cannot be listed: No such file or directory."


def test_a_card_without_cf3_is_not_in_service(card, folder) -> None:
    (folder / "cf3").rmdir()

    assert card.check_in_service() == "cf3: cannot be listed: No such file or directory."


def test_a_location_that_is_a_file_is_present_but_not_in_service(card, folder) -> None:
    (folder / "cf3").rmdir()
    folder.rmdir()
    folder.write_bytes(b"")

    assert card.is_present()
    assert card.check_in_service() == f"{folder} cannot be listed: Not a directory."


def test_entries_are_files_folders_and_what_links_lead_to(card, folder) -> None:
    (folder / "cf3/pe1.cfg").write_bytes(b"12345")
    (folder / "cf3/images").mkdir()
    (folder / "cf3/to-file").symlink_to("pe1.cfg")
    (folder / "cf3/to-folder").symlink_to("images")
    (folder / "cf3/to-nothing").symlink_to("nothing")

    found = {entry.name: entry for entry in card.entries("cf3")}

    assert set(found) == {"pe1.cfg", "images", "to-file", "to-folder", "to-nothing"}
    assert found["pe1.cfg"] == Entry(name="pe1.cfg", is_dir=False, size=5)
    assert found["images"].is_dir
    assert found["to-file"] == Entry(name="to-file", is_dir=False, size=5)
    assert found["to-folder"].is_dir
    assert found["to-nothing"] == Entry(name="to-nothing", is_dir=False, size=0)


def test_more_entries_than_one_answer_holds_are_all_listed(card, folder) -> None:
    names = {f"a-file-with-a-rather-long-name-{number}" for number in range(300)}
    for name in names:
        (folder / "cf3" / name).touch()

    assert {entry.name for entry in card.entries("cf3")} == names


def test_a_name_that_is_not_utf_8_is_listed_and_can_be_used(card, folder, read) -> None:
    path = os.fsencode(folder) + b"/cf3/\xff.cfg"
    Path(os.fsdecode(path)).write_bytes(b"content")

    [entry] = card.entries("cf3")

    assert read(card, f"cf3/{entry.name}") == b"content"


@pytest.mark.parametrize(("path", "error"), [("cf3/pe1.cfg", NotADirectoryError), ("cf3/none", FileNotFoundError)])
def test_what_is_no_folder_cannot_be_listed(card, folder, path, error) -> None:
    (folder / "cf3/pe1.cfg").touch()

    with pytest.raises(error):
        card.entries(path)


def test_stat_tells_size_time_and_permission_bits(card, folder) -> None:
    path = folder / "cf3/pe1.cfg"
    path.write_bytes(b"12345")
    path.chmod(0o640)
    os.utime(path, (1_600_000_000, 1_600_000_000))

    assert card.stat("cf3/pe1.cfg") == FileStat(
        size=5, mtime_ns=1_600_000_000_000_000_000, inode=0, is_dir=False, mode=0o640
    )


@pytest.mark.parametrize("path", ["cf3/none", "cf3/none/deeper", "cf3/pe1.cfg/below", "cf3/pe1.cfg/far/below"])
def test_there_is_no_stat_of_what_is_not_there(card, folder, path) -> None:
    (folder / "cf3/pe1.cfg").touch()

    assert card.stat(path) is None


def test_a_name_is_found_without_case(card, folder) -> None:
    (folder / "cf3/TiMOS").mkdir()
    (folder / "cf3/TiMOS/BOTH.tim").touch()

    assert resolve(card, "cf3/timos/both.TIM") == "cf3/TiMOS/BOTH.tim"


def test_room_is_that_of_the_file_system(card, folder) -> None:
    disk = os.statvfs(folder)

    space = card.space("cf3")

    assert abs(space.free - disk.f_bavail * disk.f_frsize) < 256 * MIB
    assert space.total >= space.free > 0
    assert space.pool == card.space("").pool


def test_whether_a_flash_can_be_written_is_told_as_far_as_the_account_may_ask(card) -> None:
    confined = card._shell.may_write("/") is None

    assert card.writability("cf3") is (Writability.UNKNOWN if confined else Writability.WRITABLE)


# reading


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK, 9 * CHUNK + 17])
@pytest.mark.parametrize("at_once", [CHUNK, 65_537])
def test_a_file_is_read_as_it_is(shell_card, folder, read, size, at_once) -> None:
    content = os.urandom(size)
    (folder / "cf3/both.tim").write_bytes(content)

    assert read(shell_card, "cf3/both.tim", at_once) == content


def test_a_file_need_not_be_read_to_its_end(card, folder) -> None:
    (folder / "cf3/both.tim").write_bytes(b"x" * 20 * MIB)

    with card.open_read("cf3/both.tim") as file:
        assert file.read(1) == b"x"
        assert len(file.read(CHUNK)) > 0

    assert card.is_present()


def test_a_file_that_is_not_there_cannot_be_opened(card) -> None:
    with pytest.raises(FileNotFoundError), card.open_read("cf3/none"):
        pass


def test_a_folder_cannot_be_opened_as_a_file(card) -> None:
    with pytest.raises(IsADirectoryError) as raised, card.open_read("cf3"):
        pass

    assert raised.value.errno == EISDIR


def test_a_pipe_is_refused_and_does_not_stop_the_server(card, folder, read) -> None:
    os.mkfifo(folder / "cf3/pipe")

    for use in (lambda: read(card, "cf3/pipe"), lambda: card.digest("cf3/pipe", id)):
        with pytest.raises(OSError, match="Not a regular file") as raised:
            use()
        assert raised.value.errno == EINVAL

    assert card.is_present()


@pytest.mark.parametrize("name", ["pe1.cfg", 'it\'s a $(name) with `all`; "of" it', "-n", "back\\slash", "ümlaut"])
def test_a_digest_is_the_sha_256_of_the_content(card, folder, name) -> None:
    content = os.urandom(3 * MIB + 5)
    (folder / "cf3" / name).write_bytes(content)
    ticks: list[int] = []

    assert card.digest(f"cf3/{name}", ticks.append) == hashlib.sha256(content).hexdigest()
    assert sum(ticks) == len(content)


def test_a_digest_can_be_stopped(card, folder) -> None:
    (folder / "cf3/both.tim").write_bytes(b"x" * MIB)

    def stop(_count: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        card.digest("cf3/both.tim", stop)

    assert card.is_present()


def test_there_is_no_digest_of_a_file_that_is_not_there(card) -> None:
    with pytest.raises(FileNotFoundError):
        card.digest("cf3/none", id)


# life


def test_a_card_is_closed_without_a_thread_left_and_may_be_used_again(shell_card) -> None:
    before = {thread.name for thread in threading.enumerate()}
    assert "ssh 127.0.0.1" in before

    shell_card.close()
    shell_card.close()

    assert "ssh 127.0.0.1" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(OSError, match="not connected"):
        shell_card.is_present()
    with shell_card:
        shell_card.connect()
        assert shell_card.is_present()


def test_a_card_that_is_connected_is_not_connected_again(shell_card) -> None:
    session = shell_card._session.connection

    shell_card.connect()

    assert shell_card._session.connection is session
