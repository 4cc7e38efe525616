"""Every operation of a card on another host, against a real OpenSSH server, with and without a shell behind it."""

import hashlib
import os
import threading
from contextlib import suppress
from errno import EEXIST, EFBIG, EINVAL, EISDIR, ENOSPC, ENOTEMPTY, EROFS
from pathlib import Path
from typing import Never

import pytest

from events.facts import Slot
from producers.cards.card import CHUNK, Entry, FileStat, NotSupportedError, Writability
from producers.cards.names import resolve
from producers.cards.ssh import SshCard

pytestmark = pytest.mark.ssh

MIB = 1024 * 1024
ACCOUNTS = {"shell": (), "sftp only": ("ForceCommand internal-sftp",), "one session": ("MaxSessions 1",)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "card/cf3").mkdir(parents=True)
    return tmp_path / "card"


@pytest.fixture(params=ACCOUNTS)
def card(request, start_sshd, behind, folder) -> SshCard:
    made = behind(start_sshd(*ACCOUNTS[request.param]), folder)
    made.connect()
    return made


@pytest.fixture
def shell_card(sshd, behind, folder) -> SshCard:
    made = behind(sshd, folder)
    made.connect()
    return made


def like(content: bytes, mode: int = 0o640) -> FileStat:
    return FileStat(size=len(content), mtime_ns=1_600_000_000_000_000_000, inode=0, is_dir=False, mode=mode)


def write(card, path: str, content: bytes) -> None:
    with card.create(path, like(content)) as file:
        for start in range(0, len(content), CHUNK):
            file.write(content[start : start + CHUNK])
        file.sync()


def read(card, path: str, size: int = CHUNK) -> bytes:
    with card.open_read(path) as file:
        return b"".join(iter(lambda: file.read(size), b""))


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


def test_a_name_that_is_not_utf_8_is_listed_and_can_be_used(card, folder) -> None:
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

    assert card.stat("cf3/pe1.cfg") == like(b"12345")


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
def test_a_file_is_read_as_it_is(shell_card, folder, size, at_once) -> None:
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


def test_a_pipe_is_refused_and_does_not_stop_the_server(card, folder) -> None:
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


# writing


@pytest.mark.parametrize("size", [0, 1, 9 * MIB + 17])
def test_a_file_is_written_as_it_was_with_its_time_and_permission_bits(card, folder, size) -> None:
    content = os.urandom(size)

    write(card, "cf3/both.tim", content)

    assert (folder / "cf3/both.tim").read_bytes() == content
    assert card.stat("cf3/both.tim") == like(content)


def test_a_name_that_is_taken_is_not_written_over(card, folder) -> None:
    (folder / "cf3/pe1.cfg").write_bytes(b"old")

    with pytest.raises(FileExistsError) as raised:
        write(card, "cf3/pe1.cfg", b"new")

    assert raised.value.errno == EEXIST
    assert (folder / "cf3/pe1.cfg").read_bytes() == b"old"


def test_a_new_file_in_a_folder_that_is_not_there_is_not_found(card) -> None:
    with pytest.raises(FileNotFoundError):
        write(card, "cf3/none/pe1.cfg", b"new")


def test_a_new_file_is_closed_and_stays_if_the_block_fails(card, folder) -> Never:
    with suppress(InterruptedError), card.create("cf3/part", like(b"12345")) as file:
        file.write(b"123")
        raise InterruptedError

    assert (folder / "cf3/part").read_bytes() == b"123"


def test_a_second_name_leads_to_the_same_file(card, folder) -> None:
    (folder / "cf3/pe1.cfg").write_bytes(b"content")

    card.link("cf3/pe1.cfg", "cf3/backup")

    assert (folder / "cf3/backup").samefile(folder / "cf3/pe1.cfg")


def test_a_second_name_of_a_link_is_the_link(card, folder) -> None:
    (folder / "cf3/pe1.cfg").symlink_to("nothing")

    card.link("cf3/pe1.cfg", "cf3/backup")

    assert (folder / "cf3/backup").is_symlink()


def test_a_second_name_that_is_taken_is_refused(card, folder) -> None:
    (folder / "cf3/pe1.cfg").touch()
    (folder / "cf3/backup").touch()

    with pytest.raises(FileExistsError):
        card.link("cf3/pe1.cfg", "cf3/backup")


def test_a_folder_has_no_second_name(card, folder) -> None:
    (folder / "cf3/images").mkdir()

    with pytest.raises(NotSupportedError):
        card.link("cf3/images", "cf3/backup")


def test_replace_renames_over_a_file(card, folder) -> None:
    (folder / "cf3/new").write_bytes(b"new")
    (folder / "cf3/pe1.cfg").write_bytes(b"old")

    card.replace("cf3/new", "cf3/pe1.cfg")

    assert [path.name for path in (folder / "cf3").iterdir()] == ["pe1.cfg"]
    assert (folder / "cf3/pe1.cfg").read_bytes() == b"new"


def test_replace_does_not_rename_over_a_folder_nor_what_is_not_there(card, folder) -> None:
    (folder / "cf3/new").touch()
    (folder / "cf3/pe1.cfg").mkdir()

    with pytest.raises(IsADirectoryError):
        card.replace("cf3/new", "cf3/pe1.cfg")
    with pytest.raises(FileNotFoundError):
        card.replace("cf3/none", "cf3/other")


def test_files_and_empty_folders_are_made_and_removed(card, folder) -> None:
    card.make_folder("cf3/images")
    (folder / "cf3/images/both.tim").touch()
    card.remove("cf3/images/both.tim")
    card.remove_folder("cf3/images")

    assert list((folder / "cf3").iterdir()) == []


def test_a_folder_is_made_once_and_removed_when_it_is_empty(card, folder) -> None:
    card.make_folder("cf3/images")
    (folder / "cf3/images/both.tim").touch()

    with pytest.raises(FileExistsError):
        card.make_folder("cf3/images")
    with pytest.raises(FileNotFoundError):
        card.make_folder("cf3/none/images")
    with pytest.raises(OSError, match="not empty") as raised:
        card.remove_folder("cf3/images")
    assert raised.value.errno == ENOTEMPTY
    with pytest.raises(NotADirectoryError):
        card.remove_folder("cf3/images/both.tim")


def test_only_files_that_are_there_are_removed(card) -> None:
    card.make_folder("cf3/images")

    with pytest.raises(IsADirectoryError):
        card.remove("cf3/images")
    with pytest.raises(FileNotFoundError):
        card.remove("cf3/none")


def test_a_folder_is_flushed_and_one_that_is_gone_cannot_be(card) -> None:
    card.sync_folder("cf3")

    with pytest.raises(FileNotFoundError):
        card.sync_folder("cf3/none")


# disks and permissions


@pytest.mark.mount
def test_a_full_flash_is_told_from_other_failures(shell_card, mounted) -> None:
    mounted("card/cf3", "4m")

    with pytest.raises(OSError, match="No space left on device") as raised:
        write(shell_card, "cf3/both.tim", b"x" * 30 * MIB)

    assert raised.value.errno == ENOSPC
    assert shell_card.is_present()


@pytest.mark.mount
def test_a_flash_without_inodes_is_full(shell_card, mounted) -> None:
    mounted("card/cf3", "4m", options=",nr_inodes=2")
    shell_card.make_folder("cf3/one")

    with pytest.raises(OSError, match="No space left on device"):
        shell_card.make_folder("cf3/two")


@pytest.mark.mount
def test_a_read_only_flash_is_told_from_other_failures(shell_card, mounted) -> None:
    mounted("card/cf3", "4m", options=",ro")

    for change in (
        lambda: write(shell_card, "cf3/pe1.cfg", b"new"),
        lambda: shell_card.make_folder("cf3/images"),
    ):
        with pytest.raises(OSError, match="Read-only file system") as raised:
            change()
        assert raised.value.errno == EROFS
    assert shell_card.writability("cf3") is Writability.READ_ONLY


@pytest.mark.mount
def test_flashes_on_file_systems_of_their_own_are_different_pools(shell_card, mounted) -> None:
    mounted("card/cf1", "4m")
    mounted("card/cf2", "4m")

    assert shell_card.space("cf1").total == 4 * MIB
    assert len({shell_card.space(flash).pool for flash in ("cf1", "cf2", "cf3")}) == 3


def test_a_file_that_outgrows_what_the_host_allows_is_too_large(start_sshd, behind, folder) -> None:
    card = behind(start_sshd(largest_file=2 * MIB), folder)
    card.connect()

    with pytest.raises(OSError, match="File too large") as raised:
        write(card, "cf3/both.tim", b"x" * 3 * MIB)

    assert raised.value.errno == EFBIG


def test_a_file_beyond_what_fat_holds_is_too_large_before_anything_is_written(start_sshd, behind, folder) -> None:
    card = behind(start_sshd(largest_file=2 * MIB), folder)
    card.connect()
    huge = FileStat(size=2**32, mtime_ns=0, inode=0, is_dir=False)

    with pytest.raises(OSError, match="File too large"), card.create("cf3/both.tim", huge):
        pytest.fail("there is room for 2 MiB")


def test_what_the_account_may_not_do_is_denied(start_sshd, behind, open_folder, other_account) -> None:
    (open_folder / "cf3").mkdir()
    (open_folder / "cf3/secret").write_bytes(b"secret")
    (open_folder / "cf3/secret").chmod(0)
    (open_folder / "cf3").chmod(0o555)
    card = behind(start_sshd("ForceCommand internal-sftp"), open_folder, user=other_account)
    card.connect()

    for use in (
        lambda: write(card, "cf3/pe1.cfg", b"new"),
        lambda: card.make_folder("cf3/images"),
        lambda: card.remove("cf3/secret"),
        lambda: read(card, "cf3/secret"),
        lambda: card.digest("cf3/secret", id),
    ):
        with pytest.raises(PermissionError):
            use()


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


def test_leaving_the_block_closes_the_card_in_the_middle_of_a_copy(shell_card) -> Never:
    with suppress(InterruptedError), shell_card, shell_card.create("cf3/part", like(b"")) as file:
        file.write(b"x" * 8 * MIB)
        raise InterruptedError

    assert not any(thread.name.startswith("ssh ") for thread in threading.enumerate())
