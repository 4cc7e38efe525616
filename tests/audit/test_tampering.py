"""Whoever edits the record past the program is caught, and what is wrong is named: every test tampers for real."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from audit.notary import checkpoint
from audit.notary_key import KEY, VERIFIER, pinned_key
from audit.tree import FILE, discard
from audit.verification import verify
from audit.verification_answer import Answer, Kind, Verdict
from audit.witnesses import BESIDE, Folder
from events.audit_commands import NoteRead
from events.facts import Question

FIRST, SECOND, LATER = 20, 20, 6


def kinds(verdict: Verdict) -> list[tuple[Kind, int]]:
    return [(finding.kind, finding.first) for finding in verdict.findings]


def test_a_record_that_nobody_touched_holds(sealed, verified, proven) -> None:
    found = verified(with_outside=True)
    assert (found.integrity.answer, found.completeness.answer) == (Answer.HOLDS, Answer.HOLDS)
    assert (found.size, found.sealed, found.checkpoints, found.first_wrong) == (sealed[2], sealed[1], 4, 0)
    assert found.rebuild.answer is Answer.NOT_ASKED
    assert found.holds
    assert found.key == (proven.home / VERIFIER).read_text().strip()
    later = sealed[2] - sealed[1]
    assert found.integrity.text.endswith(
        f"position {sealed[1]} is what was signed; nothing is signed yet of the {later} after it"
    )


@pytest.mark.parametrize("position", [1, 2, 17, 25])
@pytest.mark.usefixtures("sealed")
def test_a_changed_byte_is_named_with_its_position(verified, proven, position: int) -> None:
    proven.edit(f"UPDATE stored_events SET state = CAST(replace(state, 'a', 'b') AS BLOB) WHERE position = {position}")
    found = verified()
    assert found.integrity.answer is Answer.FAILS
    assert (found.first_wrong, kinds(found.integrity)) == (position, [(Kind.EDITED, position)])
    assert found.integrity.text == f"position {position} is not what was recorded and signed"
    assert (found.completeness.answer, found.holds) == (Answer.UNKNOWN, False)


@pytest.mark.parametrize("column", ["originator_id = 'pe9'", "topic = 'sync.started.v2'", "originator_version = 900"])
@pytest.mark.usefixtures("sealed")
def test_every_column_is_signed(verified, proven, column: str) -> None:
    proven.edit(f"UPDATE stored_events SET {column} WHERE position = 9")
    assert kinds(verified().integrity) == [(Kind.EDITED, 9)]


@pytest.mark.usefixtures("sealed")
def test_a_replaced_row_is_named_although_no_guard_sees_a_replacement(verified, proven) -> None:
    proven.close()
    with closing(sqlite3.connect(proven.place)) as connection, connection:
        connection.execute(
            "REPLACE INTO stored_events SELECT position, originator_id, originator_version, topic, "
            "CAST(state || ' ' AS BLOB) FROM stored_events WHERE position = 11"
        )
    assert kinds(verified().integrity) == [(Kind.EDITED, 11)]


@pytest.mark.usefixtures("sealed")
def test_a_text_in_the_place_of_the_same_bytes_is_an_edit(verified, proven) -> None:
    proven.edit("UPDATE stored_events SET state = CAST(state AS TEXT) WHERE position = 9")
    assert kinds(verified().integrity) == [(Kind.EDITED, 9)]


@pytest.mark.usefixtures("sealed")
def test_all_edits_are_found_not_only_the_first(verified, proven) -> None:
    proven.edit("UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position IN (3, 8, 30)")
    found = verified()
    assert kinds(found.integrity) == [(Kind.EDITED, 3), (Kind.EDITED, 8), (Kind.EDITED, 30)]
    assert (found.integrity.found, found.first_wrong, found.first_wrong_until) == (3, 3, 3)


@pytest.mark.usefixtures("sealed")
def test_a_deleted_row_is_a_gap_and_the_others_are_proved_to_be_unedited(verified, proven) -> None:
    proven.edit("DELETE FROM stored_events WHERE position = 12")
    found = verified()
    assert found.completeness.answer is Answer.FAILS
    assert kinds(found.completeness)[0] == (Kind.GAP, 12)
    assert [kind for kind, _ in kinds(found.completeness)] == [Kind.GAP, Kind.STREAM_GAP]
    assert (found.completeness.text, found.first_wrong) == ("position 12 is missing", 12)
    assert found.integrity.answer is Answer.HOLDS
    assert found.integrity.text.startswith("every fact that is there up to position ")
    assert found.facts == found.size - 1


@pytest.mark.usefixtures("sealed")
def test_a_deleted_row_whose_gap_was_closed_is_named(verified, proven) -> None:
    proven.edit(
        "DELETE FROM stored_events WHERE position = 12",
        "UPDATE stored_events SET position = -(position - 1) WHERE position > 12",
        "UPDATE stored_events SET position = -position WHERE position < 0",
    )
    found = verified()
    assert (found.integrity.answer, found.completeness.answer) == (Answer.FAILS, Answer.FAILS)
    assert found.first_wrong == 12
    assert kinds(found.integrity)[0] == (Kind.EDITED, 12)


@pytest.mark.usefixtures("sealed")
def test_two_swapped_rows_are_both_named(verified, proven) -> None:
    proven.edit(
        "UPDATE stored_events SET position = -5 WHERE position = 5",
        "UPDATE stored_events SET position = 5 WHERE position = 14",
        "UPDATE stored_events SET position = 14 WHERE position = -5",
    )
    found = verified()
    assert kinds(found.integrity) == [(Kind.EDITED, 5), (Kind.EDITED, 14)]
    assert (found.first_wrong, found.completeness.answer) == (5, Answer.FAILS)


def test_a_cut_tail_is_named_with_what_is_missing(sealed, verified, proven) -> None:
    proven.edit(f"DELETE FROM stored_events WHERE position > {sealed[1] - 4}")
    found = verified()
    assert kinds(found.completeness) == [(Kind.CUT_TAIL, sealed[1] - 3)]
    assert (found.completeness.findings[0].last, found.first_wrong) == (sealed[1], sealed[1] - 3)
    assert f"ends at position {sealed[1] - 4}" in found.completeness.text
    assert found.integrity.answer is Answer.HOLDS


def test_what_is_left_of_a_cut_record_is_proved_by_the_checkpoint_of_the_whole(proven, verified) -> None:
    proven.grow(FIRST)
    head = checkpoint(proven.home, proven.record).checkpoint.size
    proven.edit(f"DELETE FROM stored_events WHERE position > {head - 5}")
    found = verified()
    assert (found.integrity.answer, found.sealed) == (Answer.HOLDS, head - 5)
    assert kinds(found.completeness) == [(Kind.CUT_TAIL, head - 4)]


def test_a_tail_is_missed_that_only_the_notary_had_seen(sealed, verified, proven) -> None:
    checkpoint(proven.home, proven.record)
    for note in (proven.home / BESIDE).glob(f"*{sealed[2]}.note"):
        note.unlink()
    proven.edit(f"DELETE FROM stored_events WHERE position > {sealed[2] - 2}")
    assert kinds(verified().completeness) == [(Kind.CUT_TAIL, sealed[2] - 1)]


def test_an_old_copy_of_the_whole_home_is_known_by_a_witness_outside(proven, outside, tmp_path, verified) -> None:
    proven.grow(FIRST)
    first = checkpoint(proven.home, proven.record, witnesses=[outside]).checkpoint.size
    proven.close()
    shutil.copytree(proven.home, tmp_path / "copy")
    proven.grow(SECOND)
    second = checkpoint(proven.home, proven.record, witnesses=[outside]).checkpoint.size
    proven.close()
    shutil.rmtree(proven.home)
    (tmp_path / "copy").rename(proven.home)

    assert verified().holds, "by itself, an old copy is a whole record"
    found = verified(with_outside=True)
    assert kinds(found.completeness) == [(Kind.OLD_COPY, first + 1)]
    assert (found.completeness.findings[0].last, found.first_wrong) == (second, first + 1)
    assert found.completeness.text.endswith("this is an old copy of the record")
    assert found.integrity.answer is Answer.HOLDS


def test_an_old_copy_that_was_gone_on_with_is_a_second_history(proven, outside, tmp_path, verified) -> None:
    proven.grow(FIRST)
    first = checkpoint(proven.home, proven.record, witnesses=[outside]).checkpoint.size
    proven.close()
    shutil.copytree(proven.home, tmp_path / "copy")
    proven.grow(SECOND)
    second = checkpoint(proven.home, proven.record, witnesses=[outside]).checkpoint.size
    proven.close()
    shutil.rmtree(proven.home)
    (tmp_path / "copy").rename(proven.home)
    proven.grow(SECOND + 10, "pe3")
    checkpoint(proven.home, proven.record)

    found = verified(with_outside=True).integrity
    assert kinds(found) == [(Kind.CONTRADICTION, first + 1)]
    assert found.findings[0].last == second
    assert f"{outside.path}/{second:020d}.note" in found.text


@pytest.mark.parametrize("with_home", [True, False])
@pytest.mark.usefixtures("sealed")
def test_an_old_copy_is_known_although_it_was_read_since(proven, outside, tmp_path, verified, with_home: bool) -> None:
    checkpoint(proven.home, proven.record, witnesses=[outside])
    proven.close()
    shutil.copytree(proven.home, tmp_path / "copy")
    newest = proven.grow(1, "pe1")
    checkpoint(proven.home, proven.record, witnesses=[outside])
    proven.close()
    if with_home:
        shutil.rmtree(proven.home)
        (tmp_path / "copy").rename(proven.home)
    else:
        for path in proven.home.glob("record.sqlite*"):
            path.unlink()
        shutil.copy(tmp_path / "copy" / "record.sqlite", proven.place)
    before = proven.record.head()
    while proven.record.head() <= newest:
        proven.record.note(NoteRead(what=Question.AS_OF, query="1", operator="noc"))
    found = verified(with_outside=True).completeness
    assert [(one.first, one.last) for one in found.findings] == [(before + 1, newest)]
    assert kinds(found) == [(Kind.OLD_COPY if with_home else Kind.CUT_TAIL, before + 1)]
    assert f"after position {before} the record has only readings that were made since" in found.text


def test_an_edit_before_readings_at_the_end_is_no_old_copy(proven, verified) -> None:
    head = proven.grow(FIRST)
    proven.record.note(NoteRead(what=Question.AS_OF, query="1", operator="noc"))
    checkpoint(proven.home, proven.record)
    proven.edit(f"UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = {head}")
    assert verified().completeness.answer is Answer.UNKNOWN
    discard(proven.home / FILE)
    assert verified().completeness.answer is Answer.UNKNOWN


def test_a_witness_that_holds_nothing_leaves_completeness_open(sealed, proven, tmp_path) -> None:
    empty = tmp_path / "not-mounted"
    empty.mkdir()
    found = verify(proven.home, proven.record, witnesses=[Folder(empty)])
    assert (found.holds, found.completeness.answer) == (False, Answer.UNKNOWN)
    assert found.completeness.text.startswith(f"no checkpoint found in {empty}; ")
    proven.edit(f"DELETE FROM stored_events WHERE position > {sealed[1] - 4}")
    found = verify(proven.home, proven.record, witnesses=[Folder(empty)])
    assert found.completeness.answer is Answer.FAILS


@pytest.mark.usefixtures("sealed")
def test_without_anybody_outside_nobody_tells_where_the_record_ends(proven, verified) -> None:
    found = verified()
    assert (found.completeness.answer, found.witnesses, found.holds) == (Answer.UNKNOWN, 0, True)
    assert found.completeness.text.endswith("by the home alone; name a witness: --witness")
    proven.edit("UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = 3")
    assert not verified().holds
    found = verified(with_outside=True)
    assert (found.completeness.answer, found.witnesses) == (Answer.HOLDS, 1)


def test_two_checkpoints_of_one_size_with_other_roots_contradict_each_other(
    proven, outside, tmp_path, verified
) -> None:
    proven.grow(FIRST)
    checkpoint(proven.home, proven.record)
    proven.close()
    shutil.copytree(proven.home, tmp_path / "copy")
    head = proven.grow(SECOND, "pe3")
    checkpoint(proven.home, proven.record, witnesses=[outside])
    proven.close()
    shutil.rmtree(proven.home)
    (tmp_path / "copy").rename(proven.home)
    assert proven.grow(SECOND, "pe4") == head
    checkpoint(proven.home, proven.record)
    found = verified(with_outside=True).integrity
    assert (Kind.CONTRADICTION, 0) in kinds(found)
    assert f"{head:020d}.note contradict each other: the same key has signed two histories" in found.text


def test_a_checkpoint_that_was_signed_again_with_another_key_is_named(sealed, proven, verified) -> None:
    pinned = pinned_key(proven.home)
    proven.edit("UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = 7")
    for name in (KEY, VERIFIER):
        (proven.home / name).unlink()
    shutil.rmtree(proven.home / BESIDE)
    discard(proven.home / FILE)
    checkpoint(proven.home, proven.record)
    other = pinned_key(proven.home)
    assert pinned
    assert other

    assert verified().holds, "who has everything can make a record that is whole by itself"
    found = verified(with_outside=True)
    assert {kind for kind, _ in kinds(found.integrity)} == {Kind.OTHER_KEY}
    assert pinned.key_id.hex() in found.integrity.text
    assert other.key_id.hex() in found.integrity.text
    found = verified(key=pinned, with_outside=True)
    assert (Kind.OTHER_KEY, 0) in kinds(found.integrity)
    assert (Kind.EDITED_BETWEEN, 1) in kinds(found.integrity)
    assert (found.first_wrong, found.integrity.findings[0].last) == (1, sealed[0])


@pytest.mark.usefixtures("sealed")
def test_a_record_that_was_put_in_the_place_of_another_is_a_stranger_to_the_witness(proven, outside, verified) -> None:
    proven.close()
    shutil.rmtree(proven.home)
    proven.home.mkdir()
    proven.grow(10, "pe7")
    checkpoint(proven.home, proven.record)
    found = verified(with_outside=True).integrity
    assert [kind for kind, _ in kinds(found)] == [Kind.NOT_THIS_LOG]
    assert str(outside.path) in found.text


@pytest.mark.usefixtures("sealed")
def test_an_edited_first_position_is_not_the_one_that_the_log_is_named_after(proven, verified) -> None:
    discard(proven.home / FILE)
    shutil.rmtree(proven.home / BESIDE)
    proven.edit("UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = 1")
    assert kinds(verified().integrity) == [(Kind.NOT_THIS_LOG, 1)]


@pytest.mark.parametrize("position", [7, 27])
def test_without_the_tree_an_edit_is_bounded_by_two_checkpoints(sealed, proven, verified, position: int) -> None:
    discard(proven.home / FILE)
    proven.edit(f"UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = {position}")
    found = verified().integrity
    below, above = (0, sealed[0]) if position <= sealed[0] else (sealed[0], sealed[1])
    assert [(one.kind, one.first, one.last) for one in found.findings] == [(Kind.EDITED_BETWEEN, below + 1, above)]
    bounds = verified()
    assert (bounds.first_wrong, bounds.first_wrong_until) == (below + 1, above), "and no position is named for certain"


def test_a_tree_that_was_edited_with_the_record_deceives_nobody(sealed, proven, verified) -> None:
    proven.edit("UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = 27")
    discard(proven.home / FILE)
    (moved := proven.home / BESIDE).rename(proven.home / "away")
    (key := proven.home / KEY).rename(proven.home / "key")
    (public := proven.home / VERIFIER).rename(proven.home / "public")
    checkpoint(proven.home, proven.record)  # makes a tree of the edited record
    shutil.rmtree(moved)
    (proven.home / "away").rename(moved)
    (proven.home / "key").rename(key)
    (proven.home / "public").rename(public)
    found = verified().integrity
    assert [(one.kind, one.first, one.last) for one in found.findings] == [
        (Kind.EDITED_BETWEEN, sealed[0] + 1, sealed[1])
    ]


@pytest.mark.usefixtures("sealed")
def test_a_tree_that_was_edited_alone_changes_no_verdict(proven, verified) -> None:
    with closing(sqlite3.connect(proven.home / FILE)) as connection, connection:
        connection.execute("UPDATE tiles SET hashes = zeroblob(length(hashes))")
    assert verified().holds


@pytest.mark.usefixtures("sealed")
def test_an_edit_that_is_not_signed_for_yet_is_seen_by_what_the_notary_saw(proven, verified) -> None:
    head = checkpoint(proven.home, proven.record).checkpoint.size
    for note in (proven.home / BESIDE).glob(f"*{head}.note"):
        note.unlink()
    proven.edit(f"UPDATE stored_events SET state = CAST(state || ' ' AS BLOB) WHERE position = {head}")
    assert kinds(verified().integrity) == [(Kind.UNSIGNED_DIFFERENCE, head)]


@pytest.mark.usefixtures("sealed")
def test_a_gap_without_the_tree_leaves_the_rest_unproved(proven, verified) -> None:
    discard(proven.home / FILE)
    proven.edit("DELETE FROM stored_events WHERE position = 2")
    found = verified()
    assert found.integrity.answer is Answer.UNKNOWN
    assert found.integrity.text == "nothing can be compared after position 1"
    assert kinds(found.completeness)[0] == (Kind.GAP, 2)
