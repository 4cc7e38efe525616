"""The way to a card on another host: what makes it unreachable, and what fails the authentication."""

import os
import shutil
import signal
import socket
import subprocess

import asyncssh
import pytest

from events.causes import Cause, Stage
from events.facts import CardLocation, Slot
from producers.cards.location import SshLocation
from producers.cards.opening import open_card
from producers.cards.ssh import SshCard
from producers.cards.ssh_login import KEY_VARIABLE, KNOWN_HOSTS_VARIABLE, Limits
from producers.failure import SyncError

pytestmark = pytest.mark.ssh

HOST = "127.0.0.1"


def refusal(card) -> SyncError:
    with pytest.raises(SyncError) as raised:
        card.connect()
    return raised.value


# unreachable


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


# authentication-failed


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
