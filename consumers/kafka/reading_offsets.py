"""Finding positions of the record in a topic: offsets are not positions, since transactions take offsets, too."""

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

import kafka  # type: ignore[import-untyped]
import kafka.errors  # type: ignore[import-untyped]

from consumers.cloudevents import Message, position_of

PATIENCE_MS = 10_000
"""How long an answer may take while a subscription begins."""
_POLL_MS = 100
_KAFKA: Any = kafka
_ERRORS: Any = kafka.errors


def partitions_of(consumer: Any, topic: str) -> list[Any]:
    """The partitions of a topic, none where there is no such topic."""
    return [_KAFKA.TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]


def message_of(record: Any) -> Message:
    """What a consumer's record says, apart from where it lies."""
    return Message(record.key, record.value, record.headers)


def bounds(consumer: Any, partition: Any) -> tuple[int, int]:
    """The first offset of a partition, and the end of what is committed there."""
    begin: int = consumer.beginning_offsets([partition], timeout_ms=PATIENCE_MS)[partition]
    end: int = consumer.end_offsets([partition], timeout_ms=PATIENCE_MS)[partition]
    return begin, end


def offset_after(consumer: Any, partition: Any, position: int) -> int:
    """The first offset in a partition from which on all positions are greater; its end, where there is none.

    Positions rise with offsets, so it takes about as many reads as the number of records has binary digits.
    """
    low, high = bounds(consumer, partition)
    while position > 0 and low < high:
        middle = (low + high) // 2
        record = next(records(consumer, partition, middle, high), None)
        if record is None or position_of(message_of(record)) > position:
            high = middle
        else:
            low = record.offset + 1
    return low


def record_at(consumer: Any, partition: Any, position: int) -> Any:
    """The record at a position of a partition, none where it is not there."""
    start, (_, end) = offset_after(consumer, partition, position - 1), bounds(consumer, partition)
    record = next(records(consumer, partition, start, end), None)
    return record if record is not None and position_of(message_of(record)) == position else None


def last_position(consumer: Any, partition: Any) -> int:
    """The position of the last record of a partition, 0 where there is none."""
    begin, end = bounds(consumer, partition)
    back = 2  # the mark of a transaction's end, and the record before it
    while True:
        start, position = max(begin, end - back), 0
        for record in records(consumer, partition, start, end):
            position = position_of(message_of(record))
        if position or start == begin:
            return position
        back *= 4


def head_of(consumer: Any, partitions: Sequence[Any]) -> int:
    """The position of the last record in any of the partitions, 0 where there is none."""
    return max(last_position(consumer, one) for one in partitions)


def was_cut(consumer: Any, partitions: Sequence[Any]) -> bool:
    """Whether the beginning of any of the partitions is gone."""
    return any(bounds(consumer, one)[0] for one in partitions)


def missing_after(consumer: Any, partition: Any, others: Sequence[Any], position: int) -> tuple[int, int] | None:
    """The first and the last position after a position that are not there before a partition goes on after it.

    Of one partition among several, only what was cut off at its beginning can be missing: what its ``others`` hold,
    they hold in place of it.
    """
    begin, end = bounds(consumer, partition)
    offset = offset_after(consumer, partition, position)
    if others and (not begin or offset > begin):
        return None
    record = next(records(consumer, partition, offset, end), None)
    if record is None:
        return None
    there = position_of(message_of(record))
    held: set[int] = set()
    for other in others:
        held |= _positions_between(consumer, other, position, there)
    first = next((one for one in range(position + 1, there) if one not in held), None)
    if first is None:
        return None
    return first, next((one for one in range(first, there) if one in held), there) - 1


def _positions_between(consumer: Any, partition: Any, position: int, until: int) -> set[int]:
    end, found = bounds(consumer, partition)[1], set[int]()
    for record in records(consumer, partition, offset_after(consumer, partition, position), end):
        there = position_of(message_of(record))
        if there >= until:
            break
        found.add(there)
    return found


def records(consumer: Any, partition: Any, start: int, end: int) -> Iterator[Any]:
    """The records of a partition from one offset until before another; nothing else is assigned afterwards.

    Raises:
        KafkaTimeoutError: Kafka has stopped answering.
    """
    consumer.assign([partition])
    consumer.seek(partition, start)
    heard = monotonic()
    while consumer.position(partition) < end:
        found = consumer.poll(_POLL_MS).get(partition, ())
        if found:
            heard = monotonic()
        elif monotonic() - heard > PATIENCE_MS / 1000:
            raise _ERRORS.KafkaTimeoutError(f"{partition.topic}: no answer in {PATIENCE_MS / 1000:g} s")
        for record in found:
            if record.offset >= end:
                return
            yield record
