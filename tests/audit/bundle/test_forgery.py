"""Whoever edits a bundle and mends all that can be mended without the key, or with it, is found."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.bundle.asked import EvidenceError, Seals
from audit.bundle.packing import measure, pack
from audit.bundle.verifier.lines import CSV_HEADING, parse_line, parse_stored
from audit.bundle.verifier.members import MANIFEST, SIGNATURE
from audit.notes import SigningKey


class Forger:
    """Unpacks a bundle, edits it, and makes everything agree again that a key is not needed for."""

    def __init__(self, made: str, folder: Path) -> None:
        self.folder = folder
        with zipfile.ZipFile(made) as bundle:
            self.names = bundle.namelist()
            bundle.extractall(folder)

    def rewrite(self, edit: Callable[[list[bytes]], list[bytes]]) -> None:
        """Edits the lines, and makes table and leaves of them."""
        lines = edit((self.folder / "facts.jsonl").read_bytes().splitlines(keepends=True))
        facts = [parse_line(line) for line in lines]
        (self.folder / "facts.jsonl").write_bytes(b"".join(lines))
        rows = [fact.csv(parse_stored(fact.stored)) for fact in facts]
        (self.folder / "facts.csv").write_bytes(CSV_HEADING + b"".join(rows))
        (self.folder / "leaves.bin").write_bytes(b"".join(fact.leaf() for fact in facts))
        self.manifest(lambda manifest: manifest["facts"].update(count=len(facts)))

    def manifest(self, edit: Callable[[dict], object] = lambda _: None) -> None:
        path = self.folder / MANIFEST
        manifest = json.loads(path.read_bytes())
        edit(manifest)
        manifest["members"] = [measure(self.folder, one["name"])._asdict() for one in manifest["members"]]
        path.write_text(json.dumps(manifest))

    def sign(self, key: SigningKey) -> None:
        self.manifest()
        digest = hashlib.sha256((self.folder / MANIFEST).read_bytes()).hexdigest()
        note = key.sign(f"understudy-evidence/1\n{key.name}\n{digest}\n")
        (self.folder / SIGNATURE).write_text(note.whole)

    def pack(self) -> Path:
        target = self.folder.with_suffix(".zip")
        target.unlink(missing_ok=True)
        pack(self.folder, self.names, target)
        return target


@pytest.fixture
def forger(sealed, tmp_path) -> Forger:
    return Forger(sealed.export(5, 40, sizes=(45, 60)).path, tmp_path / "forged")


def soften(lines: list[bytes]) -> list[bytes]:
    at = next(number for number, line in enumerate(lines) if b"no-space" in line)
    lines[at] = lines[at].replace(b"no-space", b"no-harm!")
    return lines


def test_the_forger_of_these_tests_can_pack_a_bundle_that_verifies(forger, check) -> None:
    done = check(forger.pack())
    assert done.returncode == 0, done.stdout


def test_an_edited_fact_fails_though_everything_else_was_made_to_agree(forger, check) -> None:
    forger.rewrite(soften)
    done = check(forger.pack())
    assert done.returncode == 1
    assert "FAILED  signature    manifest.json is not the one that manifest.note signs" in done.stdout
    assert "FAILED  inclusion" in done.stdout
    assert "ok      content" in done.stdout


def test_an_edited_fact_fails_though_the_owner_of_the_key_signs_it(forger, check, sealed) -> None:
    forger.rewrite(soften)
    forger.sign(sealed.key)
    done = check(forger.pack(), "--key", sealed.key.verifier.text)
    assert done.returncode == 1
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert failed == ["inclusion"]
    assert "do not give the root that the checkpoint of 60 facts signs" in done.stdout


def test_a_fact_that_was_left_out_fails_with_its_position(forger, check, sealed) -> None:
    forger.rewrite(lambda lines: lines[:3] + lines[4:])
    forger.sign(sealed.key)
    done = check(forger.pack())
    assert done.returncode == 1
    assert "facts.jsonl line 4 (position 9): position 8 should be here" in done.stdout


def test_facts_in_another_order_fail(forger, check, sealed) -> None:
    forger.rewrite(lambda lines: [lines[1], lines[0], *lines[2:]])
    forger.sign(sealed.key)
    assert "facts.jsonl line 2 (position 5): it comes after position 6" in check(forger.pack()).stdout


def test_a_fact_of_one_chassis_that_was_left_out_fails_with_its_version(sealed, check, tmp_path) -> None:
    forger = Forger(sealed.export(chassis="pe1").path, tmp_path / "forged")
    forger.rewrite(lambda lines: lines[:3] + lines[4:])
    forger.sign(sealed.key)
    done = check(forger.pack())
    assert done.returncode == 1
    assert "version 5 of pe1 comes after version 3" in done.stdout


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (slice(1, 2), "is the first, and neighbours.jsonl has none before it"),
        (slice(0, 1), None),
    ],
    ids=["before", "behind"],
)
def test_a_neighbour_that_was_left_out_is_said(kept, said, sealed, check, tmp_path) -> None:
    forger = Forger(sealed.export(20, 30, chassis="pe1").path, tmp_path / "forged")
    path = forger.folder / "neighbours.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[kept]))
    forger.sign(sealed.key)
    done = check(forger.pack())
    assert done.returncode == 1
    assert said is None or said in done.stdout


def test_a_neighbour_of_another_chassis_fails(sealed, check, tmp_path) -> None:
    forger = Forger(sealed.export(20, 30, chassis="pe1").path, tmp_path / "forged")
    path = forger.folder / "neighbours.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"pe1"', b'"pe2"', 1))
    forger.sign(sealed.key)
    assert "it does not hold the facts before and behind the range" in check(forger.pack()).stdout


def test_a_narrower_range_than_was_asked_for_fails(forger, check, sealed) -> None:
    forger.rewrite(lambda lines: lines[:-1])
    forger.sign(sealed.key)
    assert "its range is not that of the facts" in check(forger.pack()).stdout


def test_a_bundle_that_another_key_has_signed_anew_fails_for_who_knows_the_key(sealed, check) -> None:
    thief = type(sealed)(sealed.rows, sealed.folder, SigningKey.make(sealed.key.name))
    made = thief.export().path
    assert check(made).returncode == 0
    assert check(made, "--key", sealed.key.verifier.text).returncode == 1


def test_a_checkpoint_from_another_history_fails(forger, check, sealed) -> None:
    other = type(sealed)([*sealed.rows[:44], (45, "pe1", 99, "x", b"{}"), *sealed.rows[45:]], sealed.folder, sealed.key)
    note = other.seals(45).checkpoints[0].note.whole
    (forger.folder / "checkpoints" / f"{45:020d}.note").write_text(note)
    forger.sign(sealed.key)
    done = check(forger.pack())
    assert done.returncode == 1
    assert "the first 60 facts do not begin with the first 45" in done.stdout


def test_checkpoints_and_signatures_of_manifests_are_not_taken_for_each_other(forger, check, sealed) -> None:
    note = sealed.seals(60).checkpoints[0].note.whole
    (forger.folder / SIGNATURE).write_text(note)
    assert "FAILED  signature" in check(forger.pack()).stdout
    manifest_note = sealed.key.sign(f"understudy-evidence/1\n{sealed.key.name}\n{'0' * 64}\n").whole
    (forger.folder / "checkpoints" / f"{60:020d}.note").write_text(manifest_note)
    forger.manifest()
    assert "the size of the checkpoint is" in check(forger.pack()).stdout


@pytest.mark.parametrize(
    "edit",
    [
        lambda manifest: manifest.clear(),
        lambda manifest: manifest.update(range=None),
        lambda manifest: manifest.update(facts={"count": "many"}),
        lambda manifest: manifest.update(range={"first": "1", "last": [], "chassis": None}),
        lambda manifest: manifest.update(format="understudy-evidence/2"),
        lambda manifest: manifest["members"].append({"name": "../../etc/passwd", "size": 1, "sha256": "0" * 64}),
        lambda manifest: manifest["members"].append(dict(manifest["members"][0])),
        lambda manifest: manifest["members"].append({"name": "x", "size": -1, "sha256": "0" * 64}),
        lambda manifest: manifest["members"].append({"name": "x", "size": 1 << 62, "sha256": "0" * 64}),
        lambda manifest: manifest["members"].append({"name": "x", "size": 10**25, "sha256": "0" * 64}),
    ],
)
def test_a_manifest_that_says_nonsense_fails_with_a_verdict(edit, forger, check, sealed) -> None:
    path = forger.folder / MANIFEST
    manifest = json.loads(path.read_bytes())
    edit(manifest)
    path.write_text(json.dumps(manifest))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (forger.folder / SIGNATURE).write_text(
        sealed.key.sign(f"understudy-evidence/1\n{sealed.key.name}\n{digest}\n").whole
    )
    done = check(forger.pack())
    assert done.returncode == 1
    assert "NOT VERIFIED" in done.stdout
    assert not done.stderr


def test_nobody_is_given_a_bundle_of_facts_that_are_not_those_that_were_sealed(sealed) -> None:
    position, chassis, version, name, stored = sealed.rows[20]
    sealed.rows[20] = position, chassis, version, name, stored.replace(b"T", b" ", 1)
    with pytest.raises(EvidenceError, match=r"not those that the checkpoints seal.*see: understudy audit verify"):
        sealed.export(5, 40)
    assert not list(sealed.folder.iterdir())


def test_a_damaged_fact_is_named_and_nothing_is_left_behind(sealed) -> None:
    sealed.rows[20] = (*sealed.rows[20][:4], b'{"broken')
    with pytest.raises(EvidenceError, match="position 21 is damaged"):
        sealed.export(5, 40)
    assert not list(sealed.folder.iterdir())


def test_seals_that_do_not_cover_the_facts_make_no_bundle(sealed) -> None:
    with pytest.raises(EvidenceError):
        sealed.export(5, 40, sizes=(20,))
    assert isinstance(sealed.seals(20), Seals)
    assert not list(sealed.folder.iterdir())
