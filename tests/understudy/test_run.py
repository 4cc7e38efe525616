"""``understudy run``: real processes that watch over real folders."""

import shutil
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from events.causes import Scope
from events.facts import (
    AlarmCleared,
    AlarmRaised,
    AlarmRepeated,
    CardRecovered,
    ConditionCeased,
    FilesChanged,
    Slot,
    SupervisionStarted,
    SwitchoverCompleted,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncModeSet,
    SyncStarted,
    SyncSucceeded,
    Trigger,
    Watch,
)

PATIENCE_SECONDS = 60.0


def save(card: Path, text: str) -> None:
    """A configuration that is there all at once: one written in place may be synchronised while it is still empty."""
    beside = card.with_name("saved.cfg")
    beside.write_text(text)
    beside.replace(card / "cf3/pe1.cfg")


def test_a_standby_that_was_never_synchronised_is_at_once(installed, watched) -> None:
    assert watched.facts(SyncStarted)[0].trigger is Trigger.STANDBY_UP
    assert installed.files(installed.a) == installed.files(installed.b)


def test_a_saved_configuration_is_synchronised(installed, watched) -> None:
    head = watched.record.head()

    save(installed.a, "saved again\n")

    changed = watched.until_fact(FilesChanged, after=head).fact
    started = watched.until_fact(SyncStarted, after=head).fact
    watched.until_fact(SyncSucceeded, after=head)
    assert (changed.scope, changed.files) == (Scope.CONFIG, ("cf3:\\pe1.cfg",))
    assert (started.scope, started.trigger) == (Scope.CONFIG, Trigger.SAVED)
    assert (installed.b / "cf3/pe1.cfg").read_text() == "saved again\n"


def test_a_changed_bof_and_its_new_images_are_synchronised(installed, watched) -> None:
    head = watched.record.head()
    shutil.copytree(installed.a / "cf3/TiMOS-20.10.R3", installed.a / "cf3/TiMOS-21.2.R1")
    bof = installed.a / "cf3/bof.cfg"
    bof.write_text(bof.read_text().replace("20.10.R3", "21.2.R1"))

    watched.until_fact(SyncSucceeded, after=head, scope=Scope.BOOT_ENV)
    watched.until_calm()

    assert (installed.b / "cf3/bof.cfg").read_bytes() == bof.read_bytes()
    assert (installed.b / "cf3/TiMOS-21.2.R1/both.tim").exists()


def test_a_changed_image_is_synchronised(installed, watched) -> None:
    head = watched.record.head()

    (installed.a / "cf3/TiMOS-20.10.R3/both.tim").write_bytes(b"patched" * 1000)

    watched.until_fact(SyncSucceeded, after=head, scope=Scope.BOOT_ENV)
    assert (installed.b / "cf3/TiMOS-20.10.R3/both.tim").read_bytes() == b"patched" * 1000


def test_a_deleted_secondary_configuration_is_removed_from_the_standby(installed, watched) -> None:
    head = watched.record.head()
    (installed.a / "cf3/pe1-fallback.cfg").write_text("fallback\n")
    with (installed.a / "cf3/bof.cfg").open("a") as bof:
        bof.write("secondary-config cf3:\\pe1-fallback.cfg\n")
    watched.until_fact(SyncSucceeded, after=head, scope=Scope.BOOT_ENV)
    watched.until_calm()
    assert (installed.b / "cf3/pe1-fallback.cfg").exists()
    head = watched.record.head()

    (installed.a / "cf3/pe1-fallback.cfg").unlink()

    watched.until_fact(SyncSucceeded, after=head)
    assert not (installed.b / "cf3/pe1-fallback.cfg").exists()


@pytest.mark.parametrize("mode", ["config", "boot-env"])
def test_what_changed_while_nobody_watched_is_found_at_start_up(quick, installed, off, start, mode) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    installed.run("config", "redundancy", "synchronize", mode)
    (installed.a / "cf3/pe1.cfg").write_text("saved while away\n")
    (installed.a / "cf3/pe1.ndx").unlink()

    start(installed, *quick)

    off.until_fact(SyncSucceeded, attempt=2)
    changed, started = off.facts(FilesChanged)[0], off.facts(SyncStarted)[1]
    assert (changed.noticed, changed.scope) == (Watch.START_UP, Scope.CONFIG)
    assert set(changed.files) == {"cf3:\\pe1.cfg", "cf3:\\pe1.ndx"}
    assert started.trigger is Trigger.START_UP
    assert (installed.b / "cf3/pe1.cfg").read_text() == "saved while away\n"
    assert not (installed.b / "cf3/pe1.ndx").exists()


def test_a_bof_that_became_invalid_while_nobody_watched_is_found_at_start_up(quick, installed, off, start) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    installed.run("config", "redundancy", "synchronize", "config")
    (installed.a / "cf3/bof.cfg").write_text("primary-config\n")

    start(installed, *quick)

    failed = off.until_fact(SyncFailed).fact
    assert failed.cause == "invalid-bof"


def test_where_nothing_changed_nothing_is_tried_at_start_up(quick, installed, watched, start) -> None:
    (installed.a / "cf3/pe1.cfg").write_text("saved\n")
    watched.until_fact(SyncSucceeded, attempt=2)
    head = watched.record.head()
    start(installed, *quick).process.wait(PATIENCE_SECONDS)

    installed.run("config", "redundancy", "synchronize", "config")

    watched.until_fact(SyncModeSet, after=head)
    assert len(watched.facts(SyncStarted)) == 2


def test_a_mode_that_another_process_sets_is_picked_up(quick, installed, off, start) -> None:
    start(installed, *quick)
    off.until_fact(SupervisionStarted)
    assert off.facts(SyncStarted) == []

    installed.run("config", "redundancy", "synchronize", "config")

    off.until_fact(SyncSucceeded, scope=Scope.CONFIG)


# The standby


def test_a_standby_that_is_pulled_raises_alarms_and_its_return_clears_them(installed, watched) -> None:
    put_back = installed.pull(installed.b)
    gone = watched.until_state(lambda state: state.single)
    assert watched.alarms(gone) == ["card-removed", "single-card", "standby-sync-lost"]
    assert not gone.ready
    head = watched.record.head()

    put_back()

    watched.until_fact(SyncSucceeded, after=head)
    watched.until_calm()
    assert watched.facts(SyncStarted)[-1].trigger is Trigger.STANDBY_UP
    assert installed.files(installed.a) == installed.files(installed.b)


def test_a_standby_that_fails_its_probes_and_passes_them_again(installed, watched) -> None:
    put_back = installed.pull(installed.b / "cf3")
    (installed.b / "cf3").write_text("no folder")
    failed = watched.until_state(lambda state: state.single)
    assert "card-failed" in watched.alarms(failed)
    (installed.a / "cf3/pe1.cfg").write_text("saved meanwhile\n")
    (installed.b / "cf3").unlink()

    put_back()

    watched.until_fact(CardRecovered)
    watched.until_fact(SyncSucceeded, attempt=2)
    watched.until_calm()
    assert (installed.b / "cf3/pe1.cfg").read_text() == "saved meanwhile\n"


# The active card


def test_when_the_active_card_is_pulled_the_standby_takes_over_and_the_card_comes_back_as_standby(
    installed, watched
) -> None:
    put_back = installed.pull(installed.a)
    watched.until_state(lambda state: state.active is Slot.B and state.single)
    assert watched.facts(SwitchoverStarted)[0].reason == "card-removed"
    (installed.b / "cf3/pe1.cfg").write_text("saved on B\n")

    put_back()

    watched.until_calm()
    assert (installed.a / "cf3/pe1.cfg").read_text() == "saved on B\n"
    assert installed.files(installed.a) == installed.files(installed.b)
    head = watched.record.head()
    save(installed.b, "saved on B again\n")
    watched.until_fact(SyncSucceeded, after=head)
    assert (installed.a / "cf3/pe1.cfg").read_text() == "saved on B again\n"


def test_when_the_active_card_fails_its_probes_the_standby_takes_over(installed, watched) -> None:
    installed.pull(installed.a / "cf3")
    (installed.a / "cf3").write_text("no folder")

    state = watched.until_state(lambda state: state.active is Slot.B)

    assert watched.facts(SwitchoverStarted)[0].reason == "card-failed"
    assert "card-failed" in watched.alarms(state)


def test_a_takeover_that_is_not_possible_is_recorded_once_and_its_alarm_clears_when_the_card_returns(
    quick, installed, off, start
) -> None:
    start(installed, *quick)
    off.until_fact(SupervisionStarted)
    put_back = installed.pull(installed.a)
    off.until_fact(SwitchoverRefused)
    assert "switchover-failed" in off.alarms(off.state())
    # Each of these is some probes long, and wakes the supervisor besides.
    installed.run("config", "redundancy", "synchronize", "config")
    installed.run("config", "redundancy", "no", "synchronize")
    assert len(off.facts(SwitchoverRefused)) == 1
    assert off.state().active is Slot.A

    put_back()

    off.until_state(lambda state: "switchover-failed" not in off.alarms(state))
    assert len(off.facts(SwitchoverRefused)) == 1
    assert off.state().active is Slot.A


def test_a_takeover_whose_executable_fails_is_tried_again_as_soon_as_it_is_repaired(
    installed, off, start, tmp_path
) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    executable = tmp_path / "switch"
    executable.write_text("#!/bin/sh\nexit 1\n")
    executable.chmod(0o755)
    installed.run("config", "redundancy", "switchover-exec", str(executable))
    start(installed, "run", "--probe-interval", "0.1", "--retry-first", "3600", "--retry-limit", "3600")
    off.until_fact(SupervisionStarted)
    installed.pull(installed.a)
    off.until(lambda one: isinstance(one.fact, AlarmRaised) and one.fact.alarm.alarm_type == "switchover-failed")
    good = tmp_path / "good"
    good.write_text("#!/bin/sh\nexit 0\n")
    good.chmod(0o755)

    installed.run("config", "redundancy", "switchover-exec", str(good))

    state = off.until_state(lambda state: state.active is Slot.B)
    assert "switchover-failed" not in off.alarms(state)


def test_after_a_forced_switchover_the_other_card_is_watched(installed, watched) -> None:
    installed.run("admin", "redundancy", "force-switchover", "now")
    watched.until_fact(SwitchoverCompleted)
    watched.until_calm()
    head = watched.record.head()

    save(installed.b, "saved on B\n")

    watched.until_fact(SyncSucceeded, after=head)
    assert (installed.a / "cf3/pe1.cfg").read_text() == "saved on B\n"


# Failures


def test_a_failing_synchronisation_is_retried_ever_more_slowly_and_clears_on_evidence(installed, watched) -> None:
    (installed.a / "cf3/pe1.cfg").rename(installed.a / "cf3/pe1.away")
    watched.until(lambda one: isinstance(one.fact, AlarmRepeated) and one.fact.count == 4)
    starts = [one for one in watched.record.read() if isinstance(one.fact, SyncStarted)]
    retries = [one.recorded_at for one in starts if one.fact.trigger is Trigger.RETRY]
    assert len(retries) >= 3
    # Each wait doubles, from 0.2 s; a slow machine only makes it longer, and the wall clock may run a little slow.
    for number, (one, two) in enumerate(pairwise(retries), 1):
        assert two - one >= timedelta(seconds=0.09 * 2**number), retries
    assert [fact.alarm.qualifier for fact in watched.facts(AlarmRaised)] == ["source-missing"]

    (installed.a / "cf3/pe1.away").rename(installed.a / "cf3/pe1.cfg")

    watched.until_calm()
    [cleared] = watched.facts(AlarmCleared)
    proof = next(one.fact for one in watched.record.read_chassis("pe1") if one.version == cleared.evidence)
    assert isinstance(proof, ConditionCeased | SyncSucceeded)


def test_a_full_flash_raises_alarms_and_they_clear_when_there_is_room_again(quick, bare, onlooker, start) -> None:
    bare.provision("--quota", "B=300K")
    bare.run("config", "redundancy", "synchronize", "boot-env")
    start(bare, *quick)
    look = onlooker(bare)
    look.until_fact(SyncSucceeded)
    (bare.b / "cf1/old.log").write_bytes(bytes(185_000))
    look.until_state(lambda state: "flash-full" in look.alarms(state))

    (bare.a / "cf3/TiMOS-20.10.R3/both.tim").write_bytes(b"other" * 30_000)
    full = look.until_state(lambda state: "boot-env-sync-failed" in look.alarms(state))
    assert {alarm.qualifier for alarm in full.standing()} == {"", "no-space"}

    (bare.b / "cf1/old.log").unlink()
    look.until_calm()
    assert (bare.b / "cf3/TiMOS-20.10.R3/both.tim").read_bytes() == b"other" * 30_000


def test_cards_that_would_boot_different_software_raise_an_alarm_until_they_agree(quick, installed, off, start) -> None:
    installed.run("admin", "redundancy", "synchronize", "boot-env")
    start(installed, *quick)
    off.until_fact(SupervisionStarted)
    (installed.a / "cf3/TiMOS-20.10.R3").rename(installed.a / "cf3/TiMOS-21.2.R1")
    bof = installed.a / "cf3/bof.cfg"

    bof.write_text(bof.read_text().replace("20.10.R3", "21.2.R1"))
    off.until_state(lambda state: "software-version-mismatch" in off.alarms(state))

    installed.run("admin", "redundancy", "synchronize", "boot-env")
    off.until_state(lambda state: not state.standing())
