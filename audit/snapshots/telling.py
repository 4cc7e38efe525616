"""How long work says how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int], object]
"""Is told how many facts of how many are done."""


def silently(done: int, goal: int) -> None:
    """Nobody watches."""
    _ = done, goal
