"""How long did it last, in the words that a person uses?"""

from datetime import timedelta

_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def milliseconds(span: timedelta) -> int:
    """A span of time in whole milliseconds; negative where a clock was set back."""
    return round(span.total_seconds() * 1000)


def since(span: timedelta) -> str:
    """How much later something happened: ``lasting`` with a sign."""
    return lasting(span) if span < timedelta(0) else f"+{lasting(span)}"


def lasting(span: timedelta) -> str:
    """``span`` in its two largest units (``2 h 5 min``), below a minute in seconds (``0.007 s``)."""
    if span < timedelta(0):
        return f"-{lasting(-span)}"
    if span < timedelta(minutes=1):
        return f"{span.total_seconds():.3f} s"
    seconds = round(span.total_seconds())
    parts: list[str] = []
    for size, unit in _STEPS:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    parts.append(f"{seconds} s")
    return " ".join(parts[:2])
