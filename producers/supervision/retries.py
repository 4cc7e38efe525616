"""When a failed synchronisation is tried again: after a wait that doubles, or at once when its cause has ceased."""

import time
from collections.abc import Iterable

from msgspec.structs import replace

from events.causes import Cause, Scope
from events.commands import Command, SeeCeased
from events.envelope import Recorded
from events.facts import SyncFailed, SyncSucceeded
from producers.supervision.schedule import Settings, backoff


class Retries:
    """The waits of one chassis, and how far its probes can be believed.

    A probe may see less than an attempt (inodes that have run out, a folder that cannot be written): if the attempt
    that it led to fails for the same cause, its word on that cause counts no more until an attempt succeeds. Else the
    alarm would be cleared and raised again at every probe.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._not_before: dict[Scope, float] = {}
        self._believed: set[tuple[Scope, Cause]] = set()
        self._doubted: set[tuple[Scope, Cause]] = set()

    def waits(self) -> dict[Scope, float]:
        """How many seconds each scope that failed still has to wait."""
        now = time.monotonic()
        return {scope: due_at - now for scope, due_at in self._not_before.items()}

    def forget(self) -> None:
        """Waits no longer: what failed before says nothing about the cards as they are now."""
        self._not_before.clear()
        self._believed.clear()
        self._doubted.clear()

    def believe(self, seen: Iterable[Command]) -> list[Command]:
        """What was seen, without what is doubted; a scope with a cause that has ceased waits no longer."""
        return [believed for one in seen if (believed := self._believe(one)) is not None]

    def _believe(self, seen: Command) -> Command | None:
        if not isinstance(seen, SeeCeased):
            return seen
        causes = tuple(cause for cause in seen.causes if (seen.scope, cause) not in self._doubted)
        if not causes:
            return None
        self._believed.update((seen.scope, cause) for cause in causes)
        self._not_before.pop(seen.scope, None)
        return replace(seen, causes=causes)

    def attempted(self, recorded: Iterable[Recorded]) -> None:
        """Draws the conclusions from the outcome of an attempt."""
        for fact in (one.fact for one in recorded):
            if isinstance(fact, SyncSucceeded):
                self.forget()
            elif isinstance(fact, SyncFailed):
                self._doubted |= self._believed & {(fact.scope, fact.cause)}
                self._not_before[fact.scope] = time.monotonic() + backoff(fact.failures, self._settings)
