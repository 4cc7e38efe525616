"""What of its cause does the record not know? Said of every fact that comes from outside: from a person or a card."""

from events.causes import Cause
from events.envelope import Recorded
from events.facts import (
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    ConditionCeased,
    Fact,
    FilesChanged,
    FlashFilled,
    FlashFreed,
    SupervisionStarted,
    SupervisionStopped,
    SwitchoverReason,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncStarted,
    Trigger,
    VersionsAgreed,
    VersionsDiffered,
)

_SEEN: dict[type, str] = {
    CardInserted: "who put the card in",
    CardRemoved: "who or what took the card away",
    CardFailed: "what made the card fail",
    CardRecovered: "what brought the card back",
    VersionsDiffered: "who changed what a card boots",
    VersionsAgreed: "whether a synchronisation or somebody's hand made them agree",
    FlashFilled: "what filled the flash",
    FlashFreed: "what made room on the flash",
    FilesChanged: "who or what saved or deleted the files",
    ConditionCeased: "what made it cease; a probe saw that it had",
    SupervisionStarted: "who or what started the process",
    SupervisionStopped: "who or what stopped the process",
}
"""Facts that are observations: what is seen is known, who did it is not."""


def unrecorded(one: Recorded, cause: int, *, known: bool) -> str:
    """What the record does not say about why this fact came to be; empty where it says all of it.

    ``cause`` is the version of the fact that led to it, 0 for none; ``known`` says whether that fact is at hand.
    """
    if cause and not known:
        return f"what led to it: version {cause} of {one.chassis} is not among the facts that were read"
    fact = one.fact
    if type(fact) in _SEEN:
        return _SEEN[type(fact)]
    if isinstance(fact, SyncFailed) and fact.cause is Cause.INTERRUPTED:
        return "how far the attempt came before it was interrupted"
    return "" if cause else _asked_for(fact)


def _asked_for(fact: Fact) -> str:
    match fact:
        case SyncStarted(trigger=Trigger.MANUAL):
            return f"what moved {fact.operator}" if fact.operator else "who asked for it"
        case SwitchoverStarted(reason=SwitchoverReason.FORCED) | SwitchoverRefused(reason=SwitchoverReason.FORCED):
            return f"what moved {fact.operator}" if fact.operator else "who asked for it"
        case _:
            operator = getattr(fact, "operator", None)
            return f"what moved {operator}" if operator else "what led to it"
