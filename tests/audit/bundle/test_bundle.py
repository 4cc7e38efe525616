"""A bundle verifies on another machine, with nothing but Python, and says what it proves."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest


def test_a_bundle_verifies_with_the_standard_library_when_the_record_is_gone(sealed, check, record, tmp_path) -> None:
    made = sealed.export()
    record.close()
    (tmp_path / "record.sqlite").unlink()
    done = check(made.path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VERIFIED, with the bundle's own key" in done.stdout
    assert f"positions 1 to {len(sealed.rows)}, none is missing" in done.stdout


def test_the_zip_file_verifies_itself(sealed, check) -> None:
    made = sealed.export()
    done = check(program=Path(made.path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unpacked_bundle_verifies_in_its_folder(sealed, check, tmp_path) -> None:
    folder = tmp_path / "unpacked"
    shutil.unpack_archive(sealed.export().path, folder)
    done = check(program=folder / "verify.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every file is as the manifest says" in done.stdout


def test_the_verifier_finds_the_one_bundle_beside_it(sealed, check, tmp_path) -> None:
    shutil.copy(sealed.export().path, tmp_path / "auditor")
    assert check().returncode == 0


def test_the_verifier_asks_which_of_several_bundles_is_meant(sealed, check, tmp_path) -> None:
    for name in ("one.zip", "two.zip"):
        shutil.copy(sealed.export().path, tmp_path / "auditor" / name)
    done = check()
    assert done.returncode == 2
    assert "there are 2 zip files" in done.stderr


def test_a_named_key_that_signed_the_bundle_is_said_to_be_the_named_one(sealed, check) -> None:
    done = check(sealed.export().path, "--key", sealed.key.verifier.text)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("VERIFIED.\n")


def test_a_key_may_be_named_by_its_file(sealed, check, tmp_path) -> None:
    (tmp_path / "notary.pub").write_text(f"{sealed.key.verifier.text}\n")
    assert check(sealed.export().path, "--key", tmp_path / "notary.pub").returncode == 0


def test_another_key_than_the_named_one_fails(sealed, check) -> None:
    other = type(sealed.key).make(sealed.key.name).verifier.text
    done = check(sealed.export().path, "--key", other)
    assert done.returncode == 1
    assert "notary.pub is not the key that you named" in done.stdout
    assert f"it is signed by {sealed.key.name}+{sealed.key.verifier.key_id.hex()}, not by" in done.stdout


def test_a_checkpoint_that_was_held_elsewhere_has_to_be_one_of_the_bundle(sealed, check, tmp_path) -> None:
    made = sealed.export(1, 10, sizes=(10, len(sealed.rows)))
    held = tmp_path / "held.note"
    held.write_text(sealed.seals(10).checkpoints[0].note.whole)
    assert (
        "what you hold is the bundle's: up to position 10, nothing was edited since"
        in check(made.path, "--checkpoint", held).stdout
    )
    held.write_text(sealed.seals(11).checkpoints[0].note.whole)
    done = check(made.path, "--checkpoint", held)
    assert done.returncode == 1
    assert "the checkpoint of 11 facts that you hold is not in the bundle" in done.stdout


def test_a_record_that_was_written_anew_is_betrayed_by_a_checkpoint_held_elsewhere(sealed, check, tmp_path) -> None:
    held = tmp_path / "held.note"
    held.write_text(sealed.seals(10).checkpoints[0].note.whole)
    position, chassis, version, name, stored = sealed.rows[4]
    sealed.rows[4] = position, chassis, version, name, stored.replace(b"T", b" ", 1)
    sealed.__post_init__()
    made = sealed.export(1, 10, sizes=(10,))
    assert check(made.path).returncode == 0
    done = check(made.path, "--checkpoint", held)
    assert done.returncode == 1
    assert "the checkpoint of 10 facts that you hold has another root" in done.stdout


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 7), (8, 8), (9, 16), (5, 23), (17, 0)])
def test_every_part_of_the_record_can_be_exported(first, last, sealed, check) -> None:
    made = sealed.export(first, last)
    done = check(made.path)
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(made.path) as bundle:
        lines = [json.loads(line) for line in bundle.read("facts.jsonl").splitlines()]
    assert [line["position"] for line in lines] == list(range(first, (last or len(sealed.rows)) + 1))


def test_the_facts_of_one_chassis_are_proved_one_by_one(sealed, check) -> None:
    for chassis in {row[1] for row in sealed.rows}:
        made = sealed.export(3, 30, chassis=chassis, name="one.zip")
        done = check(made.path)
        assert done.returncode == 0, done.stdout
        assert f"of {chassis}, none is missing from position 3 to 30" in done.stdout


def test_a_chassis_without_a_fact_behind_the_range_leaves_its_end_open(sealed, check) -> None:
    done = check(sealed.export(3, chassis="pe1").path)
    assert done.returncode == 0, done.stdout
    assert "whether it had more after that is not proved" in done.stdout
    with zipfile.ZipFile(sealed.export(3, chassis="pe1").path) as bundle:
        assert len(bundle.read("neighbours.jsonl").splitlines()) == 1


def test_a_neighbour_that_no_checkpoint_covers_is_left_out(sealed, check) -> None:
    last = max(row[0] for row in sealed.rows[:30] if row[1] == "pe1")
    done = check(sealed.export(3, last, chassis="pe1", sizes=(last,)).path)
    assert done.returncode == 0, done.stdout
    assert "is not proved" in done.stdout


def test_a_line_holds_what_is_stored_byte_for_byte(sealed) -> None:
    with zipfile.ZipFile(sealed.export().path) as bundle:
        lines = bundle.read("facts.jsonl").splitlines()
    assert [line.partition(b',"stored":')[2][:-1] for line in lines] == [row[4] for row in sealed.rows]


def test_the_table_says_what_the_lines_say_and_holds_no_formula(sealed) -> None:
    import csv  # noqa: PLC0415 - only this test reads one

    with zipfile.ZipFile(sealed.export().path) as bundle:
        rows = list(csv.DictReader(bundle.read("facts.csv").decode().splitlines(keepends=True)))
    assert [row["stored"] for row in rows] == [row[4].decode() for row in sealed.rows]
    assert {row["chassis"] for row in rows} == {"pe1", 'p"e\\2 ü', "'=pe3"}
    assert rows[0]["recorded_at"] == json.loads(rows[0]["stored"])["recorded_at"]


def test_parquet_has_the_same_facts_with_times_as_times(sealed, check, tmp_path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    made = sealed.export(with_parquet=True)
    with zipfile.ZipFile(made.path) as bundle:
        bundle.extract("facts.parquet", tmp_path)
    table = parquet.read_table(tmp_path / "facts.parquet")
    assert table["stored"].to_pylist() == [row[4].decode() for row in sealed.rows]
    assert table["position"].to_pylist() == [row[0] for row in sealed.rows]
    assert str(table.schema.field("recorded_at").type) == "timestamp[us, tz=UTC]"
    assert "parquet" in check(made.path).stdout


def test_ordinary_tools_unpack_the_bundle(sealed) -> None:
    with zipfile.ZipFile(sealed.export().path) as bundle:
        assert bundle.testzip() is None
        assert bundle.namelist()[:2] == ["manifest.json", "manifest.note"]
        manifest = json.loads(bundle.read("manifest.json"))
    assert manifest["operator"] == "noc"
    assert manifest["query"] == {"from": "1", "to": str(len(sealed.rows)), "chassis": None}
    assert manifest["facts"]["count"] == len(sealed.rows)


def test_the_same_question_gives_the_same_bytes(sealed) -> None:
    assert sealed.export(name="a.zip").sha256 == sealed.export(name="b.zip").sha256


def test_the_verifier_needs_nothing_newer_than_python_3_8() -> None:
    import ast  # noqa: PLC0415 - only this test parses

    from audit.bundle.standalone import verifier  # noqa: PLC0415 - the same

    tree = ast.parse(verifier(), feature_version=(3, 8))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    names += [ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)]
    assert len(names) == len(set(names)), "two parts of the verifier use the same name"
