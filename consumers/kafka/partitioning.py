"""Which partition a key has: as every client of Kafka computes it."""

from typing import Any

import kafka.partitioner.default  # type: ignore[import-untyped]

_HASHING: Any = kafka.partitioner.default


def partition_of(key: bytes, count: int) -> int:
    """The partition of a key in a topic that has so many of them."""
    return 0 if count == 1 else (_HASHING.murmur2(key) & 0x7FFFFFFF) % count
