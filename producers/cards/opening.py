"""From where a card lies to the card itself."""

from events.facts import CardLocation
from producers.cards.card import Card
from producers.cards.local import LocalCard
from producers.cards.location import BadLocationError, LocalLocation, parse_location


def open_card(card: CardLocation) -> Card:
    """The card at a location, not yet connected; use it as a context manager.

    Raises:
        BadLocationError: as ``parse_location``, and for a quota on a card of another host.
    """
    location = parse_location(card.location)
    if isinstance(location, LocalLocation):
        return LocalCard(card.slot, location.folder, quota=card.quota)
    if card.quota is not None:
        raise BadLocationError("A quota is only for a folder on this machine.")
    from producers.cards.ssh import SshCard  # noqa: PLC0415 - its library is slow to load, and most cards are folders

    return SshCard(card.slot, location)
