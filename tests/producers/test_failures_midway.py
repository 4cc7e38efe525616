"""What ends an attempt between two folders midway: a source that changes, a stop, and what nobody foresaw.

Whatever the cause, the standby must be afterwards what it was before: names, contents, permissions and times.
"""

import os

import pytest

from events.causes import Cause, Scope, Stage

# changed sources


def test_a_file_that_grows_during_the_copy_is_a_changed_source(failing, active, meddler) -> None:
    def append() -> None:
        with (active / "cf3/pe1.cfg").open("ab") as file:
            file.write(b"more")

    meddler.at["cf3:\\pe1.cfg"] = append

    assert "cf3:\\pe1.cfg" in failing(Cause.SOURCE_CHANGED, Scope.CONFIG).detail


def test_a_file_that_shrinks_during_the_copy_is_a_changed_source(failing, active, meddler) -> None:
    image = active / "cf3/TiMOS-20.10.R3/both.tim"
    meddler.at["cf3:\\TiMOS-20.10.R3\\both.tim"] = lambda: os.truncate(image, 1000)

    failing(Cause.SOURCE_CHANGED)


def test_a_file_that_is_changed_after_its_own_copy_is_a_changed_source(failing, active, meddler) -> None:
    meddler.at["cf3:\\pe1.ndx"] = lambda: (active / "cf3/pe1.cfg").write_bytes(b"configure system name new\n")

    assert "cf3:\\pe1.cfg" in failing(Cause.SOURCE_CHANGED, Scope.CONFIG).detail


def test_an_unchanged_file_that_is_changed_during_the_attempt_is_a_changed_source(failing, active, meddler) -> None:
    meddler.at["cf3:\\boot.ldr"] = lambda: (active / "cf3/nvsys.info").write_bytes(b"NVSYS")

    assert "cf3:\\nvsys.info" in failing(Cause.SOURCE_CHANGED).detail


def test_a_file_that_is_deleted_during_the_copy_is_a_changed_source(failing, active, meddler) -> None:
    meddler.at["cf3:\\pe1.ndx"] = (active / "cf3/pe1.cfg").unlink

    failing(Cause.SOURCE_CHANGED, Scope.CONFIG)


def test_a_file_that_is_changed_and_given_its_old_time_is_a_changed_source(failing, active, standby, meddler) -> None:
    source = active / "cf3/pe1.cfg"
    (standby / "cf3/pe1.cfg").write_bytes(source.read_bytes()[::-1])
    time = source.stat().st_mtime_ns

    def change() -> None:
        source.write_bytes(source.read_bytes().upper())
        os.utime(source, ns=(time, time))

    meddler.at[Stage.TRANSFER] = change

    failing(Cause.SOURCE_CHANGED, Scope.CONFIG)


def test_a_bof_that_is_changed_during_a_configuration_copy_is_a_changed_source(failing, active, meddler) -> None:
    meddler.at["cf3:\\pe1.cfg"] = lambda: (active / "cf3/bof.cfg").write_text("primary-config cf3:\\other.cfg\n")

    failing(Cause.SOURCE_CHANGED, Scope.CONFIG)


# any stage


def test_a_source_card_that_goes_during_the_copy_is_an_interruption(failing, active, meddler) -> None:
    meddler.at["cf3:\\pe1.cfg"] = lambda: active.rename(active.with_name("gone"))

    failed = failing(Cause.INTERRUPTED)

    assert "The active card failed" in failed.detail
    assert failed.stage is Stage.TRANSFER


@pytest.mark.parametrize("stage", list(Stage))
def test_being_stopped_is_an_interruption_in_any_stage(failing, meddler, stop, stage) -> None:
    meddler.at[stage] = stop.set

    assert failing(Cause.INTERRUPTED).stage is stage


def test_being_stopped_in_the_middle_of_a_file_is_an_interruption(failing, meddler, stop) -> None:
    meddler.at["copied"] = stop.set

    assert failing(Cause.INTERRUPTED).stage is Stage.TRANSFER


def test_what_nobody_foresaw_is_an_internal_error_with_its_type_and_message(failing, meddler) -> None:
    def burst() -> None:
        raise ZeroDivisionError("nobody foresaw this")

    meddler.at[Stage.ACTIVATE] = burst

    failed = failing(Cause.INTERNAL_ERROR)

    assert "ZeroDivisionError: nobody foresaw this" in failed.detail
    assert failed.stage is Stage.ACTIVATE
