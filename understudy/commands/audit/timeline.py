"""``understudy audit timeline``: one thing after the other."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

import click
import msgspec
import orjson

from events.codec import decode
from events.envelope import Recorded
from events.facts import FACTS, Slot
from events.store import Record
from events.upcasts import names_read_as
from projections.asking import NotInRecordError
from projections.timeline import Timeline, of_alarm, of_card, of_chassis, of_operator, operator_of
from understudy.auditing import note_read
from understudy.counting import counting
from understudy.home import Home
from understudy.moments import check_moment, check_order, end_now
from understudy.options import chassis_options, json_option, reader_option, use_home
from understudy.reading import Moment
from understudy.screens.drawing import showable
from understudy.screens.json import to_json
from understudy.screens.timeline import timeline_lines

_ROWS_AT_ONCE = 10_000
_OPERATOR = re.compile(rb'"operator":("(?:[^"\\]|\\.)*")')
"""The field as the codec writes it; in a text, its quotes would have backslashes."""
_OPERATED = [
    name for stored, kind in FACTS.items() if "operator" in kind.__struct_fields__ for name in names_read_as(stored)
]
"""The stored names of all facts that say who did it."""
_NAMED = 8
"""How many operators an error names at most."""


class _Bounds(msgspec.Struct, frozen=True):
    begin: datetime | int | None
    end: datetime | int | None


@click.command(
    epilog="""\b
Examples:
  understudy audit timeline
  understudy audit timeline --card B --from 2026-05-01T02:00Z --to 2026-05-01T03:00Z
  understudy audit timeline --alarm no-space
  understudy audit timeline --operator noc --json"""
)
@click.option("--card", type=click.Choice([slot.value for slot in Slot], case_sensitive=False), help="Of one card.")
@click.option("--alarm", metavar="ALARM", help="Of one alarm: its identity, a part of that, or its index.")
@click.option("--operator", metavar="NAME", help="Of what one operator did, on all chassis unless one is named.")
@click.option("--from", "begin", type=Moment(), help="Position or time (of the event, not of its recording) to begin.")
@click.option("--to", "end", type=Moment(), help="Position or time of the last one.")
@reader_option("--asked-by")
@chassis_options
@json_option
@use_home
def timeline(
    home: Home,
    card: str | None,
    alarm: str | None,
    operator: str | None,
    begin: datetime | int | None,
    end: datetime | int | None,
    as_json: bool,
) -> None:
    """What happened to a chassis, card or alarm, or by an operator: one line for each event, with the time between.

    The order is that in which things happened; what was recorded later than it happened says so. --operator chooses
    whose acts are shown; who asks is --asked-by.
    """
    if sum(each is not None for each in (card, alarm, operator)) > 1:
        raise click.UsageError("Name one of --card, --alarm and --operator.")
    bounds = _checked(home.record(), begin, end)
    try:
        answer = _answer(home, bounds, card=card, alarm=alarm, operator=operator)
    except NotInRecordError as error:
        raise click.UsageError(str(error)) from error
    note_read(home, "timeline", _query(answer.subject, begin, end))
    if as_json:
        click.echo(to_json(answer))
        return
    for line in timeline_lines(answer, several=operator is not None):
        click.echo(showable(line))


def _checked(record: Record, begin: datetime | int | None, end: datetime | int | None) -> _Bounds:
    check_order(begin, end, ("--from", "--to"))
    check_moment(record, begin, "--from")
    end_now(record, end, "--to")
    return _Bounds(begin, end)


def _answer(home: Home, bounds: _Bounds, *, card: str | None, alarm: str | None, operator: str | None) -> Timeline:
    record, begin, end = home.record(), bounds.begin, bounds.end
    if operator is not None:
        return of_operator(operator, _acts(home, operator), begin=begin, end=end)
    chassis = home.pick()
    facts = record.read_chassis(chassis)
    if card is not None:
        return of_card(chassis, facts, Slot(card.upper()), begin=begin, end=end)
    if alarm is not None:
        words = f"alarm {alarm}" if alarm.strip().isdigit() else alarm
        return of_alarm(chassis, facts, words, begin=begin, end=end)
    return of_chassis(chassis, facts, begin=begin, end=end)


def _query(subject: str, begin: datetime | int | None, end: datetime | int | None) -> str:
    bounds = "".join(f" {word} {moment}" for word, moment in (("from", begin), ("to", end)) if moment is not None)
    return f"{subject}{bounds}"


def _acts(home: Home, operator: str) -> list[Recorded]:
    """The facts of an operator; of all chassis, or of the one that ``--chassis`` names.

    Raises:
        NotInRecordError: there is none; the message says who else acted.
    """
    chassis = None if home.wanted is None else home.pick()
    found: list[Recorded] = []
    others: set[str] = set()
    for name, recorded in _operated(home.record(), chassis):
        if name == operator:
            found.append(recorded())
        else:
            others.add(name)
    if not found:
        where = f"on chassis {chassis}" if chassis else "in the record"
        named = ", ".join(sorted(others)[:_NAMED])
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        there = f"those who did: {named}{more}" if others else "nobody did"
        raise NotInRecordError(f"Nothing {where} was done by {operator!r}; {there}.")
    return found


def _operated(record: Record, chassis: str | None) -> Iterator[tuple[str, Callable[[], Recorded]]]:
    """Every fact that an operator brought about: who, and what gives the fact; few are worth decoding."""
    if chassis is not None:
        for one in record.read_chassis(chassis):
            name = operator_of(one.fact)
            if name is not None:
                yield name, partial(_same, one)
        return
    position, head = 0, record.head()
    with counting("looking for the operator") as count:
        while position < head:
            rows = record.recorder.select_rows(after=position, limit=_ROWS_AT_ONCE, stop=head, topics=_OPERATED)
            for position, stream, version, stored_name, state in rows:
                match = _OPERATOR.search(state)
                if match:
                    yield (
                        orjson.loads(match[1]),
                        partial(decode, stored_name, state, chassis=stream, version=version, position=position),
                    )
            if len(rows) < _ROWS_AT_ONCE:
                return
            count.show(position, head)


def _same(one: Recorded) -> Recorded:
    return one
