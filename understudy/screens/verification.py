"""``audit verify`` and ``audit checkpoint``: three verdicts, what was found, and what was signed."""

import click

from audit.notes_checkpoint import SignedCheckpoint
from audit.verification_answer import Answer, Finding, Verdict, Verification
from projections.event_log import printable

_COLOURS = {Answer.HOLDS: "green", Answer.FAILS: "red", Answer.UNKNOWN: "yellow", Answer.NOT_ASKED: None}
_WIDTH = max(len(answer) for answer in Answer)


def verification_lines(found: Verification) -> list[str]:
    """The three verdicts, each with its reason and what was found, and what they go by."""
    lines: list[str] = []
    for name in ("integrity", "completeness", "rebuild"):
        lines += _verdict_lines(name, getattr(found, name))
    lines += ["", f"{'Record':<14}{found.size} events, root {found.root or 'unknown'}"]
    if found.key:
        lines.append(f"{'Checkpoints':<14}{found.checkpoints} signed by {printable(found.key)}")
    if found.first_wrong:
        where = click.style(f"position {found.first_wrong}", fg="red")
        lines.append(f"{'First wrong':<14}{where}: understudy audit explain {found.first_wrong}")
    return lines


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
