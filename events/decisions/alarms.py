"""Decisions about what operators do to alarms (RFC 8632, sections 4.1.4 to 4.1.6)."""

from typing import assert_never

from events.commands import AlarmAction, OperateAlarm
from events.decisions.draft import Decision, Draft
from events.errors import CommandRefusedError
from events.facts import (
    AlarmAcknowledged,
    AlarmClosed,
    AlarmCommented,
    AlarmCompressed,
    AlarmKey,
    AlarmPurged,
    AlarmShelved,
    AlarmUnshelved,
    OperatorFact,
)
from events.state import ChassisState

LONGEST_TEXT = 4_000
"""Characters of what an operator says: an alarm is sent on with a hundred of them, and brokers take so much at once."""


def decide_alarm(state: ChassisState, command: OperateAlarm) -> Decision:
    """The one fact of an operator's act.

    Raises:
        CommandRefusedError: the alarm is not on the list; or it is shelved, and a shelved alarm takes no operator
            state (RFC 8632); or it is not shelved and cannot be put back; or the text is too long.
    """
    if len(command.text) > LONGEST_TEXT:
        raise CommandRefusedError(
            f"a text of {len(command.text)} characters is too long: write at most {LONGEST_TEXT}, and where the rest is"
        )
    key, shelved = command.alarm, command.alarm in state.shelves
    if key not in state.alarms and not (shelved and command.action is AlarmAction.UNSHELVE):
        raise CommandRefusedError(
            f"{_name(key)} is not on the alarm list; see: understudy show system alarms --cleared"
        )
    if command.action is AlarmAction.UNSHELVE and not shelved:
        raise CommandRefusedError(f"{_name(key)} is not shelved")
    if shelved and command.action in {AlarmAction.ACKNOWLEDGE, AlarmAction.CLOSE, AlarmAction.SHELVE}:
        raise CommandRefusedError(f"{_name(key)} is shelved; unshelve it first")
    draft = Draft(state)
    draft.add(_fact(command))
    raised = state.alarms[key].raised if key in state.alarms else 0
    return draft.finish(f"operator-{state.version + 1}", raised)


def _name(key: AlarmKey) -> str:
    return " ".join(part for part in (key.resource, key.alarm_type, key.qualifier) if part)


def _fact(command: OperateAlarm) -> OperatorFact:
    key, operator, text = command.alarm, command.operator, command.text
    match command.action:
        case AlarmAction.ACKNOWLEDGE:
            return AlarmAcknowledged(alarm=key, operator=operator, text=text)
        case AlarmAction.CLOSE:
            return AlarmClosed(alarm=key, operator=operator, text=text)
        case AlarmAction.COMMENT:
            return AlarmCommented(alarm=key, operator=operator, text=text)
        case AlarmAction.SHELVE:
            return AlarmShelved(alarm=key, operator=operator, text=text)
        case AlarmAction.UNSHELVE:
            return AlarmUnshelved(alarm=key, operator=operator, text=text)
        case AlarmAction.PURGE:
            return AlarmPurged(alarm=key, operator=operator, text=text)
        case AlarmAction.COMPRESS:
            return AlarmCompressed(alarm=key, operator=operator, text=text)
        case _:
            assert_never(command.action)
