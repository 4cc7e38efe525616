"""What does the log say about switchovers?"""

from typing import assert_never

from events.alarm_types import INVENTORY, SWITCHOVER_FAILED
from events.facts import (
    SwitchoverCompleted,
    SwitchoverFact,
    SwitchoverFailed,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
)
from projections.event_catalogue import LogEvent, LogLine, line, sentence

_WHY = {
    SwitchoverReason.FORCED: "on command",
    SwitchoverReason.CARD_REMOVED: "because the active card was removed",
    SwitchoverReason.CARD_FAILED: "because the active card failed",
}


def switchover_line(fact: SwitchoverFact) -> LogLine:
    """The line for a fact about a switchover; the subject is the card that takes over, as in SR OS."""
    match fact:
        case SwitchoverStarted():
            return line(LogEvent.SWITCHOVER, f"Card {fact.to_slot}", _started(fact))
        case SwitchoverCompleted():
            seconds = f"{fact.duration_ms / 1000:.3f} s"
            text = f"Card {fact.active} is the active card: switchover {fact.switchover} completed in {seconds}."
            return line(LogEvent.CPM_ACTIVE, f"Card {fact.active}", text)
        case SwitchoverFailed():
            text = sentence(f"Switchover {fact.switchover} failed ({fact.failure}): {fact.detail}")
            repair = INVENTORY[SWITCHOVER_FAILED, ""].repair
            message = f"{text} The roles are as they were. {repair}"
            return line(LogEvent.SWITCHOVER_FAILED, f"Switchover {fact.switchover}", message)
        case SwitchoverRefused():
            why = f"{_WHY[fact.reason]}{_by(fact.operator)}"
            text = f"Switchover to card {fact.to_slot}, asked for {why}, was refused: {', '.join(fact.blockers)}."
            cure = "Bring the standby in service and synchronise it, or use --ignore-status."
            return line(LogEvent.SWITCHOVER_REFUSED, f"Card {fact.to_slot}", f"{text} {cure}")
        case _:
            assert_never(fact)


def _started(fact: SwitchoverStarted) -> str:
    text = f"Card {fact.to_slot} takes over from card {fact.from_slot} {_WHY[fact.reason]}{_by(fact.operator)}"
    overridden = f" The standby's status was ignored: {', '.join(fact.overridden)}." if fact.overridden else ""
    out_of_step = f" Files that differ on the standby: {', '.join(fact.out_of_step)}." if fact.out_of_step else ""
    return f"{text} (switchover {fact.switchover}).{overridden}{out_of_step}"


def _by(operator: str | None) -> str:
    return f", by {operator}" if operator else ""
