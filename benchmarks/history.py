"""Long histories to ask about: ``python -m benchmarks.history FILE FACTS``: 1,000 chassis over weeks, some facts late.

Each transaction has one cycle of the story on 50 chassis, so that the facts of a chassis lie far apart in the file, as
they do in a record that has grown for months.
"""

import itertools
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.story import cycle, provision
from events.store import Record

CHASSIS = tuple(f"pe{number}" for number in range(1, 1001))
AT_ONCE = 50
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=5)
LATE_EVERY, LATE = 97, timedelta(minutes=3)
"""So many transactions after each other one is of facts that happened a while before they were recorded."""


def make(path: Path, facts: int) -> None:
    """Makes a record of at least ``facts`` facts."""
    transactions = itertools.count()
    now = BEGAN
    with closing(Record(path, lambda: now)) as record:
        for name in CHASSIS:
            record.execute(name, provision())
        turns = itertools.cycle(CHASSIS[first : first + AT_ONCE] for first in range(0, len(CHASSIS), AT_ONCE))
        attempts = dict.fromkeys(CHASSIS, 1)
        while record.head() < facts:
            now += STEP
            late = next(transactions) % LATE_EVERY == LATE_EVERY - 1
            commands = []
            for name in next(turns):
                commands += [(name, command) for command in cycle(attempts[name])]
                attempts[name] += 3
            record.execute_all(commands, occurred_at=now - LATE if late else None)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
