"""Facts about the audit itself: who read the past, who verified and exported it, what was archived and what must stay.

They are about the record, not about a chassis, and have a stream of their own.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from events.facts.chassis import Count
from events.facts.fact import FactRoot

AUDIT_STREAM = "@audit"
"""The stream of these facts; no chassis can be provisioned under a name that begins like it."""

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
"""A SHA-256, in hex."""


class Question(StrEnum):
    """What can be asked of the past, in the words of ``understudy audit``."""

    AS_OF = "as-of"
    DIFF = "diff"
    EXPLAIN = "explain"
    TIMELINE = "timeline"
    SWITCHOVER = "switchover"
    REPORT = "report"


class ReadNoted(FactRoot, frozen=True, kw_only=True):
    """Recorded when somebody reads the past; ``query`` is what was asked, as it was typed."""

    TYPE: ClassVar[str] = "audit.read.v1"
    what: Question
    query: str
    operator: str


class RecordVerified(FactRoot, frozen=True, kw_only=True):
    """Recorded when somebody has verified the first ``size`` positions, whatever was found.

    ``root`` is that of their Merkle tree; the other three say what was found of each, in words.
    ``passed`` tells that nothing is wrong.
    """

    TYPE: ClassVar[str] = "audit.verified.v1"
    size: Count
    root: Digest
    integrity: str
    completeness: str
    rebuild: str
    passed: bool
    operator: str


class EvidenceExported(FactRoot, frozen=True, kw_only=True):
    """Recorded when somebody has exported the positions from ``first`` to ``last``; of one chassis, or none for all.

    ``sha256`` is that of the bundle.
    """

    TYPE: ClassVar[str] = "audit.exported.v1"
    first: Count
    last: Count
    chassis: str | None
    sha256: Digest
    operator: str


class RecordArchived(FactRoot, frozen=True, kw_only=True):
    """Recorded when the positions from ``first`` to ``last`` move to files beside the record; they are still read.

    ``root`` is that of the Merkle tree over these positions alone.
    """

    TYPE: ClassVar[str] = "record.archived.v1"
    first: Count
    last: Count
    root: Digest
    files: tuple[str, ...]
    operator: str


class HoldPlaced(FactRoot, frozen=True, kw_only=True):
    """Recorded when somebody forbids archiving, under a name; it stays forbidden until every such hold is released."""

    TYPE: ClassVar[str] = "hold.placed.v1"
    name: str
    reason: str
    operator: str


class HoldReleased(FactRoot, frozen=True, kw_only=True):
    """Recorded when somebody takes such a hold back."""

    TYPE: ClassVar[str] = "hold.released.v1"
    name: str
    reason: str
    operator: str


AuditFact = ReadNoted | RecordVerified | EvidenceExported | RecordArchived | HoldPlaced | HoldReleased
