"""What a subscriber is told beside what it subscribed to: lines for standard error, or for a log."""

from collections.abc import Callable

Warn = Callable[[str], object]


def beyond(start: int, head: int) -> str:
    """It is to begin after a position that is not there."""
    return f"Position {start} is beyond the last one, {head}: nothing comes until it is passed."


def known(group: str, position: int | None) -> str:
    """Where it was to begin does not count; ``position`` is none where there are several."""
    where = "where it was" if position is None else f"after position {position}"
    return f"Group {group} is known, and goes on {where}; --from is for a new one."
