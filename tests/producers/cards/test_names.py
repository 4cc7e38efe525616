"""Router names and paths, and how a name is found on a card that tells cases apart."""

import pytest

from events.causes import Cause
from events.facts import Slot
from producers.cards.local import LocalCard
from producers.cards.names import InvalidNameError, resolve, to_name, to_path
from producers.failure import SyncError


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (r"cf3:\bof.cfg", "cf3/bof.cfg"),
        (r"CF1:\TiMOS-20.10.R3\both.tim", "cf1/TiMOS-20.10.R3/both.tim"),
        ("cf2:/images/both.tim", "cf2/images/both.tim"),
        (r"cf3:\mixed/separators", "cf3/mixed/separators"),
        ("cf3:pe1.cfg", "cf3/pe1.cfg"),
        ("cf3:\\TiMOS-20.10.R3\\", "cf3/TiMOS-20.10.R3"),
    ],
)
def test_a_router_name_is_a_path_on_a_card(name, path) -> None:
    assert to_path(name) == path


@pytest.mark.parametrize("path", ["cf3/bof.cfg", "cf1/TiMOS-20.10.R3/both.tim"])
def test_a_path_and_its_router_name_lead_to_each_other(path) -> None:
    assert to_path(to_name(path)) == path


@pytest.mark.parametrize(
    "name",
    [
        "",
        "bof.cfg",
        "cf3:",
        "cf3:\\",
        r"cf4:\bof.cfg",
        r"\bof.cfg",
        r"cf3:\..\bof.cfg",
        r"cf3:\a\..\..\b",
        r"cf3:\.\b",
        r"cf3:\a\\b",
        r"cf3:\\b",
        "cf3:\\a\0b",
        "cf3:\\a\nb",
        "ftp://192.0.2.1/bof.cfg",
    ],
)
def test_a_name_that_is_not_of_a_file_on_a_flash_is_refused(name) -> None:
    with pytest.raises(InvalidNameError):
        to_path(name)


@pytest.fixture
def card(tmp_path) -> LocalCard:
    (tmp_path / "cf3/Images").mkdir(parents=True)
    (tmp_path / "cf3/Images/Both.TIM").write_bytes(b"")
    return LocalCard(Slot.A, tmp_path)


def test_every_part_of_a_name_is_found_without_case(card) -> None:
    assert resolve(card, "cf3/images/both.tim") == "cf3/Images/Both.TIM"


def test_an_exact_name_wins_over_those_that_differ_by_case(card, tmp_path) -> None:
    (tmp_path / "cf3/Images/both.tim").write_bytes(b"")

    assert resolve(card, "cf3/images/both.tim") == "cf3/Images/both.tim"


def test_a_name_that_could_be_either_of_two_is_refused_and_both_are_named(card, tmp_path) -> None:
    (tmp_path / "cf3/Images/both.tim").write_bytes(b"")

    with pytest.raises(SyncError, match=r"Both\.TIM.*both\.tim") as refused:
        resolve(card, "cf3/images/BOTH.tim")

    assert refused.value.cause is Cause.SOURCE_UNREADABLE


@pytest.mark.parametrize("path", ["cf3/images/cpm.tim", "cf3/nothing/both.tim", "cf3/images/both.tim/below", "cf1/x"])
def test_what_is_not_there_resolves_to_nothing(card, path) -> None:
    assert resolve(card, path) is None
