"""A bundle gets its name at once, and never that of a file that nobody wanted to be replaced."""

import errno
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.bundle.asked import Asked
from audit.bundle.exporting import export
from audit.bundle.packing import move_into_place
from events.errors import CommandRefusedError
from events.store.recorder import Row


@pytest.fixture
def made(tmp_path) -> Path:
    path = tmp_path / "made"
    path.write_text("bundle")
    return path


@pytest.fixture
def without_links(monkeypatch) -> None:
    """As on FAT, the file system of USB sticks; what links is the system, which no test can have without mounting."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)


def test_a_file_that_appears_while_the_bundle_is_made_is_not_replaced(sealed) -> None:
    target = sealed.folder / "evidence.zip"
    asked = Asked(
        first=1, last=20, query={}, operator="noc", tool="understudy", made_at=datetime(2026, 5, 1, tzinfo=UTC)
    )

    def rows() -> Iterator[Row]:
        yield from sealed.rows[:20]
        target.write_text("precious")

    with pytest.raises(CommandRefusedError, match=r"evidence.zip is there already; --force replaces it"):
        export(rows(), asked, sealed.seals(60), target)
    assert target.read_text() == "precious"
    assert list(sealed.folder.iterdir()) == [target]


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_a_name_that_is_free_is_taken(links, made, tmp_path, request) -> None:
    if not links:
        request.getfixturevalue("without_links")
    move_into_place(made, tmp_path / "target", replace=False)
    assert (tmp_path / "target").read_text() == "bundle"


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_a_name_that_another_file_has_is_not_taken(links, made, tmp_path, request) -> None:
    if not links:
        request.getfixturevalue("without_links")
    (tmp_path / "target").write_text("precious")
    with pytest.raises(FileExistsError):
        move_into_place(made, tmp_path / "target", replace=False)
    assert (tmp_path / "target").read_text() == "precious"
    assert made.read_text() == "bundle"


def test_a_link_that_leads_nowhere_has_its_name_too(made, tmp_path) -> None:
    (tmp_path / "target").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        move_into_place(made, tmp_path / "target", replace=False)
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_is_to_be_replaced_is(made, tmp_path) -> None:
    (tmp_path / "target").write_text("old")
    move_into_place(made, tmp_path / "target", replace=True)
    assert (tmp_path / "target").read_text() == "bundle"
