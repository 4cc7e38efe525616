"""Old shapes and how they are read today: an append-only table of pure functions on plain dictionaries.

An entry maps a stored name that is no longer written to the name that replaced it and the function that turns the
old body into the new one. Entries chain. Once released an entry is never edited; a new shape adds a new one.
"""

from collections.abc import Callable
from typing import Any

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTS: dict[str, tuple[str, Upcast]] = {}
"""Old stored name -> (newer stored name, function from the old body to the newer one). Empty: all names are at v1."""


def names_read_as(stored_name: str) -> tuple[str, ...]:
    """Every stored name whose facts are read as ``stored_name`` today, itself first; for filters in the store."""
    older = [old for old, (newer, _) in UPCASTS.items() if newer == stored_name]
    return (stored_name, *(name for old in older for name in names_read_as(old)))
