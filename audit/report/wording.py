"""How are times, spans and states written on the page?"""

from datetime import UTC, datetime, timedelta

_SECOND, _MINUTE, _HOUR, _DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_UNITS = ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min"))


def moment(at: datetime) -> str:
    """A time in UTC, to the millisecond."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def brief(at: datetime) -> str:
    """The same, to the second where it is a whole one."""
    return moment(at).removesuffix(".000")


def machine(at: datetime) -> str:
    """A time for the attribute ``datetime``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def length(span: timedelta) -> str:
    """How long something lasted, in its two largest units."""
    if span < _SECOND:
        return f"{span / timedelta(milliseconds=1):.0f} ms"
    if span < _MINUTE:
        return f"{span / _SECOND:.1f} s"
    for unit, name, below, name_below in _UNITS:
        if span >= unit:
            return _two(span // unit, name, (span % unit) // below, name_below)
    return _two(span // _MINUTE, "min", (span % _MINUTE) // _SECOND, "s")


def _two(whole: int, name: str, rest: int, name_below: str) -> str:
    return f"{whole} {name} {rest} {name_below}" if rest else f"{whole} {name}"


def whole(text: str) -> str:
    """A text that is not broken into lines."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def share(part: timedelta, whole: timedelta) -> str:
    """A part of a time in percent; what is not all of it is never rounded up to all, nor something down to nothing."""
    if not whole:
        return "-"
    percent = 100 * (part / whole)
    if 0 < percent < 0.01:  # noqa: PLR2004 - what two decimals cannot show
        return "< 0.01 %"
    if 99.99 < percent < 100:  # noqa: PLR2004 - likewise
        return "> 99.99 %"
    return f"{percent:.2f}".rstrip("0").rstrip(".") + " %"


def milliseconds(duration: int | None) -> str:
    """A duration that a fact tells."""
    return "" if duration is None else length(timedelta(milliseconds=duration))


def words(state: str) -> str:
    """A state as it is read: ``single-card`` is *single card*."""
    return state.replace("-", " ")


def size(count: int | None) -> str:
    """A number of bytes."""
    return "" if count is None else f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def plural(count: int, one: str, many: str = "") -> str:
    """So many of something."""
    number = f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{number} {one if count == 1 else many or f'{one}s'}"
