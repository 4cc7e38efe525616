"""Locations as operators write them, and whether two of them are one place."""

from pathlib import Path

import pytest

from events.facts import CardLocation, Slot
from producers.cards.local import LocalCard
from producers.cards.location import (
    BadLocationError,
    LocalLocation,
    SshLocation,
    is_same_place,
    parse_location,
)
from producers.cards.opening import open_card


def test_a_folder_is_made_absolute(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)

    assert parse_location("cards/../b") == LocalLocation(tmp_path / "b")


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("ssh://sync@pe1-b/srv/card", SshLocation("sync", "pe1-b", 22, "/srv/card")),
        ("ssh://sync@192.0.2.7:2222/srv/card/", SshLocation("sync", "192.0.2.7", 2222, "/srv/card")),
        ("ssh://sync@[2001:db8::7]:2222/card", SshLocation("sync", "2001:db8::7", 2222, "/card")),
        ("ssh://sync@pe1-b/srv/card%20b", SshLocation("sync", "pe1-b", 22, "/srv/card b")),
    ],
)
def test_an_ssh_location_is_read_and_its_text_reads_back_the_same(text, location) -> None:
    assert parse_location(text) == location
    assert parse_location(str(location)) == location


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("/srv/a\0b", "unprintable"),
        ("ssh://sync:secret@pe1-b/srv", "no password"),
        ("ftp://sync:secret@pe1-b/srv", "no password"),
        ("ftp://pe1-b/srv", "not supported"),
        ("ssh://pe1-b/srv", "lacks a user"),
        ("ssh://sync@/srv", "lacks a user"),
        ("ssh://sync@pe1-b:0/srv", "lacks a user"),
        ("ssh://sync@pe1-b:70000/srv", "cannot be read"),
        ("ssh://sync@[2001:db8::7/srv", "cannot be read"),
        ("ssh://sync@pe1-b", "names a folder"),
        ("ssh://sync@pe1-b/srv?x=1", "%3F"),
        ("sync@pe1-b:/srv", "ssh://user@host/folder"),
    ],
)
def test_a_location_that_cannot_be_used_is_refused_in_words_and_without_the_password(text, told) -> None:
    with pytest.raises(BadLocationError, match=told) as refused:
        parse_location(text)

    assert "secret" not in str(refused.value)


def test_a_folder_and_a_link_to_it_are_one_place(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to("a")

    assert is_same_place(LocalLocation(tmp_path / "a"), LocalLocation(tmp_path / "b"))


def test_two_folders_are_two_places(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert not is_same_place(LocalLocation(tmp_path / "a"), LocalLocation(tmp_path / "b"))


def test_one_folder_that_does_not_exist_yet_is_one_place(tmp_path) -> None:
    assert is_same_place(LocalLocation(tmp_path / "a"), LocalLocation(tmp_path / "x/../a"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ssh://a@PE1-B/srv", "ssh://b@pe1-b:22/srv/", True),
        ("ssh://a@[2001:db8::7]/srv", "ssh://a@[2001:db8:0::0:7]/srv", True),
        ("ssh://a@pe1-b/srv", "ssh://a@pe1-b:2222/srv", False),
        ("ssh://a@pe1-b/srv/a", "ssh://a@pe1-b/srv/b", False),
        ("ssh://a@pe1-b/srv", "/srv", False),
    ],
)
def test_ssh_locations_are_one_place_by_host_port_and_folder(one, other, same) -> None:
    assert is_same_place(parse_location(one), parse_location(other)) is same


def test_a_folder_opens_as_a_local_card(tmp_path: Path) -> None:
    card = open_card(CardLocation(slot=Slot.B, location=str(tmp_path)))

    assert isinstance(card, LocalCard)
    assert (card.slot, card.location) == (Slot.B, str(tmp_path))


def test_a_quota_on_another_host_is_refused() -> None:
    with pytest.raises(BadLocationError, match="quota"):
        open_card(CardLocation(slot=Slot.B, location="ssh://sync@pe1-b/srv", quota=1))
