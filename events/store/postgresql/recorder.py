"""The library's factory, datastore and recorder over our table in PostgreSQL.

Differences from the library's own: positions have no gap and rows cannot be changed (``schema``); an append
happens once also where the connection is lost in the middle of it; a server that restarts is awaited.
"""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any, TypeVar

from eventsourcing.persistence import IntegrityError, Notification
from eventsourcing.postgres import BasePostgresFactory, PostgresApplicationRecorder, PostgresDatastore, PostgresFactory
from eventsourcing.utils import Environment, EnvType
from psycopg import errors

from events.errors import RecordAwayError
from events.store.place import show_place
from events.store.postgresql.bell import Bell
from events.store.postgresql.connections import Connection, Connections
from events.store.postgresql.outage import Outage
from events.store.postgresql.schema import LOCK, prepare
from events.store.recorder import MakeRows, NewRow, RecordRecorder, RecordSubscription, Row, notification

T = TypeVar("T")

PATIENCE_SECONDS = 30.0
"""How long whatever reads or appends waits for a server that restarts, or for another that takes over from it."""
_BETWEEN_TRIES_SECONDS = 0.1

_COLUMNS = "SELECT position, originator_id, originator_version, topic, state FROM stored_events"
_APPEND = "SELECT append_facts(%b::text[], %b::bigint[], %b::text[], %b::bytea[])"
_FIND = f"{_COLUMNS} WHERE originator_id = %s AND originator_version = %s"
# One seek per stream in the unique index, however many facts each stream has.
_STREAMS = """WITH RECURSIVE stream(id) AS (
        SELECT MIN(originator_id) FROM stored_events
        UNION ALL
        SELECT (SELECT MIN(originator_id) FROM stored_events WHERE originator_id > stream.id)
        FROM stream WHERE stream.id IS NOT NULL)
    SELECT id FROM stream WHERE id IS NOT NULL"""


class RecordDatastore(PostgresDatastore):
    """The record's database, by the URL that names it."""

    def __init__(self, url: str) -> None:
        super().__init__("", "", "", "", "", originator_id_type="text")
        self.url = url
        self.place = show_place(url)
        self.connections = Connections(url)
        self.outage = Outage(self.place)

    def register_type_adapters(self) -> None:
        """We have no types of our own."""

    @contextmanager
    def get_connection(self) -> Generator[Connection, None, None]:  # type: ignore[override] # rows are tuples
        """A connection from ours, not from the library's pool."""
        with self.connections.connection() as connection:
            yield connection

    def patiently(self, act: Callable[[Connection], T], *, reading: bool = False) -> T:
        """Does ``act`` with a connection, again and again while the server is away and patience lasts.

        Raises:
            RecordAwayError: it did not come back.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with self.connections.connection(reading=reading) as connection:
                    return act(connection)
            except RecordAwayError:
                if time.monotonic() >= until or self.connections.hurry.wait(_BETWEEN_TRIES_SECONDS):
                    raise

    def close(self) -> None:
        """Closes all connections."""
        if hasattr(self, "connections"):  # the library closes what was never opened, too
            self.connections.close()


class PostgresqlRecorder(RecordRecorder, PostgresApplicationRecorder):
    """The library's application recorder over our table."""

    datastore: RecordDatastore

    def __init__(self, datastore: RecordDatastore, *, events_table_name: str = "stored_events") -> None:
        super().__init__(datastore, events_table_name=events_table_name)
        self._bell = Bell(datastore.url)

    def insert_rows(self, make: MakeRows) -> Sequence[int]:
        """Appends in one transaction and returns the positions. When this returns, the rows survive power loss.

        A connection may be lost when the server has committed and has not said so. The same rows are appended again
        then: where they were recorded already, that is a conflict with themselves.
        """
        rows: Sequence[NewRow] = []
        tries = 0

        def append(connection: Connection) -> Sequence[int]:
            nonlocal rows, tries
            tries += 1
            try:
                with connection.transaction():
                    connection.execute(LOCK.encode())
                    rows = rows or make()
                    if not rows:
                        return []
                    columns = [list(column) for column in zip(*rows, strict=True)]
                    last: int = _value(connection, _APPEND, columns)
            except errors.UniqueViolation as error:
                found = _positions(connection, rows) if tries > 1 else None
                if found is None:
                    raise IntegrityError(str(error)) from error
                return found
            return range(last - len(rows) + 1, last + 1)

        positions = self.datastore.patiently(append)
        self._bell.ring()
        return positions

    def select_stream(
        self, stream: str, *, after: int = 0, until: int | None = None, limit: int | None = None, desc: bool = False
    ) -> list[Row]:
        """Rows of one stream with a version greater than ``after`` and at most ``until``: the fast way to read it."""
        statement = (
            f"{_COLUMNS} WHERE originator_id = %s AND originator_version > %s AND originator_version <= %s "
            f"ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT %s"
        )
        params = [stream, after, until if until is not None else 2**62, limit]
        return self.datastore.patiently(lambda connection: _rows(connection, statement, params), reading=True)

    def select_rows(
        self, *, after: int, limit: int | None, stop: int | None = None, topics: Sequence[str] = ()
    ) -> list[Row]:
        """Rows with a position greater than ``after`` and at most ``stop``: the fast way to read everything."""
        statement, params = _after(after, limit, stop, topics)
        return self.datastore.patiently(lambda connection: _rows(connection, statement, params), reading=True)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Stored events of the whole record in order of position; subscriptions bring a patience of their own."""
        after = (start or 0) - (1 if inclusive_of_start else 0)
        with self.datastore.connections.connection(reading=True) as connection:
            return [notification(row) for row in _rows(connection, *_after(after, limit, stop, topics))]

    def max_notification_id(self) -> int:
        """The position of the newest fact; 0 for an empty record."""
        newest: int = self.datastore.patiently(
            lambda connection: _value(connection, "SELECT coalesce(max(position), 0) FROM stored_events"), reading=True
        )
        return newest

    def next_in_table(self, after: int) -> int:
        """The first position after this one, 0 for none."""
        statement = "SELECT coalesce(min(position), 0) FROM stored_events WHERE position > %s"
        found: int = self.datastore.patiently(lambda connection: _value(connection, statement, [after]), reading=True)
        return found

    def select_streams(self) -> list[str]:
        """The names of all streams, sorted."""
        return self.datastore.patiently(
            lambda connection: [name for (name,) in connection.execute(_STREAMS)], reading=True
        )

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "PostgresqlSubscription":
        """Stored events after position ``gt``, then new ones; outlasts a server that is away."""
        return PostgresqlSubscription(self, gt=gt, topics=topics)

    def listen(self, event: Event) -> None:
        """Sets ``event`` whenever something was appended, by whichever process."""
        self._bell.listen(event)

    def unlisten(self, event: Event) -> None:
        """Ends ``listen``."""
        self._bell.unlisten(event)

    def hurry(self) -> None:
        """From now on nothing waits for a server that is away, or for long for one that does not answer."""
        self.datastore.connections.hurry.begin()


class PostgresqlSubscription(RecordSubscription):
    """Goes on after the last position that was pulled, however long the server is away."""

    def __init__(self, recorder: PostgresqlRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        self._outage = recorder.datastore.outage
        super().__init__(recorder, gt=gt, topics=topics)

    def stop(self) -> None:
        """Stops the subscription, also where it waits for the server."""
        self._outage.left(self)
        super().stop()

    def _pull(self) -> None:
        while not self._has_been_stopped:
            try:
                super()._pull()
            except RecordAwayError as error:
                self._outage.lost(self, error)
                self._has_been_notified.wait(_BETWEEN_TRIES_SECONDS)
            else:
                self._outage.over(self)
                return


def _after(after: int, limit: int | None, stop: int | None, topics: Sequence[str]) -> tuple[str, list[Any]]:
    where, params = "position > %s", [after, *([stop] if stop is not None else []), *([list(topics)] if topics else [])]
    if stop is not None:
        where += " AND position <= %s"
    if topics:
        where += " AND topic = ANY(%s)"
    return f"{_COLUMNS} WHERE {where} ORDER BY position LIMIT %s", [*params, limit]


def _rows(connection: Connection, statement: str, params: Sequence[Any]) -> list[Row]:
    with connection.cursor(binary=True) as cursor:
        cursor.execute(statement.encode(), params)
        rows: list[Any] = cursor.fetchall()
    return rows


def _value(connection: Connection, statement: str, params: Sequence[Any] = ()) -> Any:
    row = connection.execute(statement.encode(), params).fetchone()
    assert row is not None
    return row[0]


def _positions(connection: Connection, rows: Sequence[NewRow]) -> Sequence[int] | None:
    """Where exactly these rows stand in the record; none if another writer's are there."""
    found = [_rows(connection, _FIND, row[:2]) for row in rows]
    if [one[1:] for row in found for one in row] != [*rows]:
        return None
    return [one[0] for row in found for one in row]


class RecordFactory(PostgresFactory):
    """The library's factory, making our datastore and recorder."""

    URL = "POSTGRES_URL"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super(BasePostgresFactory, self).__init__(env)  # the library's own asks for the parts of a URL
        self.datastore: RecordDatastore = RecordDatastore(str(self.env.get(self.URL)))

    def application_recorder(self) -> PostgresqlRecorder:
        """Our recorder, over tables that are checked, or made where there are none."""
        try:
            with self.datastore.connections.connection() as connection:
                prepare(connection, self.datastore.place, create=self.env_create_table())
        except BaseException:
            self.datastore.close()
            raise
        return PostgresqlRecorder(self.datastore)
