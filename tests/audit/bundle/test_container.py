"""The zip file that follows from its members is one that other tools read, also where it is large."""

import zipfile
from pathlib import Path

import pytest

from audit.bundle.packing import pack
from audit.bundle.verifier import container
from audit.bundle.verifier.container import field_at


@pytest.fixture
def members(tmp_path: Path) -> list[str]:
    contents = {"small.txt": b"a", "empty": b"", "folder/large.bin": bytes(range(256)) * 40, "last.txt": b"end\n"}
    (tmp_path / "folder").mkdir()
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return list(contents)


@pytest.mark.parametrize("limit", [container.LIMIT, 10_000, 200, 1])
def test_other_tools_read_it_with_the_fields_of_zip64_and_without(limit, members, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(container, "LIMIT", limit)
    pack(tmp_path, members, tmp_path / "packed.zip")
    with zipfile.ZipFile(tmp_path / "packed.zip") as packed:
        assert packed.namelist() == members
        assert packed.testzip() is None
        assert all(packed.read(name) == (tmp_path / name).read_bytes() for name in members)


def test_no_byte_tells_when_it_was_packed(members, tmp_path) -> None:
    digests = {pack(tmp_path, members, tmp_path / name) for name in ("one.zip", "two.zip")}
    assert len(digests) == 1


def test_each_byte_of_a_header_has_a_name() -> None:
    assert [field_at(byte) for byte in (0, 4, 6, 8, 10, 12, 14, 18, 22, 26, 28, 30)] == [
        "mark", "version", "flags", "method", "time", "date", "CRC",
        "size", "size", "length of the name", "length of the extra field", "name",
    ]  # fmt: skip
