"""Changes of the active card, as supervision notices them: settled, and compared when it comes back to the card."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.causes import Scope, SyncMode
from events.commands import SeeCard, SetSyncMode
from events.facts import Slot, Trigger, Watch
from events.state import Health
from producers.attempts import attempt
from producers.station import Station
from producers.supervision.noticing import Noticing

PATIENCE_SECONDS = 20.0


class Looks:
    """Looks at the cards of a station, as often as they are asked for."""

    def __init__(self, station: Station, settling: float) -> None:
        self.station = station
        self.woken = threading.Event()
        self.noticing = Noticing(self.woken.set, settling=settling)

    def __call__(self) -> list[tuple[Scope, tuple[str, ...], Watch]]:
        cards = {slot: self.station.card(slot) for slot in Slot}
        seen = self.noticing.look(cards, self.station.state())
        return [(one.scope, one.files, one.noticed) for one in seen]

    def until_seen(self) -> Any:
        """What the first look sees that sees something."""
        for _ in range(int(PATIENCE_SECONDS / 0.05)):
            if found := self():
                return found
            self.woken.wait(0.05)
        raise AssertionError


@pytest.fixture
def ready(station: Station) -> Station:
    station.record.execute("pe1", SetSyncMode(mode=SyncMode.BOOT_ENV, operator="operator"))
    attempt(station, Scope.BOOT_ENV, Trigger.MANUAL)
    return station


@pytest.fixture
def look(ready: Station) -> Iterator[Looks]:
    looks = Looks(ready, settling=0.1)
    yield looks
    looks.noticing.forget()


def test_cards_in_step_show_nothing(look) -> None:
    assert [look(), look(), look()] == [[], [], []]


def test_a_change_shows_once(look, active: Path) -> None:
    look()
    (active / "cf3/pe1.cfg").write_text("saved\n")

    [(scope, files, noticed)] = look.until_seen()

    assert (scope, files) == (Scope.CONFIG, ("cf3:\\pe1.cfg",))
    assert noticed in {Watch.NOTIFIED, Watch.POLLED}
    assert look() == []


def test_files_that_are_still_being_changed_do_not_count_yet(ready, active: Path, monkeypatch) -> None:
    look = Looks(ready, settling=3600.0)
    # As for a card on another host, of which the kernel tells nothing.
    monkeypatch.setattr(look.noticing, "_keep_watching", lambda _state: None)
    look()
    for number in range(5):
        (active / "cf3/pe1.cfg").write_text(f"half of it, {number}\n")
        assert look() == []
    look.noticing._told.set()  # the kernel has told of nothing for an hour

    assert look() == [(Scope.CONFIG, ("cf3:\\pe1.cfg",), Watch.NOTIFIED)]
    look.noticing.forget()


def test_what_was_changed_and_changed_back_is_no_change(ready, active: Path, monkeypatch) -> None:
    look = Looks(ready, settling=3600.0)
    # As for a card on another host, of which the kernel tells nothing.
    monkeypatch.setattr(look.noticing, "_keep_watching", lambda _state: None)
    look()
    away = active / "cf3/away"
    (active / "cf3/pe1.cfg").rename(away)
    assert look() == []
    away.rename(active / "cf3/pe1.cfg")

    assert look() == []
    look.noticing.forget()


def test_what_was_changed_while_nobody_watched_shows_at_the_first_look(look, active: Path) -> None:
    (active / "cf3/pe1-fallback.cfg").unlink()

    assert look() == [(Scope.CONFIG, ("cf3:\\pe1-fallback.cfg",), Watch.START_UP)]
    assert look() == []


def test_what_is_known_to_be_out_of_step_is_not_told_again(look, ready, active: Path) -> None:
    (active / "cf3/pe1.cfg").write_text("saved\n")
    cards = {slot: ready.card(slot) for slot in Slot}
    ready.record.execute("pe1", look.noticing.look(cards, ready.state())[0])
    look.noticing.forget()

    assert look() == []


def test_trouble_that_came_while_nobody_watched_shows_at_the_first_look(look, active: Path) -> None:
    (active / "cf3/bof.cfg").write_text("primary-config\n")

    assert look() == [(Scope.CONFIG, ("cf3:\\bof.cfg",), Watch.START_UP)]
    assert look() == []


def test_a_standby_that_cannot_be_read_at_first_is_compared_when_it_can_be(look, ready, active: Path) -> None:
    (active / "cf3/pe1.cfg").write_text("saved while away\n")
    ready.record.execute("pe1", SeeCard(slot=Slot.B, health=Health.FAILED, detail="no answer"))
    assert look() == []

    ready.record.execute("pe1", SeeCard(slot=Slot.B, health=Health.IN_SERVICE))

    assert look() == [(Scope.CONFIG, ("cf3:\\pe1.cfg",), Watch.START_UP)]


def test_a_standby_that_was_never_synchronised_is_not_compared(station) -> None:
    look = Looks(station, settling=0.1)

    assert look() == []
    look.noticing.forget()


def test_a_folder_put_in_the_place_of_the_card_is_watched_anew(look, active: Path, monkeypatch) -> None:
    monkeypatch.setattr("producers.supervision.noticing._WATCH_AGAIN_SECONDS", 0.0)
    look()
    first = look.noticing._watch
    active.rename(active.with_name("old"))
    (active / "cf3").mkdir(parents=True)

    look()

    assert look.noticing._watch is not first
    assert look.noticing._watch.holds()
