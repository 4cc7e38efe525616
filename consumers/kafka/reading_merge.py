"""Facts of several partitions in the order of the record: positions have no gap, so the next one is always known."""

from collections.abc import Iterable

from events.envelope import Recorded


class Merge:
    """What was read of each partition, and was not yet the next one of the record.

    Within a partition positions rise. A position that was delivered already is not delivered again.
    """

    def __init__(self, partitions: Iterable[int], *, after: int) -> None:
        self.last = after
        self._waiting: dict[int, tuple[int, Recorded]] = {}
        self._counts = dict.fromkeys(partitions, 0)

    def add(self, partition: int, recorded: Recorded) -> None:
        """The next fact of a partition."""
        if recorded.position > self.last and recorded.position not in self._waiting:
            self._waiting[recorded.position] = partition, recorded
            self._counts[partition] += 1

    def ready(self) -> list[Recorded]:
        """The next facts of the record, as far as they were read."""
        found: list[Recorded] = []
        while self.last + 1 in self._waiting:
            self.last += 1
            partition, recorded = self._waiting.pop(self.last)
            self._counts[partition] -= 1
            found.append(recorded)
        return found

    def ahead(self, most: int) -> set[int]:
        """The partitions of which at least so many facts wait: reading on there would only fill the memory."""
        return {partition for partition, count in self._counts.items() if count >= most}

    def behind(self) -> set[int]:
        """The partitions of which nothing waits; where nothing is to come of them either, the next one is missing."""
        return {partition for partition, count in self._counts.items() if not count}

    def missing(self) -> tuple[int, int] | None:
        """The first and the last position that what waits is waiting for."""
        return (self.last + 1, min(self._waiting) - 1) if self._waiting else None

    def skip(self) -> None:
        """Goes on with the first position that was read."""
        self.last = min(self._waiting) - 1

    def clear(self) -> None:
        """Forgets what waits: it is read once more."""
        self._waiting.clear()
        self._counts = dict.fromkeys(self._counts, 0)
