"""Whether an attempt can begin: both cards are there, they answer, and the standby is in service."""

from events.causes import Cause
from producers.cards.card import Card
from producers.failure import SyncError, asking_standby


def admit(source: Card, standby: Card) -> None:
    """Connect both cards and see that they are there; what a card's host tells needs a connection, so that comes first.

    Raises:
        SyncError: unreachable or authentication-failed for the standby's host; standby-absent, or standby-not-ready
            with the reason; then source-unreadable if the active card is not there, which the attempt finds at once and
            records under the stage that reads it.
    """
    admit_standby(standby)
    _check_source(source)


def admit_standby(standby: Card) -> None:
    """The standby's half of ``admit``."""
    standby.connect()
    with asking_standby(standby):
        present = standby.is_present()
        trouble = standby.check_in_service()
    if not present:
        raise SyncError(Cause.STANDBY_ABSENT, f"{standby.describe()} is not there.")
    if trouble is not None:
        raise SyncError(Cause.STANDBY_NOT_READY, f"{standby.describe()} is not in service: {trouble}")


def _check_source(source: Card) -> None:
    remedy = "bring it back, or switch over"
    try:
        source.connect()
        present = source.is_present()
    except (SyncError, OSError) as error:
        detail = f"The active card cannot be read: {error}; {remedy}."
        raise SyncError(Cause.SOURCE_UNREADABLE, detail) from error
    if not present:
        raise SyncError(Cause.SOURCE_UNREADABLE, f"The active {source.describe()} is not there: {remedy}.")
