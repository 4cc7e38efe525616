"""What happened, as an operator expects a log line?"""

from datetime import UTC, datetime

import msgspec

from events.envelope import Recorded
from events.facts import AlarmFact, AuditFact, SwitchoverFact, SyncFact
from projections.alarm_lines import alarm_line
from projections.audit_lines import audit_line
from projections.chassis_lines import chassis_line
from projections.event_catalogue import LogLine, LogSeverity
from projections.switchover_lines import switchover_line
from projections.sync_lines import sync_line
from projections.wording import stamp

ROUTER = "Base"
"""The router instance of every entry: nothing here happens in a VPRN or on the management router."""

MAX_SUBJECT = 32
"""Characters of a subject (SR OS)."""

MAX_MESSAGE = 4100
"""Characters of a message (SR OS)."""


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the log. ``number`` is the position in the record, ``time`` that at the source, both times in UTC.

    ``correlation`` names the story that the entry belongs to, for example ``sync-17``.
    """

    number: int
    chassis: str
    time: datetime
    recorded_at: datetime
    severity: LogSeverity
    application: str
    event_id: int
    event_name: str
    router: str
    subject: str
    message: str
    correlation: str


def entry(recorded: Recorded) -> LogEntry:
    """The log entry of a fact; every fact has one."""
    said = _line(recorded)
    return LogEntry(
        number=recorded.position,
        chassis=recorded.chassis,
        time=recorded.occurred_at.astimezone(UTC),
        recorded_at=recorded.recorded_at.astimezone(UTC),
        severity=said.severity,
        application=said.event.application,
        event_id=said.event.event_id,
        event_name=said.event.event_name,
        router=ROUTER,
        subject=printable(said.subject, MAX_SUBJECT),
        message=printable(said.message, MAX_MESSAGE),
        correlation=recorded.correlation,
    )


def format_entry(log_entry: LogEntry) -> str:
    """The two lines of an entry in the layout of SR OS memory logs, times cut to hundredths of a second.

    ``nnnn YYYY/MM/DD HH:MM:SS.SS UTC SEVERITY: APPLICATION #event_id router subject``, then the quoted message.
    """
    when = stamp(log_entry.time)
    event = f"{log_entry.severity}: {log_entry.application} #{log_entry.event_id}"
    return f'{log_entry.number} {when} {event} {log_entry.router} {log_entry.subject}\n"{log_entry.message}"'


def _line(recorded: Recorded) -> LogLine:
    fact = recorded.fact
    if isinstance(fact, AlarmFact):
        return alarm_line(recorded, fact)
    if isinstance(fact, SyncFact):
        return sync_line(fact)
    if isinstance(fact, SwitchoverFact):
        return switchover_line(fact)
    if isinstance(fact, AuditFact):
        return audit_line(fact)
    return chassis_line(recorded.chassis, fact)


def printable(text: str, limit: int = MAX_MESSAGE) -> str:
    """``text`` on one line of at most ``limit`` characters.

    What a remote host reported, or somebody typed, must neither break the layout nor control the terminal.
    """
    one_line = text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
    return one_line if len(one_line) <= limit else f"{one_line[: limit - 3]}..."
