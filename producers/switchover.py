"""Switching over: the decision in the record, the user's executable, and the outcome in the record.

What is lost if the process dies: before the start is recorded, nothing. Between start and outcome, the knowledge of
whether the executable ran: the next run records the switchover as failed, interrupted, and the roles stay as they were.
"""

import os
import signal
import subprocess
import time

from events.commands import FinishSwitchover, StartSwitchover
from events.envelope import Recorded
from events.errors import CommandRefusedError
from events.facts import Slot, SwitchoverFailure, SwitchoverReason, SwitchoverStarted
from events.state import ChassisState
from producers.attempts import Station, settle, succeeded_on
from producers.failure import SyncError
from producers.lock import ChassisBusyError, chassis_lock
from producers.staging import recover

KEPT_OUTPUT = 500
"""How many of the last characters that the executable printed are kept in the record when it fails."""


def switch_over(
    station: Station,
    reason: SwitchoverReason,
    *,
    ignore_status: bool = False,
    out_of_step: tuple[str, ...] = (),
    operator: str | None = None,
) -> list[Recorded]:
    """Lets the standby take over, if it is ready or its status is to be ignored; returns all facts of it.

    Raises:
        CommandRefusedError: the chassis is unknown, or another process is at work on it in a way not yet recorded.
    """
    start = StartSwitchover(reason=reason, ignore_status=ignore_status, out_of_step=out_of_step, operator=operator)
    try:
        with chassis_lock(station.locks, station.chassis):
            settle(station)
            recorded = station.record.execute(station.chassis, start)
            started = next((one.fact for one in recorded if isinstance(one.fact, SwitchoverStarted)), None)
            if started is None:
                return recorded
            return recorded + station.record.execute(station.chassis, _take_over(station, started))
    except ChassisBusyError:
        state = station.state()
        if state.running is None and state.switching is None:
            raise CommandRefusedError(f"{station.chassis}: another process is at work on it; try again") from None
        return station.record.execute(station.chassis, start)


def _take_over(station: Station, started: SwitchoverStarted) -> FinishSwitchover:
    began = time.monotonic()
    failure, detail = _undo_unfinished(station, started.to_slot) or _run_executable(station.state(), started)
    duration = round((time.monotonic() - began) * 1000)
    return FinishSwitchover(switchover=started.switchover, failure=failure, detail=detail, duration_ms=duration)


def _undo_unfinished(station: Station, slot: Slot) -> tuple[SwitchoverFailure, str] | None:
    """No card may become active with files of an attempt that died half-way."""
    try:
        with station.card(slot) as card:
            recover(card, succeeded_on(station, slot))
    except SyncError as error:
        return SwitchoverFailure.RECOVERY_FAILED, error.detail
    return None


def _run_executable(state: ChassisState, started: SwitchoverStarted) -> tuple[SwitchoverFailure | None, str]:
    if not state.exec_path:
        return None, ""
    try:
        process = subprocess.Popen(  # noqa: S603 - to run what the operator configured is the purpose
            [state.exec_path],
            env={**os.environ, **_environment(state, started)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return SwitchoverFailure.EXEC_MISSING, f"{state.exec_path} cannot be run: {error.strerror}"
    with process:
        return _outcome_of(process, state)


def _outcome_of(process: subprocess.Popen[bytes], state: ChassisState) -> tuple[SwitchoverFailure | None, str]:
    limit = state.exec_time_limit_seconds
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        # It runs in a session of its own, so that what it has started ends with it.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return SwitchoverFailure.EXEC_TIMED_OUT, f"{state.exec_path} did not end within {limit} s"
    if process.returncode == 0:
        return None, ""
    said = output.decode(errors="replace").strip()[-KEPT_OUTPUT:]
    detail = f"{state.exec_path} ended with status {process.returncode}"
    return SwitchoverFailure.EXEC_FAILED, f"{detail}: {said}" if said else detail


def _environment(state: ChassisState, started: SwitchoverStarted) -> dict[str, str]:
    """What the executable is told, in its environment; a stable interface."""
    return {
        "UNDERSTUDY_CHASSIS": state.chassis,
        "UNDERSTUDY_SWITCHOVER": str(started.switchover),
        "UNDERSTUDY_REASON": started.reason.value,
        "UNDERSTUDY_FROM_SLOT": started.from_slot.value,
        "UNDERSTUDY_TO_SLOT": started.to_slot.value,
        "UNDERSTUDY_FROM_LOCATION": state.location(started.from_slot).location,
        "UNDERSTUDY_TO_LOCATION": state.location(started.to_slot).location,
    }
