"""``understudy audit checkpoint`` and ``audit verify``, as their users meet them."""

from pathlib import Path

import pytest

from audit.notes import parse_verifier_key
from audit.notes_checkpoint import parse_checkpoint


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    folder.mkdir()
    return folder


@pytest.fixture
def signed(installed, vault) -> str:
    """A checkpoint in the home and in the vault; the verifier key."""
    installed.run("audit", "checkpoint", "--witness", str(vault))
    return (installed.home / "notary.pub").read_text().strip()


def test_a_checkpoint_is_printed_and_held(installed, vault, signed) -> None:
    [note] = vault.iterdir()
    printed = installed.run("audit", "checkpoint").stdout
    assert printed == note.read_text()
    parse_verifier_key(signed).check(parse_checkpoint(printed).note)
    told = installed.json("audit", "checkpoint")
    assert (told["note"], told["size"], told["origin"]) == (printed, 3, parse_verifier_key(signed).name)


def test_a_witness_that_fails_is_a_failure_of_the_command(installed) -> None:
    failed = installed.run("audit", "checkpoint", "--witness-command", "echo full >&2; exit 9", expect=1)
    assert "'echo full >&2; exit 9' exited with 9: full" in failed.stderr


def test_a_record_that_is_whole_is_verified_and_that_is_recorded(installed, vault, signed) -> None:
    printed = installed.run("audit", "verify", "--witness", str(vault), "--key", signed).stdout
    assert [line.split()[:2] for line in printed.splitlines()[:3]] == [
        ["Integrity", "HOLDS"],
        ["Completeness", "HOLDS"],
        ["Rebuild", "HOLDS"],
    ]
    [noted] = installed.json("audit", "trail")
    assert noted["kind"] == "audit.verified.v1"
    assert (noted["fact"]["passed"], noted["fact"]["size"], noted["operator"]) == (True, 3, "noc")
    found = installed.json("audit", "verify", "--no-rebuild")
    assert found["integrity"]["text"].endswith("; nothing is signed yet of the 1 after it")
    assert found["rebuild"]["answer"] == "not asked"


@pytest.mark.usefixtures("signed")
def test_an_edit_is_named_and_ends_with_1(installed) -> None:
    installed.edit("UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = 2")
    printed = installed.run("audit", "verify", "--no-rebuild", expect=1).stdout
    assert "position 2 is not what was recorded and signed" in printed
    assert "First wrong   position 2:" in printed
    [noted] = installed.json("audit", "trail")
    assert noted["fact"]["passed"] is False


@pytest.mark.usefixtures("signed")
def test_a_fact_that_cannot_be_read_any_more_fails_the_rebuild_with_its_name(installed) -> None:
    installed.edit("UPDATE stored_events SET state = x'7b7d' WHERE position = 2")
    found = installed.run("audit", "verify", "--json", expect=1).stdout
    assert "(pe1 version 2): Object missing required field" in found


def test_an_old_copy_is_known_by_the_witness(installed, vault, signed) -> None:
    newest = next(vault.iterdir())
    installed.run("config", "redundancy", "synchronize", "config")
    installed.run("audit", "checkpoint", "--witness", str(vault))
    installed.edit("DELETE FROM stored_events WHERE position > 3")
    for name in ("tree.sqlite", "tree.sqlite-wal", "tree.sqlite-shm"):
        (installed.home / name).unlink(missing_ok=True)
    for note in (installed.home / "checkpoints").iterdir():
        if note.name != newest.name:
            note.unlink()
    for _ in range(2):  # looking does not take the place of what is missing
        done = installed.run("audit", "verify", "--witness", str(vault), "--key", signed, expect=1)
        assert "Completeness  FAILS           the record ends at position 3, " in done.stdout
        assert ": this is an old copy of the record" in done.stdout
        assert "is not recorded" in done.stderr


def test_verifying_without_a_trace_records_nothing_and_says_so(installed, vault, signed) -> None:
    done = installed.run("audit", "verify", "--no-trace", "--witness", str(vault), "--key", signed)
    assert done.stderr == "This verification is not recorded: --no-trace.\n"
    assert installed.json("audit", "trail") == []


@pytest.mark.usefixtures("signed")
def test_a_witness_that_holds_nothing_is_named_and_ends_with_1(installed, tmp_path) -> None:
    (empty := tmp_path / "not-mounted").mkdir()
    printed = installed.run("audit", "verify", "--no-rebuild", "--witness", str(empty), expect=1).stdout
    assert f"Completeness  CANNOT BE TOLD  no checkpoint found in {empty}; " in printed


@pytest.mark.usefixtures("signed")
def test_the_witness_of_the_environment_is_asked_and_without_one_completeness_is_open(
    installed, vault, monkeypatch
) -> None:
    printed = installed.run("audit", "verify", "--no-rebuild").stdout
    assert "Completeness  CANNOT BE TOLD  no position is missing up to 3, by the home alone" in printed
    monkeypatch.setenv("UNDERSTUDY_WITNESS", str(vault))
    assert "Completeness  HOLDS" in installed.run("audit", "verify", "--no-rebuild").stdout


@pytest.mark.usefixtures("signed")
def test_a_gap_is_counted_and_nobody_is_sent_to_what_is_not_there(installed) -> None:
    installed.edit("DELETE FROM stored_events WHERE position = 2")
    printed = installed.run("audit", "verify", "--no-rebuild", expect=1).stdout
    assert "every fact that is there up to position 3 is what was signed" in printed
    assert "Record        2 events up to position 3, root" in printed
    assert "First wrong   position 2: a backup may have it: understudy fsck --mend-with BACKUP" in printed


@pytest.mark.usefixtures("signed")
def test_where_only_bounds_are_known_no_position_is_named(installed) -> None:
    installed.edit("UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = 2")
    (installed.home / "tree.sqlite").unlink()
    printed = installed.run("audit", "verify", "--no-rebuild", expect=1).stdout
    assert "First wrong   one of positions 1 to 3: no hash that is proved tells which" in printed


@pytest.mark.usefixtures("signed")
def test_the_checkpoints_at_hand_are_listed(installed, vault, tmp_path) -> None:
    (empty := tmp_path / "not-mounted").mkdir()
    words = ("audit", "checkpoint", "--list", "--witness", str(vault), "--witness", str(empty))
    found = installed.json(*words)
    assert [(one["size"], one["outside"]) for one in found["checkpoints"]] == [(3, False), (3, True)]
    assert (found["empty"], found["restores"], found["findings"]) == ([str(empty)], [], [])
    printed = installed.run(*words).stdout
    assert f"3         {found['checkpoints'][0]['root'][:16]}   {vault}/{3:020d}.note" in printed
    assert f"No checkpoint found in {empty}." in printed
    assert "There is no folder" in installed.run(*words[:3], "--witness", str(tmp_path / "none"), expect=2).stderr


@pytest.mark.usefixtures("signed")
def test_after_a_restore_nothing_is_signed_until_somebody_says_why(installed) -> None:
    copy = installed.home / "copy.sqlite"
    installed.run("backup", str(copy))
    installed.run("config", "redundancy", "synchronize", "config")
    installed.run("audit", "checkpoint")
    for path in installed.home.glob("record.sqlite*"):
        path.unlink()
    copy.rename(installed.home / "record.sqlite")
    (installed.home / "record.sqlite").chmod(0o644)
    assert "--after-restore" in installed.run("audit", "checkpoint", expect=1).stderr
    assert "needs a REASON" in installed.run("audit", "checkpoint", "--after-restore", " ", expect=2).stderr
    made = installed.json("audit", "checkpoint", "--after-restore", "the disk died")
    assert (made["size"], made["origin"].endswith("/restored-1")) == (4, True)
    printed = installed.run("audit", "verify").stdout
    assert "Restored      a backup was put in place of the record, which had 3 events then (the disk died)" in printed
    [noted, _] = installed.json("audit", "trail")
    assert "a backup was put in place (the disk died)" in noted["fact"]["rebuild"]
    assert noted["operator"] == "noc"
    again = installed.run("audit", "checkpoint", "--after-restore", "once more", expect=3)
    assert "no new log is needed" in again.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--key", "nonsense"), "not a verifier key: it is not of the form NAME+ID+KEY."),
        (("--witness", "no-such-folder"), "does not exist"),
    ],
)
def test_wrong_usage_says_what_is_wrong(installed, words: tuple[str, ...], said: str) -> None:
    assert said in installed.run("audit", "verify", *words, expect=2).stderr
