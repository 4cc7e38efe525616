"""Which facts put in the way what a switchover was refused for? The envelope of a refusal names who asked for it."""

from collections.abc import Iterator

from events.causes import Scope
from events.envelope import Recorded
from events.facts import (
    Blocker,
    CardFailed,
    CardInserted,
    CardRemoved,
    Fact,
    Slot,
    SwitchoverCompleted,
    SwitchoverRefused,
    SwitchoverStarted,
    SyncFailed,
    SyncStarted,
    SyncSucceeded,
)
from projections.causality import Causality


def put_in_the_way(causality: Causality, refused: Recorded) -> list[Recorded]:
    """What led to the blockers of a refusal, in the order of the record; nothing where nothing was ever tried.

    A standby was never synchronised because the newest attempt of a scope has failed, as long as no success followed.
    """
    fact = refused.fact
    if not isinstance(fact, SwitchoverRefused):
        return []
    found: dict[int, Recorded] = {}
    for blocker in fact.blockers:
        before = causality.before(refused)
        if blocker is Blocker.NEVER_SYNCHRONIZED:
            found |= {one.version: one for one in _failures(before, fact.to_slot)}
        else:
            one = next((one for one in before if _brings(one.fact, blocker, fact.to_slot)), None)
            found |= {one.version: one} if one else {}
    return [found[version] for version in sorted(found)]


def _failures(newest_first: Iterator[Recorded], slot: Slot) -> Iterator[Recorded]:
    """The newest failure of each scope, back to where the card became what it is."""
    done = set[Scope]()
    for one in newest_first:
        fact = one.fact
        if isinstance(fact, SwitchoverCompleted) or (isinstance(fact, CardInserted) and fact.slot is slot):
            return
        if isinstance(fact, SyncSucceeded) and fact.standby is slot:
            done |= {fact.scope} if fact.scope is Scope.CONFIG else set(Scope)
        elif isinstance(fact, SyncFailed) and fact.standby is slot and fact.scope not in done:
            done.add(fact.scope)
            yield one


def _brings(fact: Fact, blocker: Blocker, slot: Slot) -> bool:
    match blocker:
        case Blocker.NOT_EQUIPPED:
            return isinstance(fact, CardRemoved) and fact.slot is slot
        case Blocker.FAILED:
            return isinstance(fact, CardFailed) and fact.slot is slot
        case Blocker.SYNCHRONIZING:
            return isinstance(fact, SyncStarted)
        case Blocker.SWITCHOVER_IN_PROGRESS:
            return isinstance(fact, SwitchoverStarted)
        case _:
            return False
