"""The store: where the record lies, how it is appended to, read and followed."""

from events.store.record import Record

__all__ = ["Record"]
