"""Decisions: ``decide(state, command)`` gives the facts that follow. Pure; no clock, no file, no store."""

from collections.abc import Callable
from typing import Any, get_args

from events.commands import CardCommand, Command, ConfigCommand, OperateAlarm, Provision, SwitchoverCommand, SyncCommand
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
    return _DECIDER_OF[type(command)](state, command)


# A table, because asking each union in turn costs more than many a decision; made of the unions, so complete.
_DECIDER_OF: dict[type, Callable[[ChassisState, Any], Decision]] = {
    **dict.fromkeys(get_args(ConfigCommand), decide_configuration),
    **dict.fromkeys(get_args(CardCommand), decide_card),
    **dict.fromkeys(get_args(SyncCommand), decide_sync),
    **dict.fromkeys(get_args(SwitchoverCommand), decide_switchover),
    OperateAlarm: decide_alarm,
}

__all__ = ["Decision", "decide", "explain"]
