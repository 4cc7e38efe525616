"""The state that decisions are made on: one chassis, folded from its own stream and from nothing else."""

from enum import StrEnum

import msgspec

from events.causes import Scope, SyncMode
from events.facts import AlarmKey, Blocker, CardLocation, Severity, Slot


class Health(StrEnum):
    """What is known of a card."""

    IN_SERVICE = "in-service"
    ABSENT = "absent"
    FAILED = "failed"


_OTHER = {slot: slot.other for slot in Slot}
_HINDERED_BY: dict[Health, tuple[Blocker, ...]] = {
    Health.IN_SERVICE: (),
    Health.ABSENT: (Blocker.NOT_EQUIPPED,),
    Health.FAILED: (Blocker.FAILED,),
}


class CardStatus(msgspec.Struct, frozen=True, gc=False):
    """A card's health, and the version of the fact that told it (0: nothing was seen yet)."""

    health: Health = Health.ABSENT
    version: int = 0


class ScopeStatus(msgspec.Struct, frozen=True, gc=False):
    """How one scope stands on the present standby.

    ``changed`` is the version of the newest change on the active card that no success covers yet, 0 if none; ``away``
    tells that it was made while nobody watched. ``failures`` counts failures in a row; ``failed`` is the version of the
    newest of them, ``story`` its correlation.
    """

    synchronized: bool = False
    changed: int = 0
    away: bool = False
    failures: int = 0
    failed: int = 0
    story: str = ""


class RunningAttempt(msgspec.Struct, frozen=True, gc=False):
    """An attempt that was started and has no outcome yet; ``version`` is that of its start."""

    attempt: int
    scope: Scope
    source: Slot
    standby: Slot
    version: int
    story: str


class RunningSwitchover(msgspec.Struct, frozen=True, gc=False):
    """A switchover that was started and has no outcome yet."""

    switchover: int
    to_slot: Slot
    version: int


class AlarmStatus(msgspec.Struct, frozen=True, gc=False):
    """What a decision needs to know of an alarm that is on the list.

    ``raised`` is the version of its newest raise, ``seen`` that of the newest sighting of its condition.
    """

    standing: bool
    severity: Severity
    count: int
    raised: int
    shelved: bool = False
    seen: int = 0


class ChassisState(msgspec.Struct, frozen=True, gc=False):
    """One chassis. ``version`` is that of the newest fact folded in; 0 means that it was never provisioned.

    ``switched`` is the version of the newest switchover's completion, 0 if there was none.
    """

    chassis: str
    version: int = 0
    locations: tuple[CardLocation, ...] = ()
    active: Slot = Slot.A
    mode: SyncMode = SyncMode.OFF
    exec_path: str = ""
    exec_time_limit_seconds: int = 30
    cards: dict[Slot, CardStatus] = msgspec.field(default_factory=lambda: {slot: CardStatus() for slot in Slot})
    scopes: dict[Scope, ScopeStatus] = msgspec.field(default_factory=lambda: {scope: ScopeStatus() for scope in Scope})
    ready: bool = False
    single: bool = False
    attempts: int = 0
    running: RunningAttempt | None = None
    switchovers: int = 0
    switching: RunningSwitchover | None = None
    switched: int = 0
    refused: tuple[Blocker, ...] | None = None
    versions_differ: bool = False
    filled: frozenset[tuple[Slot, str]] = frozenset()
    shelves: frozenset[AlarmKey] = frozenset()
    alarms: dict[AlarmKey, AlarmStatus] = msgspec.field(default_factory=dict[AlarmKey, AlarmStatus])

    @property
    def standby(self) -> Slot:
        """The slot of the card that is not active."""
        return _OTHER[self.active]

    def location(self, slot: Slot) -> CardLocation:
        """Where the card in ``slot`` lies."""
        return next(card for card in self.locations if card.slot is slot)

    def standing(self) -> list[AlarmKey]:
        """The alarms that stand, shelved ones included, in a stable order."""
        return sorted(key for key, status in self.alarms.items() if status.standing)


def blockers(state: ChassisState) -> tuple[Blocker, ...]:
    """What keeps the standby from taking over, lasting hindrances only: empty means that it is ready.

    A standby with an older but complete copy is not blocked: the switchover says which files are out of step.
    """
    hindered = _HINDERED_BY[state.cards[state.standby].health]
    if _has_all_it_needs(state) or Blocker.NOT_EQUIPPED in hindered:
        return hindered
    return (*hindered, Blocker.NEVER_SYNCHRONIZED)


def _has_all_it_needs(state: ChassisState) -> bool:
    """Whether it was given its configuration, and nothing says that it lacks what it boots from.

    A card may have come with images of its own; where copying ours was tried and has failed, that is not known.
    """
    boot_env = state.scopes[Scope.BOOT_ENV]
    return state.scopes[Scope.CONFIG].synchronized and (boot_env.synchronized or not boot_env.failures)


def blockers_now(state: ChassisState) -> tuple[Blocker, ...]:
    """What keeps the standby from taking over at this moment: also a synchronisation or switchover under way."""
    found = list(blockers(state))
    if state.running is not None:
        found.append(Blocker.SYNCHRONIZING)
    if state.switching is not None:
        found.append(Blocker.SWITCHOVER_IN_PROGRESS)
    return tuple(found)
