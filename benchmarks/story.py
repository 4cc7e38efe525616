"""The load: one chassis whose standby runs out of space, is tried again, and is synchronised once space is back.

A cycle is six commands and ten facts: started, failed, raised; started, failed, repeated; started, succeeded, file not
present, cleared. Each outcome names three files with their own result, as the synchroniser's outcomes do.
"""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from events.causes import Cause, Scope
from events.commands import Command, Copied, Failed, FinishSync, Provision, StartSync
from events.facts import CardLocation, FileKind, FileOutcome, FileResult, Slot, Trigger
from events.store import Record

CHASSIS = "pe1"
FACTS_PER_CYCLE = 10
BATCH = 500
"""Facts per transaction."""

DURATION_MS = 31
BYTES_COPIED = 48_213
OPERATOR = "operator"
NAMES = ((r"cf3:\pe1.cfg", FileKind.CONFIG), (r"cf3:\pe1.ndx", FileKind.INDEX), (r"cf3:\pe1-old.cfg", FileKind.CONFIG))
NOT_TRIED = tuple(FileResult(name=name, kind=kind, outcome=FileOutcome.NOT_TRIED) for name, kind in NAMES)
SYNCHRONIZED = (
    FileResult(name=NAMES[0][0], kind=NAMES[0][1], outcome=FileOutcome.COPIED, size=BYTES_COPIED, sha256="5e" * 32),
    FileResult(name=NAMES[1][0], kind=NAMES[1][1], outcome=FileOutcome.UNCHANGED, size=612, sha256="a7" * 32),
    FileResult(name=NAMES[2][0], kind=NAMES[2][1], outcome=FileOutcome.NOT_PRESENT),
)
NO_SPACE = "cf3: of card B has 3145728 bytes free, 12582912 are needed"


_STARTED = StartSync(scope=Scope.CONFIG, trigger=Trigger.MANUAL, operator=OPERATOR)
_RETRIED = StartSync(scope=Scope.CONFIG, trigger=Trigger.RETRY)
_FAILED = Failed(cause=Cause.NO_SPACE, detail=NO_SPACE, files=NOT_TRIED)
_COPIED = Copied(files=SYNCHRONIZED, bytes_copied=BYTES_COPIED)
_STEPS: tuple[tuple[StartSync, Copied | Failed], ...] = ((_STARTED, _FAILED), (_RETRIED, _FAILED), (_RETRIED, _COPIED))


def provision() -> Command:
    """Both cards in their slots, A active."""
    cards = (CardLocation(slot=Slot.A, location="/srv/pe1/a"), CardLocation(slot=Slot.B, location="/srv/pe1/b"))
    return Provision(cards=cards, active=Slot.A, equipped=(Slot.A, Slot.B), operator=OPERATOR)


def cycle(first_attempt: int) -> Iterator[Command]:
    """The six commands of a cycle, whose three attempts are numbered from ``first_attempt``."""
    for attempt, (start, outcome) in enumerate(_STEPS, first_attempt):
        yield start
        yield FinishSync(attempt=attempt, outcome=outcome, duration_ms=DURATION_MS)


class Ours:
    """The story told to a record, one transaction per batch; ``chassis`` take turns by batch."""

    def __init__(self, path: Path, chassis: Sequence[str] = (CHASSIS,)) -> None:
        self.record = Record(path, lambda: datetime.now(UTC))
        self._attempts = dict.fromkeys(chassis, 1)
        self._turns = itertools.cycle(chassis)
        for name in chassis:
            self.record.execute(name, provision())
            # The first cycle also makes the standby ready; from the second on, each has the same ten facts.
            self.append(FACTS_PER_CYCLE)

    def append(self, facts: int = BATCH) -> None:
        """Decides on and appends the next ``facts`` facts, in one transaction."""
        name, cycles = next(self._turns), facts // FACTS_PER_CYCLE
        first = self._attempts[name]
        self._attempts[name] = first + 3 * cycles
        self.record.execute_all([(name, command) for number in range(cycles) for command in cycle(first + 3 * number)])

    def close(self) -> None:
        """Closes the record."""
        self.record.close()
