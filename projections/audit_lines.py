"""What does the log say about the audit of the record?"""

from typing import assert_never

from events.facts import (
    AuditFact,
    EvidenceExported,
    HoldPlaced,
    HoldReleased,
    ReadNoted,
    RecordArchived,
    RecordVerified,
)
from projections.event_catalogue import LogEvent, LogLine, LogSeverity, line, sentence

_RECORD = "Record"


def audit_line(fact: AuditFact) -> LogLine:
    """The line for a fact about the audit; the subject is what was audited."""
    match fact:
        case ReadNoted():
            asked = f": {fact.query}" if fact.query else ""
            return line(LogEvent.PAST_READ, fact.what, sentence(f"{fact.operator} read the past ({fact.what}){asked}"))
        case RecordVerified():
            found = f"integrity: {fact.integrity}; completeness: {fact.completeness}; rebuild: {fact.rebuild}"
            text = sentence(f"{fact.operator} verified the first {fact.size} events: {found}")
            return line(LogEvent.RECORD_VERIFIED, _RECORD, text, None if fact.passed else LogSeverity.CRITICAL)
        case EvidenceExported():
            of = f" of chassis {fact.chassis}" if fact.chassis else ""
            text = f"{fact.operator} exported events {fact.first} to {fact.last}{of} (SHA-256 {fact.sha256})."
            return line(LogEvent.EVIDENCE_EXPORTED, _RECORD, text)
        case RecordArchived():
            text = f"{fact.operator} moved events {fact.first} to {fact.last} to the archive: {', '.join(fact.files)}"
            return line(LogEvent.RECORD_ARCHIVED, _RECORD, sentence(text))
        case HoldPlaced():
            text = sentence(f"{fact.operator} placed hold {fact.name}: {fact.reason}")
            return line(LogEvent.HOLD_PLACED, fact.name, text)
        case HoldReleased():
            text = sentence(f"{fact.operator} released hold {fact.name}: {fact.reason}")
            return line(LogEvent.HOLD_RELEASED, fact.name, text)
        case _:
            assert_never(fact)
