"""Synchronisation to and from a card on another host, and every way in which the way there can fail."""

import gc
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import asyncssh
import pytest

from events.causes import Cause, Scope, Stage
from events.commands import Copied, Failed
from events.facts import CardLocation, FileOutcome, Slot
from producers.cards.local import LocalCard
from producers.cards.location import SshLocation
from producers.cards.opening import open_card
from producers.cards.ssh import SshCard
from producers.cards.ssh_files import open_file, read_file
from producers.cards.ssh_login import KEY_VARIABLE, KNOWN_HOSTS_VARIABLE, Limits
from producers.failure import SyncError
from producers.staging import discard, recover

pytestmark = pytest.mark.ssh

MIB = 1024 * 1024
HOST = "127.0.0.1"


@pytest.fixture
def remote(sshd, behind, standby) -> SshCard:
    """The standby card, on another host."""
    return behind(sshd, standby)


def never(_attempt: int) -> bool:
    return False


def without_staging(tree) -> dict[str, object]:
    return {name: what for name, what in tree.items() if ".understudy" not in name}


def refusal(card) -> SyncError:
    with pytest.raises(SyncError) as raised:
        card.connect()
    return raised.value


# success


@pytest.mark.parametrize("lines", [(), ("ForceCommand internal-sftp",)], ids=["shell", "sftp only"])
def test_a_boot_env_attempt_over_ssh_makes_every_file_that_of_the_active_card(
    attempt, active, standby, start_sshd, behind, lines
) -> None:
    remote = behind(start_sshd(*lines), standby)

    outcome = attempt(standby=remote)
    discard(remote, 7)

    assert isinstance(outcome, Copied), outcome
    for path in (path for path in active.rglob("*") if path.is_file()):
        copied = standby / path.relative_to(active)
        assert copied.read_bytes() == path.read_bytes()
        assert copied.stat().st_mode == path.stat().st_mode
        assert int(copied.stat().st_mtime) == int(path.stat().st_mtime)
    assert not (standby / "cf3/.understudy").exists()


def test_a_second_attempt_over_ssh_copies_nothing(attempt, standby, tree, remote, meddler) -> None:
    attempt(standby=remote)
    discard(remote, 7)
    before = tree(standby)
    meddler.files.clear()

    outcome = attempt(number=8, standby=remote)

    assert isinstance(outcome, Copied)
    assert {file.outcome for file in outcome.files} == {FileOutcome.UNCHANGED, FileOutcome.NOT_PRESENT}
    assert meddler.files == []
    assert tree(standby) == before


def test_the_active_card_may_be_the_one_on_another_host(attempt, active, standby, sshd, behind) -> None:
    outcome = attempt(source=behind(sshd, active, slot=Slot.A), standby=LocalCard(Slot.B, standby))

    assert isinstance(outcome, Copied), outcome
    assert (standby / "cf3/pe1.cfg").read_bytes() == (active / "cf3/pe1.cfg").read_bytes()


def test_both_cards_may_be_on_another_host_and_be_spelt_in_another_case(attempt, active, standby, sshd, behind) -> None:
    (standby / "cf3/pe1.cfg").rename(standby / "cf3/PE1.CFG")

    outcome = attempt(source=behind(sshd, active, slot=Slot.A), standby=behind(sshd, standby))

    assert isinstance(outcome, Copied), outcome
    assert (standby / "cf3/PE1.CFG").read_bytes() == (active / "cf3/pe1.cfg").read_bytes()


def test_a_location_opens_as_a_card_on_another_host(attempt, remote) -> None:
    with open_card(CardLocation(slot=Slot.B, location=remote.location)) as card:
        assert isinstance(attempt(standby=card), Copied)


# the way there: unreachable


def test_a_host_that_refuses_the_connection_is_unreachable(attempt, sshd, remote, standby, tree) -> None:
    before = tree(standby)
    sshd.stop()

    outcome = attempt(standby=remote)

    assert (outcome.cause, outcome.stage) == (Cause.UNREACHABLE, Stage.REACH)
    assert f"{HOST} port {sshd.port} cannot be reached: Connection refused." in outcome.detail
    assert tree(standby) == before


def test_a_name_that_no_host_has_is_unreachable() -> None:
    card = open_card(CardLocation(slot=Slot.B, location="ssh://operator@standby.invalid/flash"))

    assert refusal(card).cause is Cause.UNREACHABLE


def test_a_host_that_takes_the_connection_and_says_nothing_is_unreachable() -> None:
    with socket.create_server((HOST, 0)) as server:
        location = SshLocation(user="operator", host=HOST, port=server.getsockname()[1], folder="/flash")

        error = refusal(SshCard(Slot.B, location, Limits(login=0.3)))

    assert error.cause is Cause.UNREACHABLE
    assert "it did not answer in time" in error.detail


def test_a_host_that_offers_no_sftp_is_unreachable(start_sshd, behind, standby) -> None:
    card = behind(start_sshd(sftp="/bin/false"), standby)

    error = refusal(card)

    assert error.cause is Cause.UNREACHABLE
    assert "it offers no SFTP" in error.detail


# the way there: authentication-failed


def test_a_key_that_the_host_does_not_know_fails_the_authentication(
    attempt, remote, standby, tree, keys, monkeypatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, str(keys / "other"))
    before = tree(standby)

    outcome = attempt(standby=remote)

    assert (outcome.cause, outcome.stage) == (Cause.AUTHENTICATION_FAILED, Stage.REACH)
    assert "authorized_keys" in outcome.detail
    assert KEY_VARIABLE in outcome.detail
    assert tree(standby) == before


def test_no_key_at_all_fails_the_authentication_without_a_question(remote, monkeypatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE)

    assert refusal(remote).cause is Cause.AUTHENTICATION_FAILED


@pytest.mark.parametrize("content", [None, b"this is no key"], ids=["missing", "damaged"])
def test_a_key_that_cannot_be_read_fails_the_authentication(remote, tmp_path, monkeypatch, content) -> None:
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "key"))
    if content is not None:
        (tmp_path / "key").write_bytes(content)

    assert refusal(remote).cause is Cause.AUTHENTICATION_FAILED


def test_a_key_with_a_passphrase_fails_the_authentication_without_a_question(
    remote, keys, tmp_path, monkeypatch
) -> None:
    shutil.copy(keys / "user", tmp_path / "key")
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", tmp_path / "key"], check=True)
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "key"))

    assert refusal(remote).cause is Cause.AUTHENTICATION_FAILED


def test_a_host_key_that_nobody_has_vouched_for_fails_the_authentication(attempt, sshd, remote, known_hosts) -> None:
    known_hosts.unlink()

    outcome = attempt(standby=remote)

    assert outcome.cause is Cause.AUTHENTICATION_FAILED
    assert f"ssh-keyscan -p {sshd.port} {HOST} >> ~/.ssh/known_hosts" in outcome.detail


def test_a_host_key_that_has_changed_fails_the_authentication(behind, sshd, standby) -> None:
    card = behind(sshd, standby, key="other")

    error = refusal(card)

    assert error.cause is Cause.AUTHENTICATION_FAILED
    assert "if it has changed, find out why first" in error.detail


def test_a_host_key_of_another_kind_than_the_known_one_fails_the_authentication(sshd, remote, known_hosts) -> None:
    ecdsa = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    known_hosts.write_text(f"[{HOST}]:{sshd.port} {ecdsa}")

    assert refusal(remote).cause is Cause.AUTHENTICATION_FAILED


def test_the_check_of_host_keys_cannot_be_turned_off(remote, known_hosts) -> None:
    (known_hosts.parent / "config").write_text("Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile none\n")

    assert refusal(remote).cause is Cause.AUTHENTICATION_FAILED


def test_host_keys_may_stand_in_a_file_of_ones_own(remote, known_hosts, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(KNOWN_HOSTS_VARIABLE, str(tmp_path / "cards"))
    assert str(tmp_path / "cards") in refusal(remote).detail

    known_hosts.rename(tmp_path / "cards")
    remote.connect()

    assert remote.is_present()


def test_the_agent_may_hold_the_key(remote, keys, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    told = subprocess.run(["ssh-agent", "-s", "-a", tmp_path / "agent"], check=True, capture_output=True, text=True)
    agent = int(told.stdout.partition("SSH_AGENT_PID=")[2].partition(";")[0])
    try:
        subprocess.run(["ssh-add", "-q", keys / "user"], check=True)
        remote.connect()
    finally:
        os.kill(agent, signal.SIGTERM)

    assert remote.is_present()


def test_the_configuration_of_ssh_is_honoured(sshd, remote, standby, known_hosts, keys, monkeypatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    (known_hosts.parent / "config").write_text(
        f"Host pe1-b\n  HostName {HOST}\n  Port {sshd.port}\n  IdentityFile {keys / 'user'}\n"
    )
    user = remote._location.user

    with open_card(CardLocation(slot=Slot.B, location=f"ssh://{user}@pe1-b{standby}")) as card:
        card.connect()
        assert card.is_present()


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
