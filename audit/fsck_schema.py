"""Whether the tables, indexes and guards of a record are those that its program makes, no more and no fewer."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

from audit.checking import Damage, Finding
from audit.salvage import SchemaRow
from events.store import archive, sqlite

_OF_SQLITE_ITSELF = {("table", "sqlite_stat1"), ("table", "sqlite_stat4")}
"""What ANALYZE leaves. Whoever edits the schema itself can give other things such names."""
_REMEDY = (
    "somebody or something has edited the file: understudy audit verify says whether facts were changed; "
    "understudy backup FILE makes a copy with the right ones to go on with"
)


def check_schema(found: Iterable[SchemaRow], version: int) -> Iterator[Finding]:
    """What is missing, foreign or changed in the schema of a record of this format.

    ``found`` are rows of ``sqlite_schema``. A trigger that is missing
    lets facts be edited; a foreign one may edit them.
    """
    wanted = {(row.kind, row.name): row for row in _wanted(version)}
    there = {(row.kind, row.name): row for row in found if (row.kind, row.name) not in _OF_SQLITE_ITSELF}
    for row in wanted.values():
        if (row.kind, row.name) not in there:
            yield _finding(f"the {row.kind} {row.name} is missing")
    for key, row in there.items():
        if key not in wanted:
            yield _finding(f"this program makes no {row.kind} {row.name!r}")
        elif _normal(row) != _normal(wanted[key]):
            yield _finding(f"the {row.kind} {row.name} is not what this program makes")


def _wanted(version: int) -> list[SchemaRow]:
    statements = [*sqlite.TABLES, *(archive.TABLES if version >= archive.FORMAT else ())]
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements:
            connection.execute(statement)
        return [SchemaRow(*row) for row in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")]


def _normal(row: SchemaRow) -> tuple[str, str]:
    return row.table, " ".join((row.sql or "").split())


def _finding(what: str) -> Finding:
    return Finding(damage=Damage.SCHEMA, first=0, last=0, what=what, remedy=_REMEDY)
