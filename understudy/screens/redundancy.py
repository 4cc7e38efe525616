"""``show redundancy synchronization`` and ``show card``: the router's labels and columns over our projection."""

from datetime import UTC, datetime

from events.causes import SyncMode
from events.facts import Blocker
from events.state import Health
from projections.redundancy import CardView, RedundancyView, StandbyStatus, SyncStatus

RULE = "=" * 79
_STANDBY = {
    StandbyStatus.READY: "standby ready",
    StandbyStatus.SYNCING: "syncing",
    StandbyStatus.DISABLED: "disabled",
    StandbyStatus.FAILED: "failed",
    StandbyStatus.NOT_EQUIPPED: "not equipped",
}
_MODES = {SyncMode.OFF: "None", SyncMode.CONFIG: "Configuration", SyncMode.BOOT_ENV: "Boot Environment"}
_SYNC = {
    SyncStatus.UNKNOWN: "No synchronization",
    SyncStatus.CONFIG_ONLY: "Config only synchronized",
    SyncStatus.BOOT_ENV: "All boot environment synchronized",
    SyncStatus.CONFIG_FAIL: "Config synchronize failed",
    SyncStatus.BOOT_ENV_FAIL: "Boot environment synchronize failed",
    SyncStatus.CONFIG_IN_PROGRESS: "Config synchronize in progress",
    SyncStatus.BOOT_ENV_IN_PROGRESS: "Boot environment synchronize in progress",
}
_STATES = {Health.IN_SERVICE: "up", Health.ABSENT: "not equipped", Health.FAILED: "failed"}


def stamp(moment: datetime | None, otherwise: str) -> str:
    """A time as the router writes it, in UTC."""
    return otherwise if moment is None else f"{moment.astimezone(UTC):%Y/%m/%d %H:%M:%S} UTC"


def synchronization_lines(view: RedundancyView, *, alive: bool | None = None) -> list[str]:
    """The screen of ``show redundancy synchronization``; ``alive`` says whether the supervisor is, if known."""
    failure = f"{stamp(view.standby_failure_at, 'N/A')} {view.standby_failure}".strip()
    rows = [
        ("Standby Status", _STANDBY[view.standby_status]),
        ("Last Standby Failure", failure),
        ("Standby Up Time", stamp(view.standby_ready_since, "N/A")),
        ("Standby Version", view.standby_version or "N/A"),
        ("Failover Time", stamp(view.failover_at, "never")),
        ("Failover Reason", view.failover_reason or "none"),
        ("Boot/Config Sync Mode", _MODES[view.sync_mode]),
        ("Boot/Config Sync Status", _SYNC[view.sync_status]),
        ("Last Config File Sync Time", stamp(view.config_sync_at, "Never")),
        ("Last Boot Env Sync Time", stamp(view.boot_env_sync_at, "Never")),
        ("Out Of Step", _out_of_step(view)),
        ("Supervised By", _supervisor(view, alive)),
        ("Can Take Over Now", "yes" if view.ready else f"no: {view.explanation}"),
    ]
    return [
        RULE,
        f"Synchronization Information: {view.chassis}",
        RULE,
        *(f"{label:<27}: {value}" for label, value in rows),
        RULE,
    ]


def _supervisor(view: RedundancyView, alive: bool | None) -> str:
    if alive is False and view.supervised_by:
        return f"nobody: {view.supervised_by} ended without a word"
    return view.supervised_by or "nobody"


def _out_of_step(view: RedundancyView) -> str:
    if Blocker.NEVER_SYNCHRONIZED in view.in_the_way or Blocker.NOT_EQUIPPED in view.in_the_way:
        return "to be synchronised"
    return ", ".join(view.unsynchronized) or "nothing known"


def card_lines(view: RedundancyView) -> list[str]:
    """The screen of ``show card``."""
    lines = [RULE, f"Card Summary: {view.chassis}", RULE, "Slot  Admin   Operational             Redundancy"]
    lines += [f"{'':6}{'State':<8}State", "-" * 79]
    for card in view.cards:
        lines += [f"{card.slot:<6}{'up':<8}{_operational(card):<24}{card.redundancy}", f"{'':6}{card.location}"]
    return [*lines, RULE]


def _operational(card: CardView) -> str:
    state = _STATES[card.health]
    return f"{state}/{card.role}" if card.health is Health.IN_SERVICE else state
