"""Writing on a card on another host, and what its disks and permissions say to that: real OpenSSH servers."""

import os
import threading
from contextlib import suppress
from errno import EEXIST, EFBIG, ENOSPC, ENOTEMPTY, EROFS
from typing import Never

import pytest

from producers.cards.card import CHUNK, FileStat, NotSupportedError, Writability

pytestmark = pytest.mark.ssh

MIB = 1024 * 1024


def like(content: bytes, mode: int = 0o640) -> FileStat:
    return FileStat(size=len(content), mtime_ns=1_600_000_000_000_000_000, inode=0, is_dir=False, mode=mode)


def write(card, path: str, content: bytes) -> None:
    with card.create(path, like(content)) as file:
        for start in range(0, len(content), CHUNK):
            file.write(content[start : start + CHUNK])
        file.sync()


# files and folders


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


def test_leaving_the_block_closes_the_card_in_the_middle_of_a_copy(shell_card) -> Never:
    with suppress(InterruptedError), shell_card, shell_card.create("cf3/part", like(b"")) as file:
        file.write(b"x" * 8 * MIB)
        raise InterruptedError

    assert not any(thread.name.startswith("ssh ") for thread in threading.enumerate())


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


def test_what_the_account_may_not_do_is_denied(start_sshd, behind, open_folder, other_account, read) -> None:
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
