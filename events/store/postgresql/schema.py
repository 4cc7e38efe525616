"""The tables of a record in PostgreSQL, and how they are told from another program's.

Positions come from no sequence, which would leave gaps where a transaction fails, and would be handed out in another
order than that of the commits: they are counted on from the newest row, by one transaction at a time.
"""

from events.errors import RecordMissingError, RecordNewerError, RecordUnreadableError
from events.store.postgresql.connections import Connection

FORMAT = 1
"""The version of the tables; a record with a higher one was written by a newer program and is not touched."""
CHANNEL = "understudy"
"""On which the server tells that something was appended."""

_MARK = "A record of Understudy, format "
_LOCK = 0x556E6473
"""Marks our locks among others (``Unds``); the second half of a lock is the table, as there may be several schemas."""

_LOCKED = f"pg_advisory_xact_lock({_LOCK}, hashint8('stored_events'::regclass::oid::bigint))"
LOCK = f"SELECT {_LOCKED}"
"""Keeps other writers out until the transaction ends."""

_FORMAT_OF = "SELECT to_regclass('stored_events')::oid, obj_description(to_regclass('stored_events'), 'pg_class')"
TABLES = f"""
CREATE TABLE stored_events (
    position bigint PRIMARY KEY,
    originator_id text COLLATE "C" NOT NULL,
    originator_version bigint NOT NULL,
    topic text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    UNIQUE (originator_id, originator_version)
);

COMMENT ON TABLE stored_events IS '{_MARK}{FORMAT}';

CREATE FUNCTION facts_are_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record is append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER facts_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION facts_are_never_changed();

ALTER TABLE stored_events ENABLE ALWAYS TRIGGER facts_are_never_changed;

-- Appends rows with the next positions and returns the last one. The lock is let go of when the commit is seen by all;
-- each statement below sees what was committed before it began, so also what the former holder appended.
CREATE FUNCTION append_facts(streams text[], versions bigint[], topics text[], states bytea[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    newest bigint;
BEGIN
    PERFORM {_LOCKED};
    SELECT coalesce(max(position), 0) INTO newest FROM stored_events;
    INSERT INTO stored_events (position, originator_id, originator_version, topic, state)
        SELECT newest + row.number, row.stream, row.version, row.topic, row.state
        FROM unnest(streams, versions, topics, states)
            WITH ORDINALITY AS row(stream, version, topic, state, number);
    PERFORM pg_notify('{CHANNEL}', '');
    RETURN newest + cardinality(streams);
END $$;
"""  # noqa: S608 - constants


def find_format(connection: Connection, place: str) -> int:
    """The format of the record in the database: 0 if there is none.

    Raises:
        RecordNewerError: a newer program wrote it.
        RecordUnreadableError: the table is another program's.
    """
    found = connection.execute(_FORMAT_OF).fetchone()
    table, comment = found or (None, None)
    if table is None:
        return 0
    version = str(comment or "").removeprefix(_MARK)
    if not version.isdecimal():
        raise RecordUnreadableError(f"{place} has a table stored_events that is not a record but another program's")
    if int(version) > FORMAT:
        raise RecordNewerError(
            f"{place} has record format {version}, this program knows {FORMAT}: use a newer Understudy"
        )
    return int(version)


def prepare(connection: Connection, place: str, *, create: bool) -> None:
    """Checks the tables of a record, and makes those of a new one if ``create`` says so.

    Raises:
        RecordMissingError: there is none, and none is to be made.
        RecordUnreadableError: as ``find_format``.
    """
    if find_format(connection, place):
        return
    if not create:
        raise RecordMissingError(f"there is no record at {place}; provision a chassis first, or name its --store")
    # Locked before the transaction begins: one that waited for the lock inside remembers that there were no tables.
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        if not find_format(connection, place):  # else another process was faster
            with connection.transaction():
                connection.execute(TABLES.encode())
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
