"""What the record asks of a store, whichever it is, and how its facts are followed."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    ListenNotifySubscription,
    Notification,
    StoredEvent,
    Subscription,
)

from events.errors import CommandRefusedError

NewRow = tuple[str, int, str, bytes]
"""stream, version in the stream, stored name, stored JSON."""
Row = tuple[int, str, int, str, bytes]
"""position, and what a new row has."""
MakeRows = Callable[[], Sequence[NewRow]]
"""Makes new rows when no other writer can come between: what they say about when they were recorded is true then."""


class Segment(NamedTuple):
    """Positions that were archived, and the file that has them; its name is relative to the folder of the record."""

    first: int
    last: int
    file: str


class RecordRecorder(ApplicationRecorder):
    """The library's application recorder, and what the record needs besides.

    Positions number all rows from 1 in the order of their commits, without a gap.
    """

    @abstractmethod
    def insert_rows(self, make: MakeRows) -> Sequence[int]:
        """Appends in one transaction and returns the positions. When this returns, the rows survive power loss.

        ``make`` is called when the transaction has the lock for writing.

        Raises:
            IntegrityError: another writer has used one of the versions; nothing was appended.
        """

    @abstractmethod
    def select_rows(
        self, *, after: int, limit: int | None, stop: int | None = None, topics: Sequence[str] = ()
    ) -> list[Row]:
        """Rows with a position greater than ``after`` and at most ``stop``: the fast way to read everything."""

    def read_rows(self, *, after: int, stop: int, at_once: int) -> Iterator[list[Row]]:
        """Rows with a position greater than ``after`` and at most ``stop``, so many at once: not for long."""
        while rows := self.select_rows(after=after, limit=at_once, stop=stop):
            yield rows
            after = rows[-1][0]

    @abstractmethod
    def select_stream(
        self, stream: str, *, after: int = 0, until: int | None = None, limit: int | None = None, desc: bool = False
    ) -> list[Row]:
        """Rows of one stream with a version greater than ``after`` and at most ``until``: the fast way to read it."""

    @abstractmethod
    def select_streams(self) -> list[str]:
        """The names of all streams, sorted."""

    @abstractmethod
    def max_notification_id(self) -> int:
        """The position of the newest fact; 0 for an empty record."""

    def archived(self) -> int:
        """The newest position that was archived; 0 for none."""
        return max((segment.last for segment in self.segments()), default=0)

    def segments(self) -> list[Segment]:
        """What was archived, in the order of positions."""
        return []

    def oldest_in_table(self) -> int:
        """The oldest position that is in the record's own table, 0 for none; older ones are archived."""
        return 1

    @abstractmethod
    def next_in_table(self, after: int) -> int:
        """The first position after this one that is in the record's own table, 0 for none."""

    def add_segment(self, note: NewRow, first: int, last: int, file: str) -> int:  # noqa: ARG002 - for those that can
        """Appends the fact that these positions lie in a file, and has the record know it, in one transaction.

        Raises:
            CommandRefusedError: this store keeps everything in its database.
            IntegrityError: another writer was faster.
        """
        raise CommandRefusedError("a record in PostgreSQL is not archived: its server keeps everything")

    def remove_archived(self, limit: int) -> int:  # noqa: ARG002 - the same
        """Removes so many of the oldest archived rows from the table; returns how many it were."""
        return 0

    @abstractmethod
    def listen(self, event: Event) -> None:
        """Sets ``event`` whenever something was appended, by whichever process."""

    @abstractmethod
    def unlisten(self, event: Event) -> None:
        """Ends ``listen``."""

    def hurry(self) -> None:
        """From now on nothing waits for a store that is away: this process comes to its end."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Appends stored events; see ``insert_rows``."""
        rows = [(str(one.originator_id), one.originator_version, one.topic, one.state) for one in stored_events]
        return self.insert_rows(lambda: rows)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The stored events of one stream, with their positions."""
        rows = self.select_stream(str(originator_id), after=gt or 0, until=lte, limit=limit, desc=desc)
        return [notification(row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Stored events of the whole record in order of position."""
        after = (start or 0) - (1 if inclusive_of_start else 0)
        return [notification(row) for row in self.select_rows(after=after, limit=limit, stop=stop, topics=topics)]

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Stored events after position ``gt``, then new ones as any process appends them."""
        return RecordSubscription(self, gt=gt, topics=topics)


class RecordSubscription(ListenNotifySubscription[RecordRecorder]):
    """The library's subscription, woken by ``listen``."""

    def __init__(self, recorder: RecordRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        recorder.listen(self._has_been_notified)
        # What was appended between the first pull and listening has woken nobody.
        self._has_been_notified.set()
        if self._has_been_stopped:
            # The first pull failed and stopped us before we listened.
            recorder.unlisten(self._has_been_notified)

    def stop(self) -> None:
        """Stops the subscription and its listening."""
        self._recorder.unlisten(self._has_been_notified)
        super().stop()


def notification(row: Row) -> Notification:
    """A row as the library has it."""
    position, chassis, version, topic, state = row
    return Notification(originator_id=chassis, originator_version=version, topic=topic, state=state, id=position)
