"""Subscribing to facts and to alarms, from whichever source, for a program that embeds it and for the command."""

from typing import Protocol

from consumers.subscription.alarm_updates import AlarmUpdate
from consumers.subscription.choosing import wanted_facts, wanted_updates
from consumers.subscription.stream import Stream
from events.envelope import Recorded
from events.facts import Severity


class Source(Protocol):
    """Where a subscription reads: ``RecordSource``, ``RecordGroup``, ``KafkaSource`` or ``KafkaGroup``."""

    def events(self, start: int | None, *, until_now: bool) -> Stream[Recorded]:
        """Facts after position ``start``, new ones where it is none; ``until_now`` ends with those that are there."""
        ...

    def alarms(self, start: int | None, *, until_now: bool) -> Stream[AlarmUpdate]:
        """What alarm changes there were after ``start``; the list, then new changes, where it is none."""
        ...


def subscribe_events(
    source: Source,
    *,
    after: int | None = None,
    chassis: str | None = None,
    severity: Severity | None = None,
    came: set[str] | None = None,
    until_now: bool = False,
) -> Stream[Recorded]:
    """Facts with a position greater than ``after``, in order, without a gap or a double; new ones only, without it.

    ``chassis`` and ``severity`` (of the log entry, and more severe) choose among them; the default is all.
    Where they do, ``came`` gathers the chassis of which anything came by: a name that is not among them may be wrong.
    ``until_now`` ends with what is there. A group's own position goes before ``after``.

    Raises:
        SubscriptionError: it cannot begin; from the iteration, it cannot go on.
    """
    stream = source.events(after, until_now=until_now)
    wanted = wanted_facts(chassis, severity, came)
    return stream if wanted is None else stream.where(wanted)


def subscribe_alarms(
    source: Source,
    *,
    after: int | None = None,
    chassis: str | None = None,
    severity: Severity | None = None,
    whole_list: bool = False,
    until_now: bool = False,
) -> Stream[AlarmUpdate]:
    """The active alarms, then what happens to alarms, without a gap or a double; with ``after``, changes after it.

    ``whole_list`` begins with cleared, shelved and masked alarms, too. ``severity`` means alarms that are, or until
    the change were, at least so severe. Otherwise like ``subscribe_events``.
    """
    stream = source.alarms(after, until_now=until_now)
    return stream.where(wanted_updates(chassis, severity, whole_list=whole_list))
