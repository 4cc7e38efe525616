"""A card in a folder: what the other tests do not touch on the way."""

import errno
import hashlib
import os
import subprocess
import sys
import tracemalloc

import pytest

from events.facts import Slot
from producers.cards.card import FileStat, Writability
from producers.cards.local import LocalCard

MIB = 1024 * 1024


@pytest.fixture
def card(tmp_path) -> LocalCard:
    (tmp_path / "cf3").mkdir()
    return LocalCard(Slot.A, tmp_path)


def like(size: int) -> FileStat:
    return FileStat(size=size, mtime_ns=1_600_000_000_123_456_789, inode=0, is_dir=False, mode=0o640)


def test_a_new_file_has_its_content_time_and_permissions(card, tmp_path) -> None:
    with card.create("cf3/new.cfg", like(5)) as file:
        file.write(b"hello")
        file.sync()

    found = card.stat("cf3/new.cfg")
    assert (tmp_path / "cf3/new.cfg").read_bytes() == b"hello"
    assert (found.mtime_ns, found.mode) == (1_600_000_000_123_456_789, 0o640)


def test_a_file_that_exists_is_not_created_again(card, tmp_path) -> None:
    (tmp_path / "cf3/old.cfg").write_bytes(b"kept")

    with pytest.raises(FileExistsError), card.create("cf3/old.cfg", like(1)):
        pass

    assert (tmp_path / "cf3/old.cfg").read_bytes() == b"kept"


def test_room_is_taken_when_a_file_is_created_and_not_when_it_is_written(card, tmp_path) -> None:
    with card.create("cf3/new.tim", like(3 * MIB)):
        assert (tmp_path / "cf3/new.tim").stat().st_blocks * 512 >= 3 * MIB


def test_a_quota_refuses_what_goes_beyond_it_as_a_full_disk_does(tmp_path) -> None:
    (tmp_path / "cf3").mkdir()
    (tmp_path / "cf3/old.cfg").write_bytes(bytes(600))
    card = LocalCard(Slot.A, tmp_path, quota=1000)

    with pytest.raises(OSError, match="quota of 1000 bytes") as refused, card.create("cf3/new.cfg", like(401)):
        pass

    assert refused.value.errno == errno.ENOSPC


def test_a_quota_refuses_a_file_that_grows_beyond_what_it_announced(tmp_path) -> None:
    (tmp_path / "cf3").mkdir()
    card = LocalCard(Slot.A, tmp_path, quota=1000)

    with card.create("cf3/new.cfg", like(400)) as file:
        file.write(bytes(900))
        with pytest.raises(OSError, match="quota"):
            file.write(bytes(101))


def test_a_quota_counts_hard_links_once_and_links_not_at_all(tmp_path) -> None:
    (tmp_path / "cf3").mkdir()
    (tmp_path / "cf3/one").write_bytes(bytes(600))
    os.link(tmp_path / "cf3/one", tmp_path / "cf3/two")
    (tmp_path / "cf3/three").symlink_to("one")

    space = LocalCard(Slot.A, tmp_path, quota=1000).space("cf3")

    assert (space.free, space.total) == (400, 1000)


def test_without_a_quota_the_space_is_that_of_the_file_system(card, tmp_path) -> None:
    told, space = os.statvfs(tmp_path), card.space("cf3")

    assert space.total == (told.f_blocks - told.f_bfree + told.f_bavail) * told.f_frsize
    assert space.free <= space.total


def test_flashes_of_one_file_system_share_its_space(card, tmp_path) -> None:
    (tmp_path / "cf1").mkdir()

    assert card.space("cf1").pool == card.space("cf3").pool


def test_a_link_to_nothing_is_a_name_that_leads_nowhere(card, tmp_path) -> None:
    (tmp_path / "cf3/link").symlink_to("nowhere")

    assert [entry.name for entry in card.entries("cf3")] == ["link"]
    assert card.stat("cf3/link") is None


def test_a_writable_flash_is_seen_as_such_and_nothing_is_written(card, tmp_path, tree) -> None:
    before = tree(tmp_path)

    assert card.writability("cf3") is Writability.WRITABLE
    assert tree(tmp_path) == before


def test_a_flash_without_write_permission_is_seen_as_denied(open_folder, as_nobody) -> None:
    (open_folder / "cf3").mkdir(mode=0o555)

    with as_nobody():
        assert LocalCard(Slot.A, open_folder).writability("cf3") is Writability.DENIED


@pytest.mark.mount
def test_a_read_only_flash_is_seen_as_such(mounted) -> None:
    flash = mounted("card/cf3", "1m", options=",ro")

    assert LocalCard(Slot.A, flash.parent).writability("cf3") is Writability.READ_ONLY


def test_the_digest_of_a_large_file_takes_little_memory(card, tmp_path) -> None:
    with (tmp_path / "cf3/large.tim").open("wb") as file:
        file.truncate(64 * MIB)
    counts: list[int] = []
    tracemalloc.start()

    digest = card.digest("cf3/large.tim", counts.append)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert digest == hashlib.sha256(bytes(64 * MIB)).hexdigest()
    assert sum(counts) == 64 * MIB
    assert peak < 4 * MIB


COPY = """
import resource, sys, threading
from pathlib import Path
from events.causes import Scope
from events.commands import Copied
from events.facts import Slot
from producers.cards.local import LocalCard
from producers.observer import Silent
from producers.synchronizer import synchronize

active, standby = (LocalCard(slot, Path(name)) for slot, name in zip(Slot, sys.argv[1:], strict=True))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
outcome = synchronize(active, standby, Scope.BOOT_ENV, 1, observer=Silent(), stop=threading.Event())
assert isinstance(outcome, Copied), outcome
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_the_copy_of_a_large_file_takes_little_memory(tmp_path) -> None:
    (tmp_path / "a/cf3").mkdir(parents=True)
    (tmp_path / "b/cf3").mkdir(parents=True)
    (tmp_path / "a/cf3/bof.cfg").write_text("primary-image cf3:\\large.tim\n")
    with (tmp_path / "a/cf3/large.tim").open("wb") as file:
        file.truncate(200 * MIB)

    told = [sys.executable, "-c", COPY, str(tmp_path / "a"), str(tmp_path / "b")]
    done = subprocess.run(told, capture_output=True, text=True, check=True)

    assert int(done.stdout) * 1024 < 32 * MIB
