"""Decisions about what is seen of the cards: their health, software, flash and files."""

from typing import assert_never

from events.alarm_types import (
    CARD_FAILED,
    CARD_REMOVED,
    FLASH_FULL,
    SWITCHOVER_FAILED,
    VERSION_MISMATCH,
    card_resource,
    flash_resource,
)
from events.causes import Cause, Scope
from events.commands import CardCommand, SeeCard, SeeChange, SeeFlash, SeeVersions
from events.decisions.draft import Decision, Draft
from events.evidence import disproved_by_probe
from events.facts import (
    AlarmKey,
    CardFailed,
    CardInserted,
    CardRecovered,
    CardRemoved,
    FilesChanged,
    FlashFilled,
    FlashFreed,
    Slot,
    VersionsAgreed,
    VersionsDiffered,
)
from events.state import ChassisState, Health

FLASH_FULL_PERCENT = 90
"""A flash is nearly full from here on, as SR OS has it for its persistence files (event 2050)."""


def decide_card(state: ChassisState, command: CardCommand) -> Decision:
    """The facts that follow from an observation; none where it tells nothing new."""
    draft = Draft(state)
    match command:
        case SeeCard():
            _card(draft, command)
            return draft.finish(_card_story(state, command.slot), state.cards[command.slot].version)
        case SeeVersions():
            _versions(draft, command)
            return draft.finish(f"versions-{state.version + 1}")
        case SeeFlash():
            _flash(draft, command)
            return draft.finish(f"flash-{command.slot}-{command.flash.rstrip(':')}")
        case SeeChange():
            fact = FilesChanged(
                slot=command.slot or state.active, scope=command.scope, files=command.files, noticed=command.noticed
            )
            draft.add(fact)
            return draft.finish(f"change-{state.version + 1}")
        case _:
            assert_never(command)


def _card_story(state: ChassisState, slot: Slot) -> str:
    """One story runs from the loss of a card to its return."""
    status = state.cards[slot]
    begins = state.version + 1 if status.health is Health.IN_SERVICE else status.version
    return f"card-{slot}-{begins}"


def _card(draft: Draft, seen: SeeCard) -> None:
    known = draft.state.cards[seen.slot].health
    if seen.health is known:
        return
    resource = card_resource(draft.state.chassis, seen.slot)
    match seen.health:
        case Health.ABSENT:
            # What else stands for the card is masked while it is out, not cleared.
            draft.add(CardRemoved(slot=seen.slot, detail=seen.detail))
            draft.see(
                AlarmKey(resource=resource, alarm_type=CARD_REMOVED),
                f"Card {seen.slot} was removed: {seen.detail.rstrip('.')}.",
            )
        case Health.FAILED:
            if known is Health.ABSENT:
                inserted = draft.add(CardInserted(slot=seen.slot))
                removed = AlarmKey(resource=resource, alarm_type=CARD_REMOVED)
                draft.clear(removed, evidence=inserted, proof=f"card {seen.slot} is in its slot again")
                _disprove(draft, resource, Cause.STANDBY_ABSENT, evidence=inserted, proof=f"card {seen.slot} is there")
            draft.add(CardFailed(slot=seen.slot, detail=seen.detail))
            draft.see(
                AlarmKey(resource=resource, alarm_type=CARD_FAILED),
                f"Card {seen.slot} failed: {seen.detail.rstrip('.')}.",
            )
        case Health.IN_SERVICE:
            _returned(draft, seen.slot, resource, was=known)
        case _:
            assert_never(seen.health)


def _returned(draft: Draft, slot: Slot, resource: str, *, was: Health) -> None:
    fact = CardInserted(slot=slot) if was is Health.ABSENT else CardRecovered(slot=slot)
    evidence = draft.add(fact)
    for alarm_type in (CARD_REMOVED, CARD_FAILED):
        key = AlarmKey(resource=resource, alarm_type=alarm_type)
        draft.clear(key, evidence=evidence, proof=f"card {slot} is in service")
    for cause in (Cause.STANDBY_ABSENT, Cause.STANDBY_NOT_READY):
        _disprove(draft, resource, cause, evidence=evidence, proof=f"card {slot} is in service")
    if slot is draft.state.active:
        # Nobody needs to take over from an active card that serves.
        needed = AlarmKey(resource=draft.state.chassis, alarm_type=SWITCHOVER_FAILED)
        draft.clear(needed, evidence=evidence, proof=f"the active card {slot} is in service")


def _disprove(draft: Draft, resource: str, cause: Cause, *, evidence: int, proof: str) -> None:
    """What is seen of a card proves what a probe of its presence and readiness would prove, of both scopes."""
    for alarm in draft.state.standing():
        if disproved_by_probe(alarm, resource=resource, scope=Scope.CONFIG, cause=cause):
            draft.clear(alarm, evidence=evidence, proof=proof)


def _versions(draft: Draft, seen: SeeVersions) -> None:
    state = draft.state
    differ = seen.active_version != seen.standby_version
    key = AlarmKey(resource=state.chassis, alarm_type=VERSION_MISMATCH)
    if differ and not state.versions_differ:
        draft.add(VersionsDiffered(active_version=seen.active_version, standby_version=seen.standby_version))
        text = f"Card {state.active} boots {seen.active_version}, card {state.standby} {seen.standby_version}."
        draft.see(key, text)
    elif not differ and state.versions_differ:
        evidence = draft.add(VersionsAgreed(version=seen.active_version))
        draft.clear(key, evidence=evidence, proof=f"both cards boot {seen.active_version}")


def _flash(draft: Draft, seen: SeeFlash) -> None:
    state = draft.state
    full, known = seen.used_percent >= FLASH_FULL_PERCENT, (seen.slot, seen.flash) in state.filled
    key = AlarmKey(resource=flash_resource(state.chassis, seen.slot, seen.flash), alarm_type=FLASH_FULL)
    if full and not known:
        draft.add(FlashFilled(slot=seen.slot, flash=seen.flash, used_percent=seen.used_percent))
        draft.see(key, f"{seen.flash} of card {seen.slot} is {seen.used_percent} % full.")
    elif known and not full:
        evidence = draft.add(FlashFreed(slot=seen.slot, flash=seen.flash, used_percent=seen.used_percent))
        draft.clear(key, evidence=evidence, proof=f"{seen.used_percent} % of {seen.flash} is used")
