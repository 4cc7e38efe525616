"""Who looks on while an attempt runs: a progress display, or a test that does real damage at the right moment."""

from typing import Protocol

from events.causes import Stage


class Observer(Protocol):
    """Told what an attempt does, on the thread that runs it; what it raises ends the attempt as internal-error."""

    def stage(self, stage: Stage) -> None:
        """The attempt enters a stage."""
        ...

    def file(self, name: str, size: int) -> None:
        """The copy of a file (router name, bytes) begins."""
        ...

    def copied(self, count: int) -> None:
        """So many more bytes of that file are on the standby."""
        ...


class Silent:
    """An observer that lets everything pass."""

    def stage(self, stage: Stage) -> None:
        """Nothing."""

    def file(self, name: str, size: int) -> None:
        """Nothing."""

    def copied(self, count: int) -> None:
        """Nothing."""
