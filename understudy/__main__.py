"""The command ``understudy``: parses, calls, and turns errors into one clear line and an exit code."""

import gc
import os
import sqlite3
import sys

import click
from eventsourcing.domain import EventSourcingError

from events.errors import CommandRefusedError, EventDecodeError, UnderstudyError
from understudy.cli import cli

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 3, 130


def main() -> None:
    """Runs the program; exits 0 done, 1 tried and failed, 2 wrong usage (click's own), 3 refused."""
    code = run(sys.argv[1:])
    # What is left goes with the process: looking through all of it for cycles would take a tenth of a short command.
    gc.freeze()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs the program with these arguments; returns its exit code, and prints one line for a user's mistake."""
    try:
        return cli.main(arguments, prog_name="understudy", standalone_mode=False, color=_colour()) or DONE
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CommandRefusedError as error:
        return _say(error, REFUSED)
    except EventDecodeError as error:
        return _say(f"{error}; what is damaged, and what helps, says: understudy fsck", FAILED)
    except UnderstudyError as error:
        return _say(error, FAILED)
    except (EventSourcingError, sqlite3.Error) as error:
        return _say(f"The record cannot be used: {error}. Nothing was changed; see --home for another one.", FAILED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}.", FAILED)
    except (KeyboardInterrupt, click.Abort):
        return _say("Interrupted.", INTERRUPTED)


def _say(what: object, code: int) -> int:
    click.echo(f"{click.style('Error:', fg='red')} {_harmless(str(what))}", err=True, color=_colour())
    return code


def _harmless(text: str) -> str:
    """What is named in a text may be anybody's: no terminal is to obey it."""
    return "".join(one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode() for one in text)


def _colour() -> bool | None:
    """False where nobody wants colours (https://no-color.org); none where it depends on what is written to."""
    return False if os.environ.get("NO_COLOR") else None


if __name__ == "__main__":
    main()
