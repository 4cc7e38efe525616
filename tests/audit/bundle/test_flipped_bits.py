"""A changed bit anywhere in a bundle makes the verifier fail and say where."""

import random
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from audit.bundle.verifier.program import NOT_VERIFIED, VERIFIED, verify


def verdict(path: Path) -> tuple[int, str]:
    """Exit code and output of the verifier, in this process: a thousand times is not a thousand programs."""
    printed = StringIO()
    with redirect_stdout(printed):
        code = verify(path, None, [])
    return code, printed.getvalue()


@pytest.fixture
def flip(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Changes one bit of a file, and gives the verdict on that."""
    target = tmp_path / "flipped.zip"

    def flipped(content: bytes, byte: int, bit: int) -> tuple[int, str]:
        changed = bytearray(content)
        changed[byte] ^= 1 << bit
        target.write_bytes(changed)
        return verdict(target)

    return flipped


def places(bundle: Path) -> dict[str, tuple[int, int]]:
    """Where the content of each member begins and ends."""
    with zipfile.ZipFile(bundle) as archive:
        found: dict[str, tuple[int, int]] = {}
        for info in archive.infolist():
            start = info.header_offset + 30 + len(info.filename) + len(info.extra)
            found[info.filename] = start, start + info.file_size
    return found


@pytest.mark.parametrize("chassis", [None, "pe1"])
def test_a_flipped_bit_in_a_member_is_found_and_the_member_named(chassis, sealed, flip) -> None:
    made = Path(sealed.export(2, 40, chassis=chassis, sizes=(45, 60), with_parquet=True).path)
    assert verdict(made)[0] == VERIFIED
    content, chance = made.read_bytes(), random.Random(7)
    for name, (start, end) in places(made).items():
        for byte in {start, end - 1, *(chance.randrange(start, end) for _ in range(6))}:
            code, printed = flip(content, byte, chance.randrange(8))
            assert code == NOT_VERIFIED, f"{name} byte {byte - start}"
            assert name in "".join(line for line in printed.splitlines() if line.startswith("FAILED")), printed


def test_a_flipped_bit_in_the_structure_of_the_zip_is_found_with_its_byte(sealed, flip) -> None:
    made = Path(sealed.export(2, 40).path)
    content, inside = made.read_bytes(), places(made)
    members = {byte for start, end in inside.values() for byte in range(start, end)}
    chance = random.Random(11)
    structure = [byte for byte in range(len(content)) if byte not in members]
    for byte in chance.sample(structure, 150):
        code, printed = flip(content, byte, chance.randrange(8))
        assert code == NOT_VERIFIED, byte
        assert "at byte" in printed, printed


def test_a_flipped_bit_in_a_fact_is_found_with_line_and_position(sealed, flip) -> None:
    made = Path(sealed.export(5, 40).path)
    content = made.read_bytes()
    start, end = places(made)["facts.jsonl"]
    lines = content[start:end].splitlines(keepends=True)
    offset, chance = start, random.Random(13)
    for number, line in enumerate(lines, 1):
        within = chance.randrange(line.index(b'"stored":') + 9, len(line) - 2)
        code, printed = flip(content, offset + within, chance.randrange(8))
        offset += len(line)
        assert code == NOT_VERIFIED
        assert f"facts.jsonl line {number}" in printed, printed
        assert f"line {number} (position {number + 4})" in printed or "not JSON" in printed or "not a fact" in printed


def test_a_flipped_bit_in_a_row_of_the_table_is_found_with_line_and_position(sealed, flip) -> None:
    made = Path(sealed.export(5, 40).path)
    start, _ = places(made)["facts.csv"]
    content = made.read_bytes()
    third = content.index(b"\r\n7,", start) + 12
    assert "facts.csv line 4 (position 7)" in flip(content, third, 1)[1]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda content: content + b"x", "there is more behind the end"),
        (lambda content: content[:-1], "the zip's directory differs"),
        (lambda content: content[: len(content) // 2], "it has"),
        (lambda content: b"x" + content, "manifest.json: its header in the zip differs"),
        (lambda _: b"", "manifest.json: its header in the zip differs"),
    ],
    ids=["something behind it", "cut by a byte", "cut in half", "something before it", "nothing left"],
)
def test_what_was_added_or_cut_off_is_found(edit, said, sealed, tmp_path) -> None:
    changed = tmp_path / "changed.zip"
    changed.write_bytes(edit(Path(sealed.export().path).read_bytes()))
    code, printed = verdict(changed)
    assert code == NOT_VERIFIED
    assert said in printed


def test_a_bundle_that_was_packed_anew_by_another_tool_is_found(sealed, tmp_path) -> None:
    made, packed = sealed.export().path, tmp_path / "packed.zip"
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert verdict(packed)[0] == NOT_VERIFIED


def test_the_zip_file_that_runs_itself_fails_when_a_bit_of_it_is_flipped(sealed, check, tmp_path) -> None:
    made = Path(sealed.export(2, 10).path)
    content, inside, chance = made.read_bytes(), places(made), random.Random(17)
    starts = [chance.randrange(*inside["__main__.py"]) for _ in range(12)]
    codes = [chance.randrange(*inside["verify.py"]) for _ in range(6)]
    for byte in [*starts, *codes, *(chance.randrange(len(content)) for _ in range(6))]:
        changed = bytearray(content)
        changed[byte] ^= 1 << chance.randrange(8)
        (tmp_path / "flipped.zip").write_bytes(changed)
        done = check(program=tmp_path / "flipped.zip")
        assert done.returncode != 0, f"byte {byte}: {done.stdout}"
        assert done.stdout + done.stderr


def test_a_changed_file_of_an_unpacked_bundle_is_found(sealed, tmp_path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(sealed.export(2, 40, chassis="pe1").path) as bundle:
        bundle.extractall(folder)
        names = bundle.namelist()
    assert verdict(folder)[0] == VERIFIED
    for name in names:
        path = folder / name
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        code, printed = verdict(folder)
        assert code == NOT_VERIFIED
        assert name in printed
        path.unlink()
        assert verdict(folder)[0] == NOT_VERIFIED, name
        path.write_bytes(content)
    assert verdict(folder)[0] == VERIFIED
