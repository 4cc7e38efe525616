"""Bundles are made alike of a record in SQLite and of one in PostgreSQL."""

from datetime import UTC, datetime

import pytest

from audit.bundle.asked import Asked
from audit.bundle.exporting import export
from audit.bundle.ranges import positions, rows_between
from audit.bundle.sealing import seals_of


@pytest.mark.parametrize("chassis", [None, "pe2"])
def test_a_bundle_of_either_store_verifies(chassis, stored, home, check) -> None:
    head = stored.grow(40)
    first, last = positions(stored.record, 5, datetime.now(UTC))
    assert (first, last) == (5, head)
    asked = Asked(
        first=first,
        last=last - 4,
        chassis=chassis,
        query={},
        operator="noc",
        tool="understudy",
        made_at=datetime.now(UTC),
    )
    rows = rows_between(stored.record, asked.first, asked.last, chassis)
    with seals_of(home, stored.record, first=asked.first, last=asked.last) as seals:
        made = export(rows, asked, seals, home / "evidence.zip")
    done = check(made.path, "--key", home / "notary.pub")
    assert done.returncode == 0, done.stdout
    assert made.checkpoints == (head,)
