"""Makes the recordings in ``tests/recorded/``: every stored shape, and a whole stream with what it says.

Run it after a fact was added or has got a new stored name: ``python tests/record_shapes.py``. What was recorded once
is what users have on their disks, so existing files are left as they are, whatever the code writes today.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import orjson

from events.alarm_types import sync_failed_key
from events.audit_commands import (
    AuditCommand,
    NoteArchived,
    NoteExported,
    NoteRead,
    NoteVerified,
    PlaceHold,
    ReleaseHold,
)
from events.causes import Cause, Scope, SyncMode
from events.codec import decode, encode
from events.commands import (
    AlarmAction,
    Command,
    Copied,
    Failed,
    FinishSwitchover,
    FinishSync,
    OperateAlarm,
    Provision,
    SeeCard,
    SeeCeased,
    SeeChange,
    SeeFlash,
    SeeVersions,
    SetSwitchoverExec,
    SetSyncMode,
    StartSupervision,
    StartSwitchover,
    StartSync,
    StopSupervision,
)
from events.evolve import evolve
from events.facts import (
    FACTS,
    AlarmKey,
    CardLocation,
    FileKind,
    FileOutcome,
    FileResult,
    Question,
    Slot,
    SwitchoverFailure,
    SwitchoverReason,
    Trigger,
    Watch,
)
from events.state import ChassisState, Health
from events.store import Record

RECORDED = Path(__file__).parent / "recorded"
BEGAN = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
CARDS = (
    CardLocation(slot=Slot.A, location="/srv/pe1/a", quota=268435456),
    CardLocation(slot=Slot.B, location="ssh://noc@pe1-b.example.net:2222/srv/flash"),
)
FILES = (
    FileResult(name="cf3:\\bof.cfg", kind=FileKind.BOF, outcome=FileOutcome.COPIED, size=512, sha256="1f" * 32),
    FileResult(name="cf3:\\boot.ldr", kind=FileKind.BOOT_LOADER, outcome=FileOutcome.UNCHANGED, size=65536),
    FileResult(name="cf3:\\nvsys.info", kind=FileKind.NVSYS, outcome=FileOutcome.NOT_PRESENT),
    FileResult(name="cf3:\\TiMOS-20.10.R3\\cpm.tim", kind=FileKind.IMAGE, outcome=FileOutcome.COPIED, size=41943040),
    FileResult(name="cf3:\\pe1.cfg", kind=FileKind.CONFIG, outcome=FileOutcome.COPIED, size=20480, sha256="2e" * 32),
    FileResult(name="cf3:\\pe1.ndx", kind=FileKind.INDEX, outcome=FileOutcome.REMOVED),
    FileResult(name="ftp://192.0.2.7/pe1.cfg", kind=FileKind.CONFIG, outcome=FileOutcome.REMOTE),
)
UNCOPIED = (
    FileResult(name="cf3:\\pe1.cfg", kind=FileKind.CONFIG, outcome=FileOutcome.FAILED, size=20480),
    FileResult(name="cf3:\\pe1.ndx", kind=FileKind.INDEX, outcome=FileOutcome.NOT_TRIED),
)
NO_SPACE = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.NO_SPACE)
INTERRUPTED = sync_failed_key("pe1", Slot.B, Scope.CONFIG, Cause.INTERRUPTED)


def _attempt(number: int, scope: Scope, trigger: Trigger, outcome: Copied | Failed) -> Iterator[Command]:
    yield StartSync(scope=scope, trigger=trigger, operator="noc" if trigger is Trigger.MANUAL else None)
    yield FinishSync(attempt=number, outcome=outcome, duration_ms=1250)


def _operate(action: AlarmAction, alarm: AlarmKey, text: str) -> OperateAlarm:
    return OperateAlarm(action=action, alarm=alarm, operator="operator", text=text)


def _set_up() -> Iterator[Command]:
    yield Provision(cards=CARDS, active=Slot.A, equipped=(Slot.A, Slot.B), operator="noc")
    yield SetSyncMode(mode=SyncMode.BOOT_ENV, operator="noc")
    yield SetSwitchoverExec(path="/usr/local/sbin/move-address", time_limit_seconds=20, operator="noc")
    yield StartSupervision(host="mgmt1", process=4711)
    yield SeeVersions(active_version="TiMOS-20.10.R3", standby_version="TiMOS-20.7.R1")
    yield from _attempt(1, Scope.BOOT_ENV, Trigger.MANUAL, Copied(files=FILES, bytes_copied=41964032))
    yield SeeVersions(active_version="TiMOS-20.10.R3", standby_version="TiMOS-20.10.R3")


def _failure_and_cure() -> Iterator[Command]:
    full = Failed(cause=Cause.NO_SPACE, detail="cf3: has 4096 bytes, 20480 are needed", files=UNCOPIED)
    yield SeeFlash(slot=Slot.B, flash="cf3:", used_percent=99)
    yield SeeChange(scope=Scope.CONFIG, files=("cf3:\\pe1.cfg",), noticed=Watch.NOTIFIED)
    yield from _attempt(2, Scope.CONFIG, Trigger.SAVED, full)
    yield _operate(AlarmAction.ACKNOWLEDGE, NO_SPACE, "ticket 4711")
    yield from _attempt(3, Scope.CONFIG, Trigger.RETRY, full)
    yield _operate(AlarmAction.SHELVE, NO_SPACE, "flash is being cleaned")
    yield SeeFlash(slot=Slot.B, flash="cf3:", used_percent=41)
    yield SeeCeased(scope=Scope.CONFIG, causes=(Cause.NO_SPACE,), detail="12582912 bytes are free on cf3:")
    yield _operate(AlarmAction.UNSHELVE, NO_SPACE, "")
    yield from _attempt(4, Scope.CONFIG, Trigger.RETRY, Failed(cause=Cause.INTERRUPTED, detail="process 4711 died"))
    yield from _attempt(5, Scope.CONFIG, Trigger.RETRY, Copied(files=FILES[4:5], bytes_copied=20480))
    yield _operate(AlarmAction.COMMENT, NO_SPACE, "old images removed")
    yield _operate(AlarmAction.CLOSE, NO_SPACE, "done")
    yield _operate(AlarmAction.COMPRESS, NO_SPACE, "")
    yield _operate(AlarmAction.PURGE, INTERRUPTED, "known maintenance")


def _card_pulled() -> Iterator[Command]:
    yield SeeCard(slot=Slot.B, health=Health.ABSENT, detail="pe1-b.example.net:/srv/flash does not exist")
    yield StartSwitchover(reason=SwitchoverReason.FORCED, operator="noc")
    yield SeeCard(slot=Slot.B, health=Health.IN_SERVICE)
    yield from _attempt(6, Scope.BOOT_ENV, Trigger.STANDBY_UP, Copied(files=FILES, bytes_copied=41964032))
    yield StartSwitchover(reason=SwitchoverReason.FORCED, out_of_step=("cf3:\\pe1.cfg",), operator="noc")
    failure = SwitchoverFailure.EXEC_FAILED
    yield FinishSwitchover(switchover=1, duration_ms=310, failure=failure, detail="move-address exited with 3")


def _takeover() -> Iterator[Command]:
    yield SeeCard(slot=Slot.A, health=Health.FAILED, detail="no answer in 5 seconds")
    yield StartSwitchover(reason=SwitchoverReason.CARD_FAILED)
    yield FinishSwitchover(switchover=2, duration_ms=290)
    yield SeeCard(slot=Slot.A, health=Health.IN_SERVICE)
    denied = Failed(cause=Cause.PERMISSION_DENIED, detail="cf3:\\bof.cfg: permission denied", files=UNCOPIED)
    yield from _attempt(7, Scope.BOOT_ENV, Trigger.STANDBY_UP, denied)
    yield from _attempt(8, Scope.CONFIG, Trigger.MANUAL, Copied(files=FILES[4:5], bytes_copied=20480))
    yield StopSupervision(host="mgmt1", process=4711)


def story() -> Iterator[Command]:
    """A night of pe1: set up, a failure and its cure, a card pulled, a takeover, and a return that is not over."""
    yield from _set_up()
    yield from _failure_and_cure()
    yield from _card_pulled()
    yield from _takeover()


def audit_story() -> Iterator[AuditCommand]:
    """The day after: the night is read, verified and exported, held back from the archive, and archived."""
    yield NoteRead(what=Question.AS_OF, query="2026-01-05T02:04Z --chassis pe1", operator="auditor")
    words = {"integrity": "intact", "completeness": "complete", "rebuild": "equal"}
    yield NoteVerified(size=82, root="5a" * 32, passed=True, operator="auditor", **words)
    yield PlaceHold(name="case-7", reason="the night of 5 January is examined", operator="noc")
    yield NoteExported(first=1, last=82, chassis="pe1", sha256="6b" * 32, operator="auditor")
    yield ReleaseHold(name="case-7", reason="examined", operator="noc")
    files = ("archive/00000000000000000001-00000000000000000080.sqlite",)
    yield NoteArchived(first=1, last=80, root="7c" * 32, files=files, operator="noc")
    yield NoteExported(first=81, last=87, chassis=None, sha256="8d" * 32, operator="auditor")


def stream(commands: Iterable[Command | AuditCommand]) -> Iterator[dict[str, Any]]:
    """The rows of the record of a story, as the store holds them."""
    times = iter(BEGAN + timedelta(seconds=7 * number, milliseconds=40) for number in range(1000))
    with (
        tempfile.TemporaryDirectory() as folder,
        Record(Path(folder) / "record.db", lambda: next(times)) as record,
    ):
        for number, command in enumerate(commands):
            if isinstance(command, AuditCommand):
                record.note(command)
            else:
                record.execute("pe1", command, occurred_at=BEGAN + timedelta(seconds=7 * number))
        for recorded in record.read():
            name, body = encode(recorded)
            yield {
                "position": recorded.position,
                "chassis": recorded.chassis,
                "version": recorded.version,
                "name": name,
                "body": orjson.Fragment(body),
            }


def told_by(state: ChassisState) -> dict[str, Any]:
    """What a state says of its chassis, apart from how the code of the day keeps it."""
    said = {
        "version": state.version,
        "active": state.active,
        "mode": state.mode,
        "switchover_exec": [state.exec_path, state.exec_time_limit_seconds],
        "ready": state.ready,
        "single": state.single,
        "attempts": state.attempts,
        "switchovers": state.switchovers,
        "cards": {slot: status.health for slot, status in state.cards.items()},
        "synchronized": {scope: status.synchronized for scope, status in state.scopes.items()},
        "failures": {scope: status.failures for scope, status in state.scopes.items()},
        "alarms": {
            " ".join(msgspec.structs.astuple(key)): {
                "standing": status.standing,
                "severity": status.severity,
                "count": status.count,
                "raised": status.raised,
            }
            for key, status in sorted(state.alarms.items())
        },
        "shelves": [" ".join(msgspec.structs.astuple(key)) for key in sorted(state.shelves)],
    }
    plain: dict[str, Any] = msgspec.to_builtins(said)
    return plain


def recordings() -> Iterator[tuple[str, bytes]]:
    """Every file, by its path in ``tests/recorded/``, as the code would write it today."""
    seen = set[str]()
    lines, state = list[bytes](), ChassisState("pe1")
    for row in stream(story()):
        name, body = row["name"], bytes(orjson.dumps(row["body"]))
        if name not in seen:
            yield f"{name}/plain.json", body
        seen.add(name)
        lines.append(orjson.dumps(row))
        state = evolve(state, decode(name, body, chassis="pe1", version=row["version"]).fact)
    yield "streams/v1/pe1.jsonl", b"\n".join(lines) + b"\n"
    yield "streams/v1/pe1.state.json", orjson.dumps(told_by(state), option=orjson.OPT_INDENT_2) + b"\n"
    rows = list(stream(audit_story()))
    for row in rows:
        if row["name"] not in seen:
            yield f"{row['name']}/plain.json", bytes(orjson.dumps(row["body"]))
        seen.add(row["name"])
    yield "streams/v1/audit.jsonl", b"".join(orjson.dumps(row) + b"\n" for row in rows)
    yield "streams/v1/audit.state.json", orjson.dumps({"version": len(rows)}, option=orjson.OPT_INDENT_2) + b"\n"
    assert seen == FACTS.keys(), f"the stories lack {sorted(FACTS.keys() - seen)}"


def main(folder: Path) -> None:
    """Writes what is missing, and says of each file whether it was recorded or kept."""
    for name, content in recordings():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            sys.stdout.write(f"{path}: kept\n")
        else:
            sys.stdout.write(f"{path}: recorded\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else RECORDED)
