"""Writes the reference pages that follow from the code; a test fails when one is out of date.

Usage: python docs/generate.py [FOLDER]   (default: docs/reference)
"""

import inspect
import sys
import types
import typing
from pathlib import Path

import msgspec

from audit import verification_answer
from audit.archive import Archived, ArchivedSegment
from audit.backup import BackedUp
from audit.bundle.exporting import Exported
from audit.checking import Finding
from audit.fsck import Report
from audit.mending import Mended
from audit.notary_list import CheckpointAtHand, CheckpointList
from audit.verification_answer import Verdict, Verification
from consumers.prometheus import families
from consumers.prometheus.board import PROJECTIONS
from consumers.subscription import AlarmUpdate
from events.alarm_types import INVENTORY
from events.causes import Cause, Scope, SyncMode
from events.facts import FACTS, Severity, Slot, SwitchoverReason
from projections.alarm_entries import Clearance, OperatorStateChange, StatusChange
from projections.alarm_views import AlarmCounts, AlarmListing, AlarmSummary, AlarmView, SeveritySummary
from projections.as_of import LateFact, PictureView
from projections.audit_trail import Hold, TrailEntry
from projections.differences import AlarmEffect, Change, Differences, Happening
from projections.event_catalogue import LogEvent
from projections.event_log import LogEntry
from projections.explanation import ExplainedAlarm, ExplainedFact, Explanation
from projections.redundancy import CardView, RedundancyView
from projections.switchover_report import AlarmThen, Happened, Lap, Readiness, SwitchoverReport
from projections.switchovers import SwitchoverRow
from projections.sync_history import Attempt, SyncHistoryListing, SyncTotal
from projections.tallies import BOUNDS_MS, SwitchoverResult
from projections.timeline import Timeline, TimelineFact
from understudy.screens.as_of import AsOf, AxisChange
from understudy.screens.differences import Diff
from understudy.screens.stream import EventLine

NOTE = "<!-- Written by docs/generate.py from the code; do not edit. -->\n"
SCREENS: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "show redundancy synchronization": (RedundancyView, CardView),
    "show card (a list of)": (CardView,),
    "show system alarms": (
        AlarmListing,
        AlarmCounts,
        AlarmSummary,
        SeveritySummary,
        AlarmView,
        Clearance,
        StatusChange,
        OperatorStateChange,
    ),
    "show redundancy history": (SyncHistoryListing, Attempt, SyncTotal),
    "show log (one on each line)": (LogEntry,),
    "subscribe events (one on each line)": (EventLine,),
    "subscribe alarms (one on each line)": (AlarmUpdate,),
    "audit as-of": (AsOf, AxisChange, PictureView, LateFact),
    "audit diff": (Diff, Differences, AlarmEffect, Change, Happening),
    "audit explain": (Explanation, ExplainedAlarm, ExplainedFact),
    "audit timeline": (Timeline, TimelineFact),
    "audit switchover": (SwitchoverReport, Happened, Readiness, Lap, AlarmThen),
    "audit switchover --list (a list of)": (SwitchoverRow,),
    "audit verify": (Verification, Verdict, verification_answer.Finding, verification_answer.Restored),
    "audit checkpoint --list": (CheckpointList, CheckpointAtHand),
    "audit export": (Exported,),
    "audit trail (a list of)": (TrailEntry,),
    "audit hold list (a list of)": (Hold,),
    "audit archive": (Archived, ArchivedSegment),
    "fsck": (Report, Finding),
    "fsck --mend-with": (Mended,),
    "backup": (BackedUp,),
}
METRICS = {
    "Chassis": families.PER_CHASSIS,
    "All chassis together": families.OF_THE_FLEET,
    "The record and its readers": families.OF_THE_PIPELINE,
    "The publisher to Kafka, where one runs in the process": families.OF_THE_PUBLISHER,
}


def type_name(kind: object) -> str:
    """A type as a reader of JSON thinks of it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return type_name(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(dict.fromkeys(type_name(each) for each in arguments))
    if origin is tuple:
        return "list of " + type_name(arguments[0])
    names = {str: "text", int: "number", float: "number", bool: "true/false", type(None): "null"}
    if isinstance(kind, type):
        return names.get(kind) or ("time" if kind.__name__ == "datetime" else kind.__name__)
    return str(kind)


def table(struct: type) -> str:
    """The fields of a struct as a Markdown table."""
    hints = typing.get_type_hints(struct, include_extras=True)
    rows = [f"| `{field.name}` | {type_name(hints[field.name])} |" for field in msgspec.structs.fields(struct)]
    return "\n".join(["| field | type |", "|---|---|", *rows]) + "\n"


def doc(thing: object) -> str:
    """The docstring, as Markdown."""
    return inspect.cleandoc(inspect.getdoc(thing) or "").replace("``", "`")


def json_page() -> str:
    """Every field of every ``--json``."""
    parts = [
        NOTE,
        "# JSON of the screens\n",
        "Times are ISO 8601 in UTC with their zone. Fields may be added, never renamed.\n",
    ]
    for screen, structs in SCREENS.items():
        parts.append(f"## {screen}\n")
        parts += [f"### {struct.__name__}\n\n{doc(struct)}\n\n{table(struct)}" for struct in structs]
    parts.append(
        "`show redundancy synchronization` also has `supervised`: whether that process is alive on this host.\n"
    )
    parts.append(
        "## replay\n\n`chassis`, `position`, `recorded_at`, `facts` (how many were folded), `redundancy` "
        "(RedundancyView) and `alarms` (AlarmListing).\n"
    )
    parts.append(
        "## admin redundancy synchronize\n\nThe body of `sync.succeeded.v1` or `sync.failed.v1`; see facts.md.\n"
    )
    return "\n".join(parts)


def facts_page() -> str:
    """Every stored name."""
    parts = [NOTE, "# Facts\n", "Every stored name, when it is recorded and what its body holds.\n"]
    parts += [f"## {name}\n\n{doc(cls)}\n\n{table(cls)}" for name, cls in FACTS.items()]
    return "\n".join(parts)


def alarms_page() -> str:
    """The alarm inventory (RFC 8632)."""
    parts = [NOTE, "# Alarm inventory\n", "Every alarm that can be raised; all of them clear on evidence.\n"]
    parts.append("| alarm type | qualifier | severity | X.733 probable cause | SR OS id | meaning | repair |")
    parts.append("|---|---|---|---|---|---|---|")
    for row in INVENTORY.values():
        cause = f"{row.probable_cause.name} ({row.probable_cause.number})"
        parts.append(
            f"| {row.alarm_type} | {row.qualifier} | {row.severity} | {cause} | {row.sros_id or ''} "
            f"| {row.description} | {row.repair} |"
        )
    return "\n".join(parts) + "\n"


def events_page() -> str:
    """The event catalogue of the log."""
    parts = [NOTE, "# Log events\n", "Application, number and name of every event that the log can show.\n"]
    parts += ["| application | event id | event name | usual severity |", "|---|---|---|---|"]
    parts += [f"| {e.application} | {e.event_id} | {e.event_name} | {e.severity} |" for e in LogEvent]
    return "\n".join(parts) + "\n"


def metrics_page() -> str:
    """What the exporter tells Prometheus."""
    parts = [
        NOTE,
        "# Metrics\n",
        "What `understudy export prometheus`, and `understudy run --listen`, serve at `/metrics`",
    ]
    parts += ["(text format 0.0.4, gzip where it is accepted), with those of the Python process itself."]
    parts += ["Counters are folded from the record: they go on where they were when the exporter starts anew."]
    parts += ["A series with a cause, a reason or a result appears when that has happened for the first time.\n"]
    for title, group in METRICS.items():
        parts += [f"## {title}\n", "| metric | type | labels | meaning |", "|---|---|---|---|"]
        for one in group:
            labels = ", ".join(f"`{label}`" for label in one.labels)
            parts.append(f"| `{one.name}` | {one.kind} | {labels} | {one.help} |")
        parts.append("")
    bounds = ", ".join(f"{bound / 1000:g}" for bound in BOUNDS_MS)
    values = [
        ("scope", Scope),
        ("cause", Cause),
        ("severity", Severity),
        ("reason (of a switchover)", SwitchoverReason),
        ("result (of a switchover)", SwitchoverResult),
        ("projection", PROJECTIONS),
        ("slot, active", Slot),
        ("sync_mode", SyncMode),
    ]
    parts += ["## Values\n", f"Upper bounds of the histograms' buckets, in seconds: {bounds}.\n", "| label | values |"]
    parts += ["|---|---|", *(f"| {name} | {' '.join(each)} |" for name, each in values)]
    parts += ["\n`alarm_type` and `qualifier` are those of the [alarm inventory](alarms.md)."]
    return "\n".join(parts) + "\n"


PAGES = {
    "json.md": json_page,
    "facts.md": facts_page,
    "alarms.md": alarms_page,
    "log-events.md": events_page,
    "metrics.md": metrics_page,
}


def write(folder: Path) -> None:
    """Writes all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page())


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "reference")
