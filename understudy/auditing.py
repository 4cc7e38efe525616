"""Reading the past leaves a trace: who asked what is a fact, too."""

import click

from events.audit_commands import AuditCommand, NoteRead
from events.envelope import Recorded
from events.errors import RecordUnreadableError
from events.facts import Question
from understudy.home import Home


def note_read(home: Home, what: str, query: str) -> None:
    """Records that the operator of ``home`` has asked ``what`` (a word of ``audit``) with ``query``.

    Where it cannot be recorded, for example on a full disk or on a read-only copy, the reading goes on and says so.
    """
    note(home, NoteRead(what=Question(what), query=query, operator=home.operator))


def note(home: Home, command: AuditCommand) -> Recorded | None:
    """Records what was done; none where the record cannot be written, which is said on standard error."""
    try:
        return home.record().note(command)
    except RecordUnreadableError as error:
        click.echo(f"{click.style('Warning:', fg='yellow')} this is not noted in the record: {error}", err=True)
        return None
