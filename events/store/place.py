"""Where a record lies: a file, or a PostgreSQL database; and how that is shown, which is never with a password."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from events.errors import BadPlaceError

SCHEMES = ("postgresql://", "postgres://")

Place = Path | str
"""A file, or the URL of a database as libpq understands it."""

_SHOWN_PARAMETERS = ("host", "port")


def parse_place(text: str) -> Place:
    """What a user wrote: a URL, or the path of a file.

    Raises:
        BadPlaceError: the URL is malformed or of another scheme, or the part for PostgreSQL is not installed.
    """
    if not text.startswith(SCHEMES):
        if "://" in text or not text:
            raise BadPlaceError("the store is neither postgresql://[USER@]HOST[:PORT]/DATABASE nor the path of a file")
        return Path(text).absolute()
    show_place(text)
    return text


def show_place(place: Place) -> str:
    """A place as messages have it."""
    if isinstance(place, Path):
        return str(place)
    known = _parameters(place)
    user = f"{known['user']}@" if "user" in known else ""
    host, port = (str(known.get(name, "")) for name in _SHOWN_PARAMETERS)
    where = f"{host}:{port}" if port and not host.startswith("/") else host
    if host.startswith("/"):
        return f"postgresql://{user}/{known.get('dbname', '')}?host={host}"
    return f"postgresql://{user}{where}/{known.get('dbname', '')}"


def _parameters(url: str) -> dict[str, Any]:
    if find_spec("psycopg") is None:
        raise BadPlaceError(
            "a record in PostgreSQL needs a part that is not installed; run: pip install 'understudy[postgresql]'"
        )
    from psycopg import ProgrammingError  # noqa: PLC0415 - the optional part
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - the same

    form = "write postgresql://[USER@]HOST[:PORT]/DATABASE, with special characters as %40 for @ and so on"
    try:
        known = conninfo_to_dict(url)
    except ProgrammingError as error:
        # What libpq quotes may be the password.
        reason = str(error).partition('"')[0].strip().rstrip(":")
        raise BadPlaceError(f"the URL of the store is malformed ({reason}); {form}") from None
    except UnicodeError:
        raise BadPlaceError(f"the URL of the store is malformed; {form}") from None
    if "@" in str(known.get("host", "")):
        raise BadPlaceError(f"the URL of the store has more than one @; {form}")
    if not str(known.get("port") or "0").replace(",", "").isdecimal():
        raise BadPlaceError(f"the URL of the store is malformed (its port is not a number); {form}")
    return {name: value for name, value in known.items() if value}
