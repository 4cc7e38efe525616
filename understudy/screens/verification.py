"""``audit verify`` and ``audit checkpoint``: three verdicts, what was found, and what was signed."""

import click

from audit.notary_list import CheckpointList
from audit.notes_checkpoint import SignedCheckpoint
from audit.verification_answer import Answer, Finding, Kind, Restored, Verdict, Verification
from projections.event_log import printable
from understudy.screens.redundancy import stamp

RULE = "=" * 79
_MEND = "a backup may have it: understudy fsck --mend-with BACKUP -o NEW"
_ADVICE = {
    Kind.EDITED: "a backup may have what was signed; explain and as-of tell what is there now",
    Kind.GAP: _MEND,
    Kind.CUT_TAIL: f"{_MEND}; after a restore: understudy audit checkpoint --after-restore REASON",
    Kind.OLD_COPY: "a newer copy has it; if this one stays: understudy audit checkpoint --after-restore REASON",
}
"""What helps against the first wrong position; there may be nothing there that could be explained."""

_COLOURS = {Answer.HOLDS: "green", Answer.FAILS: "red", Answer.UNKNOWN: "yellow", Answer.NOT_ASKED: None}
_WIDTH = max(len(answer) for answer in Answer)


def verification_lines(found: Verification) -> list[str]:
    """The three verdicts, each with its reason and what was found, and what they go by."""
    lines: list[str] = []
    for name in ("integrity", "completeness", "rebuild"):
        lines += _verdict_lines(name, getattr(found, name))
    missing = "" if found.facts == found.size else f" up to position {found.size}"
    lines += ["", f"{'Record':<14}{_events(found.facts)}{missing}, root {found.root or 'unknown'}"]
    if found.key:
        lines.append(f"{'Checkpoints':<14}{found.checkpoints} signed by {printable(found.key)}")
    if found.first_wrong:
        lines.append(f"{'First wrong':<14}{_first_wrong(found)}")
    if found.restored:
        lines.append(f"{'Restored':<14}{_restored(found.restored)}")
    return lines


def _first_wrong(found: Verification) -> str:
    first, last = found.first_wrong, found.first_wrong_until
    here = [one for one in (*found.integrity.findings, *found.completeness.findings) if one.first == first]
    # What is missing explains what differs, not the other way round.
    kinds = sorted((one.kind for one in here if one.kind in _ADVICE), key=lambda kind: kind is Kind.EDITED)
    if first != last:
        where, advice = f"one of positions {first} to {last}", "no hash that is proved tells which"
    else:
        where, advice = f"position {first}", "see the finding above"
    advice = _ADVICE[kinds[0]] if kinds else advice
    return f"{click.style(where, fg='red')}: {advice}"


def _restored(one: Restored) -> str:
    return (
        f"a backup was put in place of the record, which had {_events(one.size)} then ({printable(one.reason)}): "
        f"this log counts from there; what was signed before, of the first {one.agreed}, is in {one.folder}"
    )


def _events(number: int) -> str:
    return f"{number} {'event' if number == 1 else 'events'}"


def _verdict_lines(name: str, verdict: Verdict) -> list[str]:
    answer = click.style(f"{verdict.answer.upper():<{_WIDTH}}", fg=_COLOURS[verdict.answer])
    lines = [f"{name.capitalize():<14}{answer}  {printable(verdict.text)}"]
    # The first finding is the verdict's own sentence.
    lines += [f"{'':<14}{'':<{_WIDTH}}  {_finding(one)}" for one in verdict.findings if one.text != verdict.text]
    left = verdict.found - len(verdict.findings)
    return [*lines, *([f"{'':<14}{'':<{_WIDTH}}  and {left} more"] if left > 0 else [])]


def _finding(one: Finding) -> str:
    return printable(one.text)


def checkpoint_lines(signed: SignedCheckpoint) -> list[str]:
    """The note itself: what can be copied by hand to wherever it is to be held."""
    return signed.note.whole.splitlines()


def checkpoint_list_lines(found: CheckpointList) -> list[str]:
    """One line for each checkpoint, the smallest first; what is wrong with others; what restores have put aside."""
    lines = [RULE, f"Checkpoints [{len(found.checkpoints)}]", RULE, f"{'Events':<10}{'Root':<19}Held in", "-" * 79]
    lines += [f"{one.size:<10}{one.root[:16]}{'':<3}{printable(one.place)}" for one in found.checkpoints]
    lines += [f"No checkpoint found in {printable(name)}." for name in found.empty]
    lines += [printable(one.text) for one in found.findings]
    lines += [f"Before the restore of {stamp(one.at, '')}: {one.folder}" for one in found.restores]
    return [*lines, RULE, f"Signed by {printable(found.key)}" if found.key else "Nothing was ever signed here."]
