"""``understudy provision``: name a chassis and its two cards."""

import re

import click

from events.commands import Provision
from events.facts import CardLocation, Slot
from events.state import Health
from producers.cards.location import BadLocationError, LocalLocation, Location, is_same_place, parse_location
from producers.cards.opening import open_card
from producers.failure import SyncError
from producers.probe import check_card
from understudy.home import Home
from understudy.options import home_option, operator_option, use_home

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
SIZE = re.compile(r"(\d+)\s*([KMGT]?)i?B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


@click.command(
    epilog="""\b
Examples:
  understudy provision pe1 --card A=/srv/pe1/a --card B=/srv/pe1/b
  understudy provision pe2 --card A=/srv/pe2 --card B=ssh://sync@pe2-b:2222/srv/pe2
  understudy provision lab --card A=/tmp/a --card B=/tmp/b --quota B=64M"""
)
@click.argument("chassis")
@click.option(
    "--card",
    "cards",
    multiple=True,
    required=True,
    metavar="SLOT=LOCATION",
    help="A card and where its flashes lie: a folder with cf1, cf2, cf3 in it, or ssh://user@host[:port]/folder. "
    "Give both: A=... and B=...",
)
@click.option(
    "--active",
    type=click.Choice([slot.value for slot in Slot]),
    default=Slot.A.value,
    show_default=True,
    help="The active card.",
)
@click.option(
    "--quota",
    "quotas",
    multiple=True,
    metavar="SLOT=SIZE",
    help="Most that a card on this machine may hold, for example B=64M; for flashes that share a larger disk.",
)
@home_option
@operator_option
@use_home
def provision(
    home: Home, chassis: str, cards: tuple[str, ...], active: str, quotas: tuple[str, ...], operator: str
) -> None:
    """Name a CHASSIS and its two control cards, in slots A and B.

    Slot A is active unless --active says otherwise. Nothing is copied yet.
    """
    if not NAME.fullmatch(chassis):
        raise click.BadParameter(
            f"{chassis!r}: letters, digits, dot, dash and underscore, at most 63.", param_hint="CHASSIS"
        )
    places = _by_slot(cards, "--card")
    if set(places) != set(Slot):
        raise click.BadParameter("Give both cards: --card A=LOCATION --card B=LOCATION.", param_hint="--card")
    limits = {slot: _bytes(size) for slot, size in _by_slot(quotas, "--quota").items()}
    located = {slot: _located(slot, places[slot], limits.get(slot)) for slot in Slot}
    _check_places(home, located)
    equipped = tuple(slot for slot in Slot if _is_equipped(located[slot][0]))
    both = (located[Slot.A][0], located[Slot.B][0])
    home.record(create=True).execute(
        chassis, Provision(cards=both, active=Slot(active), equipped=equipped, operator=operator)
    )
    click.echo(f"Chassis {chassis} is provisioned, card {active} is active.")
    for slot in Slot:
        seen = "" if slot in equipped else "  (not there: is the location right?)"
        click.echo(f"  card {slot}  {located[slot][0].location}{seen}")
    click.echo(f"Record: {home.record().place}")


def _by_slot(values: tuple[str, ...], hint: str) -> dict[Slot, str]:
    found: dict[Slot, str] = {}
    for value in values:
        slot, separator, rest = value.partition("=")
        if not separator or not rest or slot.upper() not in set(Slot):
            raise click.BadParameter(f"{value!r}: write A=... or B=...", param_hint=hint)
        if Slot(slot.upper()) in found:
            raise click.BadParameter(f"Slot {slot.upper()} is given twice.", param_hint=hint)
        found[Slot(slot.upper())] = rest
    return found


def _bytes(size: str) -> int:
    match = SIZE.fullmatch(size.strip())
    if match is None:
        raise click.BadParameter(f"{size!r}: write a number of bytes, or for example 64M.", param_hint="--quota")
    return int(match[1]) * _UNITS[match[2].upper()]


def _located(slot: Slot, text: str, quota: int | None) -> tuple[CardLocation, Location]:
    try:
        location = parse_location(text)
        card = CardLocation(slot=slot, location=str(location), quota=quota)
        open_card(card).close()
    except BadLocationError as error:
        raise click.BadParameter(str(error), param_hint="--card") from error
    if isinstance(location, LocalLocation) and location.folder.exists() and not location.folder.is_dir():
        raise click.BadParameter(f"{location.folder} is a file; a card's location is a folder.", param_hint="--card")
    return card, location


def _check_places(home: Home, located: dict[Slot, tuple[CardLocation, Location]]) -> None:
    a, b = located[Slot.A][1], located[Slot.B][1]
    if is_same_place(a, b):
        raise click.BadParameter(f"Both cards are at {a}: each card needs a location of its own.", param_hint="--card")
    if _is_nested(a, b) or _is_nested(b, a):
        raise click.BadParameter(f"{a} and {b}: one card lies in the other.", param_hint="--card")
    if not home.has_record():
        return
    for name in home.record().chassis():
        for other in home.record().state(name).locations:
            for slot, (_, place) in located.items():
                if is_same_place(place, parse_location(other.location)):
                    said = f"{place} (card {slot}) is card {other.slot} of chassis {name} already."
                    raise click.BadParameter(said, param_hint="--card")


def _is_nested(inner: Location, outer: Location) -> bool:
    if not isinstance(inner, LocalLocation) or not isinstance(outer, LocalLocation):
        return False
    return inner.folder.resolve().is_relative_to(outer.folder.resolve())


def _is_equipped(location: CardLocation) -> bool:
    try:
        with open_card(location) as card:
            seen = check_card(card)
    except SyncError:
        return False
    return seen.health is not Health.ABSENT
