"""The record: one application over all chassis, each with a stream of its own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import msgspec
from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError, Mapper, Transcoder
from eventsourcing.utils import Environment, EnvType
from msgspec.structs import replace

from events.audit_commands import AuditCommand, AuditState, NoteArchived, evolve_audit
from events.codec import FactMapper, JsonTranscoder, decode, encode, utc
from events.commands import Command
from events.decisions import Decision, decide
from events.decisions.audit import NEEDS_STATE, decide_audit
from events.envelope import Recorded
from events.errors import RecordContendedError, RecordMissingError
from events.evolve import evolve
from events.facts import AUDIT_STREAM, AuditFact
from events.state import ChassisState
from events.store.following import Following
from events.store.place import Place, show_place
from events.store.recorder import NewRow, RecordRecorder, Row

TRIES = 1000
"""How often an append is tried again when other writers are faster: each try that fails is another one's success."""
READ_AT_ONCE = 5000
"""How many facts are read in one step: enough to be fast, few enough to keep memory flat."""

FRESH = timedelta(milliseconds=50)
"""How long before it can be read a fact may say that it was recorded; encoding a large batch takes that long."""

Clock = Callable[[], datetime]


class _Stream(msgspec.Struct, frozen=True):
    """A stream as far as this process has read it, and when its newest fact was recorded."""

    state: ChassisState
    recorded_at: datetime | None = None


class _Batch:
    """Facts on their way into the record.

    They are stamped before the lock for writing is held, as encoding takes time; if that had to be waited for, they are
    stamped again: nobody could read them before.
    """

    def __init__(self, facts: list[Recorded], clock: Clock, *, restamp_occurred: bool) -> None:
        self.facts = facts
        self._clock = clock
        self._restamp_occurred = restamp_occurred
        self._rows = _encoded(facts)

    def rows(self) -> list[NewRow]:
        """They, as they are stored."""
        now = self._clock()
        if now - self.facts[0].recorded_at > FRESH:
            self.facts = [self._stamped(one, max(now, one.recorded_at)) for one in self.facts]
            self._rows = _encoded(self.facts)
        return self._rows

    def _stamped(self, one: Recorded, at: datetime) -> Recorded:
        return replace(one, recorded_at=at, occurred_at=at if self._restamp_occurred else one.occurred_at)


def _encoded(facts: list[Recorded]) -> list[NewRow]:
    return [(one.chassis, one.version, *encode(one)) for one in facts]


class Record(Application[str]):
    """Every fact of every chassis, in one file or database. Any number of processes may use it at once.

    A method that appends returns only when the facts survive a power loss.
    """

    name = "understudy"
    env: ClassVar[dict[str, str]] = {"ORIGINATOR_ID_TYPE": "text"}
    recorder: RecordRecorder

    def __init__(self, place: Place, clock: Clock, *, create: bool = True) -> None:
        """Opens the record at ``place``, the path of a file or the URL of a PostgreSQL database (``parse_place``).

        Makes a new one there if ``create`` says so. ``clock`` tells the time in UTC.

        Raises:
            RecordMissingError: there is none and none is to be made.
            RecordUnreadableError: it cannot be read.
            RecordNewerError: a newer program wrote it.
        """
        self.place = show_place(place)
        self._clock = clock
        self._streams: dict[str, _Stream] = {}
        self.missing: dict[str, int] = {}
        """The first version of each stream that should have been among what was read, and is not in the record."""
        super().__init__(_environment(place, create=create))

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Only what is passed counts: a stray variable of the shell must not change how facts are stored."""
        return Environment(name, {**self.env, **(env or {})})

    def construct_mapper(self) -> Mapper[str]:
        """Our codec as the library's mapper."""
        return self.factory.mapper(transcoder=self.construct_transcoder(), mapper_class=FactMapper)

    def construct_transcoder(self) -> Transcoder:
        """Orjson as the library's transcoder."""
        return JsonTranscoder()

    def execute(self, chassis: str, command: Command, *, occurred_at: datetime | None = None) -> list[Recorded]:
        """Decides on one command and appends its facts; see ``execute_all``."""
        return self.execute_all([(chassis, command)], occurred_at=occurred_at)

    def execute_all(
        self, commands: Sequence[tuple[str, Command]], *, occurred_at: datetime | None = None
    ) -> list[Recorded]:
        """Decides on all commands in order and appends all their facts in one transaction; returns the facts.

        ``occurred_at`` is the time at the source, now if not given. Where another process was faster, everything is
        decided again on the new state.

        Raises:
            CommandRefusedError: one command is not allowed; nothing was recorded, of no command.
            EventEncodeError: a fact could not be read back, were it recorded; likewise.
            ValueError: ``occurred_at`` has no time zone.
        """
        occurred_at = occurred_at and utc(occurred_at)
        for _ in range(TRIES):
            drafted, streams = self._decide(commands, occurred_at)
            if not drafted:
                return []
            batch = _Batch(drafted, self._clock, restamp_occurred=occurred_at is None)
            try:
                positions = self.recorder.insert_rows(batch.rows)
            except IntegrityError:
                continue
            if batch.facts is not drafted:
                streams |= {
                    one.chassis: replace(streams[one.chassis], recorded_at=one.recorded_at) for one in batch.facts
                }
            self._streams.update(streams)
            return [replace(one, position=position) for one, position in zip(batch.facts, positions, strict=True)]
        raise self._contended()

    def _decide(
        self, commands: Iterable[tuple[str, Command]], occurred_at: datetime | None
    ) -> tuple[list[Recorded], dict[str, _Stream]]:
        now = self._clock()  # one transaction, one moment
        streams: dict[str, _Stream] = {}
        drafted: list[Recorded] = []
        for chassis, command in commands:
            stream = streams.get(chassis) or self._stream(chassis)
            decision = decide(stream.state, command)
            # A clock that was set back must not make a stream's own times run backwards.
            recorded_at = now if stream.recorded_at is None else max(now, stream.recorded_at)
            drafted += _enclose(chassis, stream.state.version, decision, occurred_at or recorded_at, recorded_at)
            streams[chassis] = _Stream(decision.state, recorded_at)
        return drafted, streams

    def _stream(self, chassis: str) -> _Stream:
        known = self._streams.get(chassis) or _Stream(ChassisState(chassis))
        state, recorded_at = known.state, known.recorded_at
        for recorded in self.read_chassis(chassis, after_version=state.version):
            state, recorded_at = evolve(state, recorded.fact), recorded.recorded_at
        self._streams[chassis] = stream = _Stream(state, recorded_at)
        return stream

    def note(self, command: AuditCommand) -> Recorded:
        """Decides on what is noted of the audit and appends its fact, to the stream ``AUDIT_STREAM``.

        Raises:
            CommandRefusedError: it is not allowed; nothing was recorded.
            EventEncodeError: the fact could not be read back, were it recorded; likewise.
        """
        return self._note(command, lambda row: self.recorder.insert_rows(lambda: [row])[0])

    def note_archived(self, command: NoteArchived) -> Recorded:
        """As ``note``; from now on the record reads these positions from their file, which is whole and in place.

        Raises:
            CommandRefusedError: a hold stands, or this store does not archive; nothing was recorded.
        """
        [file] = command.files
        return self._note(command, lambda row: self.recorder.add_segment(row, command.first, command.last, file))

    def audit_state(self) -> AuditState:
        """The present state of the audit stream: above all, which holds stand."""
        state = AuditState()
        for recorded in self.read_chassis(AUDIT_STREAM):
            assert isinstance(recorded.fact, AuditFact)
            state = evolve_audit(state, recorded.fact)
        return state

    def _note(self, command: AuditCommand, append: Callable[[NewRow], int]) -> Recorded:
        for _ in range(TRIES):
            now, newest = self._clock(), self._newest_note()
            # Years of readings are not read to note one more.
            state = self.audit_state() if isinstance(command, NEEDS_STATE) else AuditState()
            version = newest.version if newest else 0
            if isinstance(command, NEEDS_STATE) and state.version != version:
                continue
            decision = decide_audit(state, command)
            recorded_at = max(now, newest.recorded_at) if newest else now
            recorded = Recorded(
                chassis=AUDIT_STREAM,
                version=version + 1,
                occurred_at=recorded_at,
                recorded_at=recorded_at,
                correlation=f"audit-{decision.causation or version + 1}",
                causation=decision.causation,
                fact=decision.fact,
            )
            try:
                position = append((AUDIT_STREAM, version + 1, *encode(recorded)))
            except IntegrityError:
                continue
            return replace(recorded, position=position)
        raise self._contended()

    def _newest_note(self) -> Recorded | None:
        rows = self.recorder.select_stream(AUDIT_STREAM, desc=True, limit=1)
        return _decoded(rows[0]) if rows else None

    def _contended(self) -> RecordContendedError:
        return RecordContendedError(f"{self.place}: {TRIES} tries to append lost against other writers; try again")

    def state(self, chassis: str) -> ChassisState:
        """The present state of a chassis, with everything that any process has recorded."""
        return self._stream(chassis).state

    def chassis(self) -> list[str]:
        """The names of all chassis, sorted."""
        return [name for name in self.recorder.select_streams() if name != AUDIT_STREAM]

    def head(self) -> int:
        """The position of the newest fact; 0 for an empty record."""
        return self.recorder.max_notification_id()

    def read(self, *, after: int = 0, until: int | None = None) -> Iterator[Recorded]:
        """All facts with a position greater than ``after`` and at most ``until``, in order, in flat memory."""
        while True:
            rows = self.recorder.select_rows(after=after, limit=READ_AT_ONCE, stop=until)
            yield from map(_decoded, rows)
            if len(rows) < READ_AT_ONCE:
                return
            after = rows[-1][0]

    def read_chassis(self, chassis: str, *, after_version: int = 0) -> Iterator[Recorded]:
        """All facts of one chassis after a version of its stream, in order."""
        for rows in self.read_stream(chassis, after=after_version):
            yield from map(_decoded, rows)

    def read_stream(self, stream: str, *, after: int = 0, at_once: int = READ_AT_ONCE) -> Iterator[list[Row]]:
        """All rows of a stream after a version, in order, a few more at once each time; what is missing is noted."""
        while True:
            rows = self.recorder.select_stream(stream, after=after, limit=at_once)
            missing = next((at for at, row in enumerate(rows, after + 1) if row[2] != at), None)
            if missing is not None:
                self.missing.setdefault(stream, missing)
            yield rows
            if len(rows) < at_once:
                return
            after, at_once = rows[-1][2], min(4 * at_once, READ_AT_ONCE)

    def hurry(self) -> None:
        """From now on nothing waits for a database that is away: this process comes to its end."""
        self.recorder.hurry()

    def follow(self, *, after: int = 0) -> Following:
        """All facts after a position, then new ones as they are recorded by any process; see ``Following``."""
        return Following(self.recorder.subscribe(gt=after), self.mapper)


def _decoded(row: Row) -> Recorded:
    position, chassis, version, name, state = row
    return decode(name, state, chassis=chassis, version=version, position=position)


def _environment(place: Place, *, create: bool) -> dict[str, str]:
    if isinstance(place, Path):
        if not create and not place.exists():
            raise RecordMissingError(f"there is no record at {place}; provision a chassis first, or name its --home")
        return {"PERSISTENCE_MODULE": "events.store.sqlite:RecordFactory", "SQLITE_DBNAME": str(place)}
    return {
        "PERSISTENCE_MODULE": "events.store.postgresql.recorder:RecordFactory",
        "POSTGRES_URL": place,
        "CREATE_TABLE": "yes" if create else "no",
    }


def _enclose(
    chassis: str, version: int, decision: Decision, occurred_at: datetime, recorded_at: datetime
) -> list[Recorded]:
    enclosed: list[Recorded] = []
    first, causation = version + 1, decision.causation
    for number, fact in enumerate(decision.facts, first):
        recorded = Recorded(
            chassis=chassis,
            version=number,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            correlation=decision.correlation,
            causation=causation,
            fact=fact,
        )
        enclosed.append(recorded)
        causation = first
    return enclosed
