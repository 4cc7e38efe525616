"""``audit as-of``: what was so at a moment, and where what was known then differs from what had happened."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import click
import msgspec

from projections.as_of import Axis, LateFact, PictureView
from projections.event_log import printable
from projections.redundancy import RedundancyView
from projections.wording import counted, stamp
from understudy.screens.alarms import RULE, alarm_lines
from understudy.screens.drawing import fitted
from understudy.screens.redundancy import card_lines, synchronization_lines

SHOWN_LATE = 10
"""Late facts that are shown; JSON has more."""


class AxisChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is not the same on both axes: ``what`` of ``subject``, as it was known and as it was."""

    subject: str
    what: str
    known: str
    happened: str


class AsOf(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: the picture on one axis, how the other one differs, and the facts that came late."""

    chassis: str
    axis: Axis
    moment: datetime | int
    picture: PictureView
    differs: tuple[AxisChange, ...]
    late: tuple[LateFact, ...]


_SAID = {Axis.KNOWN: "as it was known then", Axis.HAPPENED: "as it truly was"}


def as_of_lines(answer: AsOf) -> list[str]:
    """The whole screen."""
    picture = answer.picture
    lines = [f"{answer.chassis} as of {moment_text(answer.moment)}, {_SAID[answer.axis]}"]
    newest = (
        "nothing" if picture.recorded_at is None else f"event {picture.position}, recorded {stamp(picture.recorded_at)}"
    )
    lines.append(f"{counted(picture.facts, 'event')}; the newest is {newest}")
    lines += _differences(answer)
    view: RedundancyView = picture.redundancy
    for screen, hang in (
        (synchronization_lines(view), 29),
        (card_lines(view), 6),
        (alarm_lines(picture.alarms, with_cleared=True), 7),
    ):
        lines += [part for line in screen for part in fitted(line, hang)]
    return lines


def late_lines(late: Sequence[LateFact]) -> Iterable[str]:
    """The newest of the late facts, each with its position and how late it came."""
    for one in late[-SHOWN_LATE:]:
        happened = f"happened {stamp(one.occurred_at)}"
        known = "" if one.known_then else ", not known then"
        yield from fitted(f"  event {one.position} ({one.fact}) {happened}, recorded {_span(one.late_ms)}{known}", 4)
    if len(late) > SHOWN_LATE:
        yield f"  and {len(late) - SHOWN_LATE} more"


def moment_text(moment: datetime | int) -> str:
    """A moment as people write it."""
    return f"event {moment}" if isinstance(moment, int) else stamp(moment)


def _differences(answer: AsOf) -> Iterable[str]:
    if not answer.differs:
        return
    yield RULE
    yield click.style("What was known then differs from what had happened:", fg="yellow")
    for change in answer.differs:
        said = f"known {printable(change.known)}; happened {printable(change.happened)}"
        yield from fitted(f"  {printable(change.subject)}, {change.what}: {said}", 4)
    if answer.late:
        yield "Events that came late:"
        yield from late_lines(answer.late)


def _span(milliseconds: int) -> str:
    seconds = abs(milliseconds) / 1000
    minutes, rest = divmod(round(seconds), 60)
    said = f"{minutes} min {rest} s" if minutes else f"{seconds:.3f} s"
    return f"{said} later" if milliseconds >= 0 else f"{said} earlier"
