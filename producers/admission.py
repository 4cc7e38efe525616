"""Whether an attempt can begin: both cards are there, they answer, and the standby is in service."""

from events.causes import Cause
from producers.cards.card import Card
from producers.failure import SyncError, active_card_failed, asking_standby


def admit(source: Card, standby: Card) -> None:
    """Connect both cards and see that they are there; what a card's host tells needs a connection, so that comes first.

    Raises:
        SyncError: interrupted if the source is not there; unreachable or authentication-failed for the standby's host;
            standby-absent, or standby-not-ready with the reason.
    """
    if not _is_there(source):
        raise active_card_failed(source)
    standby.connect()
    with asking_standby(standby):
        present = standby.is_present()
        trouble = standby.check_in_service()
    if not present:
        raise SyncError(Cause.STANDBY_ABSENT, f"{standby.describe()} is not there.")
    if trouble is not None:
        raise SyncError(Cause.STANDBY_NOT_READY, f"{standby.describe()} is not in service: {trouble}")


def _is_there(source: Card) -> bool:
    try:
        source.connect()
        return source.is_present()
    except (SyncError, OSError) as error:
        raise SyncError(Cause.INTERRUPTED, f"The active card failed: {error}") from error
