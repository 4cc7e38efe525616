"""What ``ssh://user@host[:port]/folder`` stands for, and what is refused."""

import pytest

from producers.cards.location import BadLocationError, SshLocation, parse_location


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("ssh://operator@pe1-b/flash", SshLocation("operator", "pe1-b", 22, "/flash")),
        ("ssh://operator@pe1-b:2222/srv/pe1", SshLocation("operator", "pe1-b", 2222, "/srv/pe1")),
        ("ssh://operator@192.0.2.1/", SshLocation("operator", "192.0.2.1", 22, "/")),
        ("ssh://operator@[2001:db8::1]/flash", SshLocation("operator", "2001:db8::1", 22, "/flash")),
        ("ssh://operator@[2001:db8::1]:2222/flash", SshLocation("operator", "2001:db8::1", 2222, "/flash")),
        ("ssh://operator@pe1-b/my%20flash", SshLocation("operator", "pe1-b", 22, "/my flash")),
    ],
)
def test_a_location_is_read_and_is_spelt_the_same_again(text, location) -> None:
    assert parse_location(text) == location
    assert str(location) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ssh://operator:secret@pe1-b/flash", "no password"),
        ("ssh://pe1-b/flash", "lacks a user"),
        ("ssh://operator@/flash", "lacks a user, a host"),
        ("ssh://operator@pe1-b", "names a folder"),
        ("ssh://operator@pe1-b:0/flash", "a port"),
        ("ssh://operator@pe1-b:port/flash", "cannot be read"),
        ("ssh://operator@[2001:db8::1/flash", "cannot be read"),
        ("ftp://operator@pe1-b/flash", "is not supported"),
        ("operator@pe1-b:/flash", "ssh://user@host/folder"),
    ],
)
def test_a_location_that_cannot_be_used_is_refused_without_repeating_a_password(text, why) -> None:
    with pytest.raises(BadLocationError, match=why) as raised:
        parse_location(text)

    assert "secret" not in str(raised.value)
