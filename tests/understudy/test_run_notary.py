"""``understudy run`` signs checkpoints of what it records, and has them held where it is told."""

import signal
from pathlib import Path

import pytest

from events.facts import SupervisionStarted
from tests.servers.kafka import Broker


def test_checkpoints_are_signed_meanwhile_and_at_the_end(quick, installed, off, start, until, tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()
    running = start(installed, *quick, "--checkpoint-every", "0.2", "--witness", str(vault))
    off.until_fact(SupervisionStarted)
    until(lambda: any(vault.glob("*.note")) or None, "a checkpoint in the vault")
    assert running.signal(signal.SIGTERM) == 0
    head = off.record.head()
    newest = max(vault.glob("*.note"))
    assert int(newest.read_text().splitlines()[1]) == head
    done = installed.run("audit", "verify", "--witness", str(vault))
    assert f"the newest checkpoint held outside is of {head} facts" in done.stdout


def test_without_an_interval_nothing_is_signed(quick, installed, off, start) -> None:
    running = start(installed, *quick, "--checkpoint-every", "0")
    off.until_fact(SupervisionStarted)
    assert running.signal(signal.SIGTERM) == 0
    assert not (installed.home / "checkpoints").exists()


def test_a_witness_that_is_away_is_told_and_ends_nothing(quick, installed, off, start, tmp_path: Path) -> None:
    running = start(installed, *quick, "--checkpoint-every", "0.2", "--witness", str(tmp_path / "nowhere"))
    off.until_fact(SupervisionStarted)
    running.until_printed("no checkpoint, or not everywhere: ")
    assert running.signal(signal.SIGTERM) == 0


@pytest.mark.kafka
@pytest.mark.xdist_group("kafka")
def test_kafka_holds_them_where_it_is_configured(kafka: Broker, quick, installed, off, start) -> None:
    installed.env |= {"UNDERSTUDY_KAFKA": kafka.bootstrap, "UNDERSTUDY_TOPIC_PREFIX": "notary"}
    running = start(installed, *quick, "--create-topics")
    off.until_fact(SupervisionStarted)
    assert running.signal(signal.SIGTERM) == 0
    done = installed.run("audit", "verify")
    assert f"the newest checkpoint held outside is of {off.record.head() - 1} facts" in done.stdout
    # A copy that was cut is known by what Kafka holds, although nothing beside the record tells of it.
    for note in (installed.home / "checkpoints").iterdir():
        note.unlink()
    installed.run("audit", "checkpoint", "--kafka", kafka.bootstrap)
    assert installed.run("audit", "verify").returncode == 0
