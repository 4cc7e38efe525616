"""Attempts that fail although a card on another host was reached: at its flash, or because a host dies or hangs."""

import gc
import os
import shutil
from pathlib import Path

import pytest

from events.causes import Cause, Scope, Stage
from events.commands import Failed
from events.facts import Slot
from producers.cards.ssh_files import open_file, read_file
from producers.staging import recover

pytestmark = pytest.mark.ssh

MIB = 1024 * 1024


def never(_attempt: int) -> bool:
    return False


def without_staging(tree) -> dict[str, object]:
    return {name: what for name, what in tree.items() if ".understudy" not in name}


# admit and reserve


def test_a_folder_that_is_not_there_is_an_absent_standby(attempt, remote, standby) -> None:
    shutil.rmtree(standby)

    outcome = attempt(standby=remote)

    assert (outcome.cause, outcome.stage) == (Cause.STANDBY_ABSENT, Stage.ADMIT)


def test_a_standby_without_cf3_is_not_ready(attempt, remote, standby) -> None:
    shutil.rmtree(standby / "cf3")

    assert attempt(standby=remote).cause is Cause.STANDBY_NOT_READY


@pytest.mark.mount
def test_a_full_flash_over_ssh_has_no_space(attempt, active, sshd, behind, mounted, tree) -> None:
    flash = mounted("small/cf3", "1m")
    (active / "cf3/TiMOS-20.10.R3/both.tim").write_bytes(b"x" * 2 * MIB)
    before = tree(flash)

    outcome = attempt(standby=behind(sshd, flash.parent))

    assert (outcome.cause, outcome.stage) == (Cause.NO_SPACE, Stage.RESERVE)
    assert tree(flash) == before


@pytest.mark.mount
def test_a_flash_that_fills_up_while_it_is_written_has_no_space(
    attempt, active, sshd, behind, mounted, tree, meddler
) -> None:
    flash = mounted("small/cf3", "10m")
    (active / "cf3/TiMOS-20.10.R3/both.tim").write_bytes(b"x" * 6 * MIB)
    meddler.at["cf3:\\TiMOS-20.10.R3\\both.tim"] = lambda: (flash / "other").write_bytes(b"y" * 6 * MIB)

    outcome = attempt(standby=behind(sshd, flash.parent))

    assert (outcome.cause, outcome.stage) == (Cause.NO_SPACE, Stage.RESERVE)
    assert list(tree(flash)) == ["other"]


@pytest.mark.mount
def test_a_read_only_flash_over_ssh_is_read_only(attempt, sshd, behind, mounted) -> None:
    flash = mounted("small/cf3", "10m", options=",ro")

    outcome = attempt(standby=behind(sshd, flash.parent))

    assert (outcome.cause, outcome.stage) == (Cause.READ_ONLY, Stage.TRANSFER)


def test_a_flash_that_the_account_may_not_write_denies_permission(
    attempt, start_sshd, behind, open_folder, other_account
) -> None:
    (open_folder / "cf3").mkdir()
    (open_folder / "cf3").chmod(0o555)
    card = behind(start_sshd("ForceCommand internal-sftp"), open_folder, user=other_account)

    outcome = attempt(standby=card)

    assert (outcome.cause, outcome.stage) == (Cause.PERMISSION_DENIED, Stage.TRANSFER)


# in the middle


@pytest.fixture
def large_image(active: Path) -> Path:
    path = active / "cf3/TiMOS-20.10.R3/both.tim"
    path.write_bytes(os.urandom(MIB) * 24)
    return path


@pytest.mark.usefixtures("large_image")
def test_a_host_that_dies_while_it_is_written_loses_the_connection(
    attempt, standby, tree, sshd, remote, start_sshd, behind, meddler
) -> None:
    before = tree(standby)
    meddler.at["copied"] = lambda: sshd.stop() if meddler.bytes > 12 * MIB else None

    outcome = attempt(standby=remote)

    assert (outcome.cause, outcome.stage) == (Cause.CONNECTION_LOST, Stage.TRANSFER), outcome.detail
    assert "could not be taken back yet" in outcome.detail
    assert without_staging(tree(standby)) == without_staging(before)
    again = behind(start_sshd(), standby)
    assert recover(again, never) == [7]
    assert tree(standby) == before


@pytest.mark.usefixtures("large_image")
def test_a_host_that_stops_answering_while_it_is_written_is_timed_out(
    attempt, standby, tree, sshd, behind, meddler
) -> None:
    remote = behind(sshd, standby, answer=1.5)
    before = tree(standby)
    meddler.at["copied"] = lambda: sshd.freeze() if meddler.bytes > 12 * MIB else None

    outcome = attempt(standby=remote)
    sshd.thaw()

    assert (outcome.cause, outcome.stage) == (Cause.TIMED_OUT, Stage.TRANSFER), outcome.detail
    assert recover(remote, never) == [7]
    assert tree(standby) == before


@pytest.mark.timeout(30)
def test_a_host_that_stops_answering_is_waited_for_only_once(sshd, behind, standby) -> None:
    remote = behind(sshd, standby, answer=0.6)
    remote.connect()
    sshd.freeze_sftp()

    for _ in range(100):
        with pytest.raises(TimeoutError, match="no answer within"):
            remote.entries("cf3")

    remote.connect()
    assert remote.is_present()


@pytest.mark.usefixtures("large_image")
def test_a_connection_that_breaks_under_parallel_reads_is_told_once(sshd, behind, active, caplog) -> None:
    remote = behind(sshd, active, answer=0.9)
    remote.connect()
    session = remote._session
    file = session.run(open_file(session.sftp, f"{active}/cf3/TiMOS-20.10.R3/both.tim", "rb"))
    sshd.freeze()

    with pytest.raises(TimeoutError, match="keepalive"):
        session.run(read_file(file, 20 * MIB, 0), patience=60)

    sshd.thaw()
    remote.close()
    gc.collect()
    assert caplog.records == []


def test_a_host_that_stops_answering_is_noticed_while_it_has_time_for_a_large_file(sshd, behind, standby) -> None:
    remote = behind(sshd, standby, answer=0.9)
    remote.connect()
    with (standby / "cf3/large").open("wb") as file:
        file.truncate(600 * MIB)

    with pytest.raises(TimeoutError, match="keepalive"):
        remote.digest("cf3/large", lambda _count: sshd.freeze())

    sshd.thaw()


@pytest.mark.usefixtures("large_image")
def test_a_source_that_dies_while_it_is_read_interrupts_the_attempt(
    attempt, active, standby, tree, sshd, behind, meddler
) -> None:
    before = tree(standby)
    meddler.at["copied"] = lambda: sshd.stop() if meddler.bytes > 4 * MIB else None

    outcome = attempt(source=behind(sshd, active, slot=Slot.A))

    assert outcome.cause is Cause.INTERRUPTED
    assert tree(standby) == before


def test_an_activation_that_the_host_does_not_survive_is_undone(
    attempt, standby, tree, sshd, remote, start_sshd, behind, monkeypatch
) -> None:
    before = tree(standby)
    replaced: list[str] = []
    replace = remote.replace

    def replace_three(old: str, new: str) -> None:
        if len(replaced) == 3:
            sshd.stop()
        replace(old, new)
        replaced.append(new)

    monkeypatch.setattr(remote, "replace", replace_three)

    outcome = attempt(standby=remote)

    assert isinstance(outcome, Failed)
    assert outcome.cause is Cause.CONNECTION_LOST
    assert without_staging(tree(standby)) != without_staging(before)
    assert recover(behind(start_sshd(), standby), never) == [7]
    assert tree(standby) == before


@pytest.mark.parametrize("scope", Scope)
def test_a_stopped_attempt_over_ssh_leaves_nothing_behind(attempt, standby, tree, remote, meddler, stop, scope) -> None:
    before = tree(standby)
    meddler.at["cf3:\\pe1.cfg"] = stop.set

    assert attempt(scope, standby=remote).cause is Cause.INTERRUPTED
    assert tree(standby) == before
