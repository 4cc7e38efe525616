"""Looking at the cards: each look becomes an observation for a decision."""

from collections.abc import Callable
from functools import partial

from events.alarm_types import SCOPE_OF
from events.causes import Cause, Scope
from events.commands import Command, SeeCard, SeeCeased, SeeFlash, SeeVersions
from events.facts import Slot
from events.state import ChassisState, Health
from producers.cards.card import Card
from producers.failure import SyncError
from producers.probe import check_card, flash_usage, probe, software_version


def look_at(card: Card, known: Health) -> SeeCard:
    """How a card is; what keeps us from telling means that it failed, unless it was ``known`` to be away."""
    seen = check_card(card)
    health = seen.health if seen.reached or known is not Health.ABSENT else Health.ABSENT
    return SeeCard(slot=card.slot, health=health, detail=seen.detail)


def look_inside(cards: dict[Slot, Card], state: ChassisState) -> list[Command]:
    """How full the flashes are, what software the cards would boot, and which standing conditions have ceased.

    A card that is not in service, or fails under the look, is not looked into: the next look at it tells.
    """
    seen: list[Command] = []
    serving = {slot: card for slot, card in cards.items() if state.cards[slot].health is Health.IN_SERVICE}
    for slot, card in serving.items():
        seen += _if_possible(partial(_flashes, slot, card))
    if len(serving) == len(cards):
        active, standby = cards[state.active], cards[state.standby]
        seen += _if_possible(partial(_versions, active, standby))
        seen += _if_possible(partial(_ceased, active, standby, state))
    return seen


def _if_possible(look: Callable[[], list[Command]]) -> list[Command]:
    try:
        return look()
    except (OSError, SyncError):
        return []


def _flashes(slot: Slot, card: Card) -> list[Command]:
    return [
        SeeFlash(slot=slot, flash=f"{flash}:", used_percent=percent) for flash, percent in flash_usage(card).items()
    ]


def _versions(active: Card, standby: Card) -> list[Command]:
    active_version, standby_version = software_version(active), software_version(standby)
    if active_version is None or standby_version is None:
        return []
    return [SeeVersions(active_version=active_version, standby_version=standby_version)]


def _ceased(active: Card, standby: Card, state: ChassisState) -> list[Command]:
    seen: list[Command] = []
    for scope, causes in _standing(state).items():
        report = probe(active, standby, scope, standing=causes)
        disproved = tuple(cause for cause in report.disproved if cause in causes)
        if disproved:
            seen.append(SeeCeased(scope=scope, since=state.version, causes=disproved, detail=report.detail))
    return seen


def _standing(state: ChassisState) -> dict[Scope, set[Cause]]:
    found: dict[Scope, set[Cause]] = {}
    for alarm in state.standing():
        scope = SCOPE_OF.get(alarm.alarm_type)
        if scope is not None:
            found.setdefault(scope, set()).add(Cause(alarm.qualifier))
    return found
