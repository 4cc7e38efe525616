"""Decisions: ``decide(state, command)`` gives the facts that follow. Pure; no clock, no file, no store."""

from events.commands import CardCommand, Command, OperateAlarm, Provision, SwitchoverCommand, SyncCommand
from events.decisions.alarms import decide_alarm
from events.decisions.cards import decide_card
from events.decisions.configuration import decide_configuration
from events.decisions.draft import Decision, explain
from events.decisions.switchover import decide_switchover
from events.decisions.synchronization import decide_sync
from events.errors import UnknownChassisError
from events.state import ChassisState


def decide(state: ChassisState, command: Command) -> Decision:
    """What follows from ``command`` in ``state``: facts to record together, possibly none.

    Raises:
        UnknownChassisError: the chassis was never provisioned.
        CommandRefusedError: the state does not allow it; the message says why.
    """
    if not state.locations and not isinstance(command, Provision):
        raise UnknownChassisError(f"chassis {state.chassis!r} is not provisioned; see: understudy provision --help")
    if isinstance(command, SyncCommand):
        return decide_sync(state, command)
    if isinstance(command, CardCommand):
        return decide_card(state, command)
    if isinstance(command, SwitchoverCommand):
        return decide_switchover(state, command)
    if isinstance(command, OperateAlarm):
        return decide_alarm(state, command)
    return decide_configuration(state, command)


__all__ = ["Decision", "decide", "explain"]
