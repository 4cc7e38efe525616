"""How are times and numbers of things written, wherever people read them?"""

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """A time in UTC as the log has it, cut to a hundredth of a second: ``2026/05/01 02:13:00.07 UTC``."""
    at = moment.astimezone(UTC)
    return f"{at:%Y/%m/%d %H:%M:%S}.{at.microsecond // 10_000:02d} UTC"


def counted(number: int, one: str) -> str:
    """So many of something: ``1 event``, ``2 events``."""
    return f"{number} {one}{'' if number == 1 else 's'}"


def times(number: int) -> str:
    """How often: ``once``, ``2 times``."""
    return "once" if number == 1 else f"{number} times"
