"""Which moments can be asked about: not those to come, and none that comes before the one that it has to follow."""

from datetime import UTC, datetime

import click

from events.envelope import Recorded
from events.store import Record
from projections.wording import stamp

USAGE = 2


class MomentError(click.ClickException):
    """A moment that nothing can be said about; the message says what there is instead, so the usage is not printed."""

    exit_code = USAGE


def check_moment(record: Record, moment: datetime | int | None, name: str) -> None:
    """Refuses a moment to come, in the same words wherever one is asked for; ``name`` is the option or argument.

    Raises:
        MomentError: the record does not have that position yet, or the time is not yet.
    """
    head = record.head()
    if isinstance(moment, int) and moment > head:
        raise MomentError(f"{name} {moment}: the record ends at position {head}{_recorded(newest(record))}.")
    if isinstance(moment, datetime) and is_to_come(record, moment):
        raise MomentError(f"{name} {stamp(moment)} is to come; {_newest(newest(record))}.")


def is_to_come(record: Record, moment: datetime | int | None) -> bool:
    """Whether nothing can be known of a time yet; a source whose clock is ahead may have told what comes later."""
    if not isinstance(moment, datetime) or moment <= datetime.now(UTC):
        return False
    known = newest(record)
    return known is None or moment > max(known.recorded_at, known.occurred_at)


def end_now(record: Record, end: datetime | int | None, name: str) -> None:
    """Says on standard error that a period that ends with a time to come ends now; refuses a position to come.

    Raises:
        MomentError: the record does not have that position yet.
    """
    if isinstance(end, datetime) and is_to_come(record, end):
        click.echo(f"{name} {stamp(end)} is to come: it means now; {_newest(newest(record))}.", err=True)
    else:
        check_moment(record, end, name)


def check_order(begin: datetime | int | None, end: datetime | int | None, names: tuple[str, str]) -> None:
    """Refuses a period that ends before it begins, where both ends are of one kind.

    Raises:
        MomentError: it does.
    """
    both = (isinstance(begin, int) and isinstance(end, int)) or (
        isinstance(begin, datetime) and isinstance(end, datetime)
    )
    if both and begin > end:  # type: ignore[operator] # of one type
        raise MomentError(f"{names[0]} comes after {names[1]}: {_text(begin)} is later than {_text(end)}.")


def nothing_yet(record: Record, chassis: str, moment: datetime | int) -> MomentError:
    """What is said of a moment before the first event of a chassis: how it was read, and where the record begins."""
    first = next(iter(record.read_chassis(chassis)), None)
    begins = "" if first is None else f"; its first is event {first.position}{_recorded(first)}"
    return MomentError(f"Chassis {chassis} had no event yet at {_text(moment)}{begins}.")


def newest(record: Record) -> Recorded | None:
    """The newest event of a record; none of an empty one."""
    head = record.head()
    return next(iter(record.read(after=head - 1, until=head)), None) if head else None


def _newest(one: Recorded | None) -> str:
    return "the record is empty" if one is None else f"the newest event is {one.position}{_recorded(one)}"


def _recorded(one: Recorded | None) -> str:
    return "" if one is None else f", recorded {stamp(one.recorded_at)}"


def _text(moment: object) -> str:
    return stamp(moment) if isinstance(moment, datetime) else f"event {moment}"
