"""Switching over: the decision in the record, the user's executable, and the outcome in the record.

What is lost if the process dies: before the start is recorded, nothing. Between start and outcome, the knowledge of
whether the executable ran: the next run records the switchover as failed, interrupted, and the roles stay as they were.
"""

import os
import signal
import subprocess
import tempfile
import time
from concurrent.futures import Future, wait
from contextlib import ExitStack
from threading import Thread
from typing import BinaryIO

from events.commands import FinishSwitchover, StartSwitchover
from events.envelope import Recorded
from events.facts import Slot, SwitchoverFailure, SwitchoverReason, SwitchoverStarted
from events.state import ChassisState
from producers.attempts import succeeded_on
from producers.failure import SyncError
from producers.lock import NOTICE_SECONDS, ChassisBusyError, Held, LockLostError
from producers.staging import recover
from producers.station import PATIENCE_SECONDS, Station, at_work, record_busy, record_outcome

KEPT_OUTPUT = 500
"""How many of the last bytes that the executable printed are kept in the record when it fails."""
UNCONFIRMED_SECONDS = 3.0
"""How long the executable runs on while nobody says whether the chassis is ours still. A server that is well has
answered by then, and one that hears nothing from a host lets go of its locks after five seconds at the earliest."""


def switch_over(
    station: Station,
    reason: SwitchoverReason,
    *,
    ignore_status: bool = False,
    out_of_step: tuple[str, ...] = (),
    operator: str | None = None,
    patience: float = PATIENCE_SECONDS,
) -> list[Recorded]:
    """Lets the standby take over, if it is ready or its status is to be ignored; returns all facts of it.

    ``patience`` is how long, in seconds, to wait for a process that holds the chassis and has nothing under way.

    Raises:
        CommandRefusedError: the chassis is unknown, or another process is at work on it in a way not yet recorded.
        LockLostError: it was left open; whoever is at work next records it as interrupted.
    """
    start = StartSwitchover(reason=reason, ignore_status=ignore_status, out_of_step=out_of_step, operator=operator)
    try:
        with at_work(station, patience=patience) as work:
            recorded = station.record.execute(station.chassis, start)
            started = next((one.fact for one in recorded if isinstance(one.fact, SwitchoverStarted)), None)
            if started is None:
                return recorded
            return recorded + record_outcome(station, _take_over(station, started, work), work)
    except ChassisBusyError:
        return record_busy(station, start)


def _take_over(station: Station, started: SwitchoverStarted, work: Held) -> FinishSwitchover:
    began = time.monotonic()
    failed = _undo_unfinished(station, started.to_slot)
    work.check()
    failure, detail = failed or _run_executable(station.state(), started, work)
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


def _run_executable(
    state: ChassisState, started: SwitchoverStarted, work: Held
) -> tuple[SwitchoverFailure | None, str]:
    if not state.exec_path:
        return None, ""
    with ExitStack() as stack:
        try:
            # A file and not a pipe: what it leaves running may go on to hold its output open.
            output = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(  # noqa: S603 - to run what the operator configured is the purpose
                [state.exec_path],
                env={**os.environ, **_environment(state, started)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return SwitchoverFailure.EXEC_MISSING, f"{state.exec_path} cannot be run: {error.strerror}"
        stack.enter_context(process)
        return _outcome_of(process, output, state, work)


def _outcome_of(
    process: subprocess.Popen[bytes], output: BinaryIO, state: ChassisState, work: Held
) -> tuple[SwitchoverFailure | None, str]:
    limit = state.exec_time_limit_seconds
    try:
        status = _wait(process, limit, work)
    except subprocess.TimeoutExpired:
        return SwitchoverFailure.EXEC_TIMED_OUT, f"{state.exec_path} did not end within {limit} s"
    finally:
        if process.returncode is None:
            # It runs in a session of its own, so that what it has started ends with it.
            os.killpg(process.pid, signal.SIGKILL)
    if status == 0:
        return None, ""
    said = _end_of(output)
    detail = f"{state.exec_path} ended with status {status}" if status > 0 else f"{state.exec_path} was killed"
    return SwitchoverFailure.EXEC_FAILED, f"{detail}: {said}" if said else detail


def _wait(process: subprocess.Popen[bytes], limit: float, work: Held) -> int:
    """Waits for the end, for as long as the chassis is ours: whoever has it next may run the executable, too."""
    until, question = time.monotonic() + limit, None
    while True:
        left = until - time.monotonic()
        try:
            return process.wait(min(NOTICE_SECONDS, max(left, 0.0)))
        except subprocess.TimeoutExpired:
            if left <= NOTICE_SECONDS:
                raise
        question = question or _Question(work)
        if question.is_answered(min(NOTICE_SECONDS, max(until - time.monotonic(), 0.0))):
            question = None


class _Question:
    """Whether a lock is held still, asked on a thread of its own: a server that is frozen says nothing for long."""

    def __init__(self, work: Held) -> None:
        self._work = work
        self._answer: Future[None] = Future()
        self._since = time.monotonic()
        Thread(target=self._ask, name="lock-question", daemon=True).start()

    def is_answered(self, patience: float) -> bool:
        """Whether it was said, within so many seconds, that it is.

        Raises:
            LockLostError: it is not, or nobody knows for too long.
        """
        wait([self._answer], patience)
        if self._answer.done():
            self._answer.result()
            return True
        if time.monotonic() - self._since > UNCONFIRMED_SECONDS:
            raise LockLostError(
                f"nobody has said for {UNCONFIRMED_SECONDS:.0f} s whether the chassis is still locked, so somebody "
                "else may be at work by now; whoever works on it next settles what was under way"
            )
        return False

    def _ask(self) -> None:
        try:
            self._work.check()
            self._answer.set_result(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is waited for
            self._answer.set_exception(error)


def _end_of(output: BinaryIO) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - KEPT_OUTPUT))
    return output.read().decode(errors="replace").strip()


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
