"""Snapshots follow the record, whichever store it is in, while it grows."""

from contextlib import closing
from typing import Any

import pytest

from audit.snapshots.digest import rebuild_verdict
from audit.snapshots.following import catch_up
from audit.snapshots.past import Past
from audit.snapshots.rebuilding import rebuild
from audit.snapshots.store import open_snapshots
from projections.as_of import Axis


def test_in_either_store_what_they_lead_to_is_what_the_record_says(
    stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.snapshots.rebuilding.ALONE", 0)
    monkeypatch.setattr("audit.snapshots.digest.ALONE", 0)
    stored.grow(60)
    path = stored.home / "snapshots.sqlite"
    assert rebuild(stored.place, path, processes=2) == stored.record.head()
    stored.grow(30, "pe1", "pe3")
    verdict = rebuild_verdict(stored.record, path, place=stored.place, processes=2)
    assert verdict.agrees
    assert (verdict.chassis, verdict.snapshots) == (3, 2)
    with closing(open_snapshots(path, stored.record)) as snapshots:  # type: ignore[type-var]
        for chassis in stored.record.chassis():
            for axis in Axis:
                some = Past(stored.record, snapshots).picture(chassis, 70, axis)
                assert some == Past(stored.record).picture(chassis, 70, axis)


def test_an_interrupted_following_goes_on_where_it_was(proven: Any) -> None:
    proven.grow(100)
    path = proven.home / "snapshots.sqlite"
    with closing(open_snapshots(path, proven.record, write=True, every=5)) as snapshots:  # type: ignore[type-var]

        def interrupt(done: int, goal: int) -> None:
            if done > goal // 2:
                raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("audit.snapshots.following.AT_ONCE", 1)
            with pytest.raises(KeyboardInterrupt):
                catch_up(proven.record, snapshots, interrupt)
        assert snapshots.tracked() == 0
        assert catch_up(proven.record, snapshots) == snapshots.tracked() == proven.record.head()
        assert catch_up(proven.record, snapshots) == proven.record.head()
    assert rebuild_verdict(proven.record, path).agrees


def test_following_a_few_facts_looks_only_at_their_chassis(proven: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proven.grow(60)
    path, looked = proven.home / "snapshots.sqlite", list[str]()
    with closing(open_snapshots(path, proven.record, write=True, every=5)) as snapshots:  # type: ignore[type-var]
        catch_up(proven.record, snapshots)
        proven.grow(5, "pe2")
        monkeypatch.setattr("audit.snapshots.following._doubt", lambda *words: looked.append(words[2]))
        catch_up(proven.record, snapshots)
    assert looked == ["pe2"]
