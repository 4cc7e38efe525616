"""The states of all folds of one chassis, and how they are kept: msgpack, compressed, each fold on its own."""

import zlib
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from projections import alarm_list, redundancy, sync_history, tallies
from projections.alarm_list import AlarmList
from projections.redundancy import Redundancy
from projections.sync_history import Attempt, SyncHistory
from projections.tallies import Tallies

FOLDS = 2
"""Which folds made the snapshots. Raise it whenever the same facts give another state: older snapshots are ignored."""

EVERY = 1000
"""Facts of a chassis from one snapshot to the next: fewer cost room in the file, more cost time of every answer."""

_LEVEL = 1
"""Of zlib: higher ones take longer and gain little on states of this size."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

S = TypeVar("S")


class Fold(Generic[S]):
    """How the state of one fold is kept."""

    def __init__(self, name: str, initial: S, kind: type[S]) -> None:
        self.name = name
        self.initial = initial
        self._write = msgspec.msgpack.Encoder().encode
        self._read = msgspec.msgpack.Decoder(kind).decode

    def pack(self, state: S) -> bytes:
        """The state as it is kept."""
        return zlib.compress(self._write(state), _LEVEL)

    def unpack(self, kept: bytes) -> S:
        """The state that was kept.

        Raises:
            zlib.error, msgspec.MsgspecError: it is none.
        """
        return self._read(zlib.decompress(kept))


class States(NamedTuple):
    """What each fold says of one chassis."""

    redundancy: Redundancy = redundancy.EMPTY
    alarms: AlarmList = alarm_list.EMPTY
    history: SyncHistory = sync_history.EMPTY
    tallies: Tallies = tallies.EMPTY


class Chunk(NamedTuple):
    """Attempts that have ended, kept once however many snapshots show them; ``number`` is the last one's position."""

    number: int
    attempts: tuple[Attempt, ...]


REDUNDANCY = Fold("redundancy", redundancy.EMPTY, Redundancy)
ALARMS = Fold("alarms", alarm_list.EMPTY, AlarmList)
HISTORY = Fold("history", sync_history.EMPTY, SyncHistory)
TALLIES = Fold("tallies", tallies.EMPTY, Tallies)
CHUNK: Fold[tuple[Attempt, ...]] = Fold("attempts", (), tuple[Attempt, ...])
NUMBERS: Fold[tuple[int, ...]] = Fold("numbers", (), tuple[int, ...])


def split(history: SyncHistory) -> tuple[SyncHistory, tuple[Chunk, ...]]:
    """A history without its older attempts, and these: they are most of it and change no more."""
    chunks = tuple(Chunk(chunk[-1].ended_position or 0, chunk) for chunk in history.older)
    return replace(history, older=()), chunks


def joined(history: SyncHistory, chunks: tuple[tuple[Attempt, ...], ...]) -> SyncHistory:
    """What ``split`` took apart."""
    return replace(history, older=chunks)


def to_micros(moment: datetime | None) -> int:
    """A time as a number that sorts like it: microseconds since 1970, 0 for none."""
    return 0 if moment is None else (moment - _EPOCH) // _MICROSECOND


def to_moment(micros: int) -> datetime:
    """What ``to_micros`` made a number of."""
    return _EPOCH + timedelta(microseconds=micros)


def plain(state: Any) -> Any:
    """A state in an order that equal states share: to be digested, not to be read back."""
    if isinstance(state, Redundancy):
        chassis = state.chassis
        return (replace(state, chassis=replace(chassis, alarms={})), sorted(chassis.alarms.items()))
    return state
