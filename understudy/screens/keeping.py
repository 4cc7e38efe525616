"""``audit trail``, ``audit hold``, ``backup``: who did what with the record, what must stay, what was copied."""

from collections.abc import Sequence

import click

from audit.archive import Archived
from audit.backup import BackedUp
from audit.fsck import Report
from projections.audit_trail import Hold, TrailEntry
from projections.event_log import printable
from understudy.screens.redundancy import stamp

RULE = "=" * 79


def trail_lines(trail: Sequence[TrailEntry]) -> list[str]:
    """One line for each act, oldest first."""
    lines = [RULE, f"Audit Trail [{len(trail)}]", RULE, f"{'Event':<9}{'Recorded':<25}What", "-" * 79]
    lines += [f"{one.position:<9}{stamp(one.recorded_at, ''):<25}{one.message}" for one in trail]
    return [*lines, RULE]


def hold_lines(holds: Sequence[Hold]) -> list[str]:
    """One line for each hold that stands."""
    if not holds:
        return ["No hold stands."]
    lines = [RULE, f"Legal Holds [{len(holds)}]", RULE, f"{'Name':<20}{'Placed':<25}{'By':<12}Reason", "-" * 79]
    lines += [
        f"{printable(one.name):<20}{stamp(one.placed_at, ''):<25}{printable(one.operator):<12}{printable(one.reason)}"
        for one in holds
    ]
    return [*lines, RULE]


def backup_lines(made: BackedUp) -> list[str]:
    """What was copied, and what it can be compared by."""
    lines = [
        f"{made.facts} events are in {made.file} ({made.bytes} bytes), read back and compared.",
        f"Root: {made.root}",
    ]
    return lines + ([f"Beside it: {len(made.beside)} files of checkpoints and their key."] if made.beside else [])


def archive_lines(done: Archived) -> list[str]:
    """What was moved where."""
    if not done.segments:
        return [f"There is nothing to archive; archived: events up to {done.until}."]
    moved = [f"Events {one.first} to {one.last} are in {one.file} now (event {one.position})." for one in done.segments]
    return [*moved, "They are read as before. Keep these files with the record, and in its backups."]


def fsck_lines(report: Report) -> list[str]:
    """What was looked at, what is damaged, and what helps against each."""
    lines = [RULE, f"Record: {report.place}", RULE]
    lines += [f"Facts        {report.whole} of {report.head} are whole, of {report.chassis} chassis"]
    if report.archived:
        lines.append(f"Archived     positions 1 to {report.archived}")
    lines += [f"SQLite       {report.sqlite}", f"Projections  {report.projections}", "-" * 79]
    for one in report.findings:
        lines += [f"{click.style(one.damage.upper(), fg='red')}: {printable(one.what)}", f"  -> {one.remedy}"]
    if report.omitted:
        lines.append(f"... and {report.omitted} more")
    count = len(report.findings) + report.omitted
    verdict = "Nothing is wrong." if report.sound else f"{count} {'thing is' if count == 1 else 'things are'} wrong."
    return [*lines, verdict]
