"""Decisions about what operators configure, and about who watches over the chassis."""

from typing import assert_never

from events.commands import ConfigCommand, Provision, SetSwitchoverExec, SetSyncMode, StartSupervision, StopSupervision
from events.decisions.draft import Decision, Draft
from events.errors import CommandRefusedError
from events.facts import (
    AUDIT_STREAM,
    CardInserted,
    ChassisProvisioned,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverExecSet,
    SyncModeSet,
)
from events.state import ChassisState


def decide_configuration(state: ChassisState, command: ConfigCommand) -> Decision:
    """The facts that follow; none where the configuration is already so.

    Raises:
        CommandRefusedError: the chassis is provisioned already, or a value is out of its range.
    """
    draft = Draft(state)
    match command:
        case Provision():
            _provision(draft, command)
        case SetSyncMode():
            if command.mode is not state.mode:
                draft.add(SyncModeSet(mode=command.mode, operator=command.operator))
        case SetSwitchoverExec():
            if command.time_limit_seconds < 1:
                raise CommandRefusedError("the time limit of the switchover executable is at least 1 second")
            configured = (state.exec_path, state.exec_time_limit_seconds)
            if configured != (command.path, command.time_limit_seconds):
                limit = command.time_limit_seconds
                draft.add(SwitchoverExecSet(path=command.path, time_limit_seconds=limit, operator=command.operator))
        case StartSupervision():
            draft.add(SupervisionStarted(host=command.host, process=command.process))
        case StopSupervision():
            draft.add(SupervisionStopped(host=command.host, process=command.process))
        case _:
            assert_never(command)
    return draft.finish(f"configuration-{state.version + 1}")


def _provision(draft: Draft, command: Provision) -> None:
    if draft.state.locations:
        where = ", ".join(f"{card.slot}={card.location}" for card in draft.state.locations)
        raise CommandRefusedError(f"chassis {draft.state.chassis} is provisioned already, with {where}")
    if command.active not in command.equipped:
        raise CommandRefusedError(
            f"chassis {draft.state.chassis}: there is no card in slot {command.active} to be active"
        )
    if draft.state.chassis.startswith(AUDIT_STREAM[0]):
        raise CommandRefusedError(f"no chassis is named {draft.state.chassis}: such names are the record's own")
    draft.add(ChassisProvisioned(cards=command.cards, active=command.active, operator=command.operator))
    for slot in command.equipped:
        draft.add(CardInserted(slot=slot))
