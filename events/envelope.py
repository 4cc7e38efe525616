"""The envelope: what the record adds to a fact. No fact knows its position; no envelope knows a fact's meaning."""

from datetime import datetime

import msgspec

from events.facts import Fact


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fact as it stands in the record.

    ``position`` numbers the whole record, from 1 and without a gap; ``version`` numbers the stream of ``chassis``
    likewise. ``occurred_at`` is the time at the source, ``recorded_at`` the time here; both in UTC.
    ``correlation`` names the story that the fact belongs to (``sync-17``, ``switchover-3``); ``causation`` is the
    version of the fact in this stream that led to it, 0 where the cause lies outside the record.
    """

    chassis: str
    version: int
    occurred_at: datetime
    recorded_at: datetime
    correlation: str
    causation: int
    fact: Fact
    position: int = 0

    @property
    def originator_id(self) -> str:
        """The stream, as the eventsourcing library names it."""
        return self.chassis

    @property
    def originator_version(self) -> int:
        """The version in the stream, as the eventsourcing library names it."""
        return self.version
