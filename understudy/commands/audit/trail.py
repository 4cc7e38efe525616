"""``understudy audit trail``: who read, verified, exported and archived the record."""

import click

from events.facts import AUDIT_STREAM
from projections.audit_trail import trail as trail_of
from understudy.home import Home
from understudy.options import home_option, json_option, use_home
from understudy.screens.json import to_json
from understudy.screens.keeping import trail_lines


@click.command(
    epilog="""\b
Examples:
  understudy audit trail
  understudy audit trail --operator noc --json"""
)
@click.option("--operator", metavar="NAME", help="Only what this operator did.")
@home_option
@json_option
@use_home
def trail(home: Home, operator: str | None, as_json: bool) -> None:
    """The audit trail of the audit: who read the past, verified, exported or archived it, oldest first."""
    found = trail_of(home.record().read_chassis(AUDIT_STREAM), operator)
    for line in [to_json(found)] if as_json else trail_lines(found):
        click.echo(line)
