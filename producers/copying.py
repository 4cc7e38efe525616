"""The copy of one file from card to card, hashed on the way, in constant memory."""

import hashlib
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

from events.causes import Cause
from producers.cards.card import CHUNK, Card, FileStat, Tick
from producers.failure import SyncError, reading_source, writing_standby
from producers.manifest import Item


def copy_file(source: Card, standby: Card, item: Item, staged: str, tick: Tick) -> str:
    """Copy a file to ``staged`` and flush it; returns the SHA-256 of what was read, in hexadecimal.

    Hashing runs on a thread of its own while this one reads and writes.

    Raises:
        SyncError: source-changed if the file has not the size that it had, or what went wrong on either card.
    """
    assert item.stat is not None
    sha256 = hashlib.sha256()
    hashed: Future[None] | None = None
    with (
        closing(_chunks(source, item, item.stat)) as chunks,
        writing_standby(standby, item.name),
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="sha256") as hasher,
        standby.create(staged, item.stat) as file,
    ):
        for chunk in chunks:
            if hashed is not None:
                hashed.result()
            hashed = hasher.submit(sha256.update, chunk)
            file.write(chunk)
            tick(len(chunk))
        file.sync()
    return sha256.hexdigest()


def _chunks(source: Card, item: Item, stat: FileStat) -> Generator[bytes, None, None]:
    left = stat.size
    with reading_source(source, item.name, item.kind), source.open_read(item.path) as file:
        while left > 0 and (chunk := file.read(min(left, CHUNK))):
            left -= len(chunk)
            yield chunk
        if left > 0 or file.read(1):
            raise changed(item)


def changed(item: Item) -> SyncError:
    """The failure of a file that did not hold still."""
    return SyncError(
        Cause.SOURCE_CHANGED, f"{item.name} was changed while it was copied.", file=item.name, kind=item.kind
    )
