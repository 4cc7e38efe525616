"""``understudy audit``: what was, why it was, and the proof that nobody has edited the answer."""

import click

from understudy.lazy import Lazy

COMMANDS = (
    "as-of",
    "diff",
    "explain",
    "timeline",
    "switchover",
    "report",
    "checkpoint",
    "verify",
    "export",
    "archive",
    "hold",
    "trail",
)
"""The words of ``audit``."""


@click.group(
    cls=Lazy,
    package="understudy.commands.audit",
    words=COMMANDS,
    epilog="""\b
Examples:
  understudy audit as-of 2026-05-01T02:13:00Z
  understudy audit diff 2026-05-01T02:00Z 2026-05-01T03:00Z
  understudy audit explain 117
  understudy audit verify
  understudy audit export --from 2026-05-01 --to 2026-06-01 -o may.zip""",
)
def audit() -> None:
    """Answer what was and why, and prove that nobody has edited the answer."""
