"""What does an operator see of the alarm list: which alarms are active, cleared, shelved or masked, and how many?

The views of RFC 3877 (active, cleared) and RFC 8632 (shelved alarms, summary), with the X.733 fields that the alarm
inventory gives. Masked alarms are those of a removed card: its card-removed alarm speaks for them (SR OS).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from events.alarm_types import CARD_REMOVED, EventType, alarm_type_of, card_resource
from events.facts import AlarmKey, Severity
from projections.alarm_entries import Alarm, Clearance, OperatorState, OperatorStateChange, StatusChange
from projections.alarm_list import AlarmList, identity


class Place(StrEnum):
    """Where an alarm is shown; each one that is on the list is in exactly one place."""

    ACTIVE = "active"
    CLEARED = "cleared"
    SHELVED = "shelved"
    MASKED = "masked"


class AlarmView(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm with all that is known of it, in the words of RFC 8632, X.733 and SR OS.

    ``probable_cause`` is a number of IANA-ITU-ALARM-TC. ``backedup_status`` says whether the other card is in service
    (``backup_object`` is its resource); both are none where the resource is no card and lies on none. ``alarm_id`` is
    the SR OS alarm id, if there is one; ``status_change`` and ``operator_state_change`` have the newest first.
    """

    place: Place
    index: int
    alarm_id: str | None
    resource: str
    alarm_type_id: str
    alarm_type_qualifier: str
    perceived_severity: Severity
    is_cleared: bool
    time_created: datetime
    last_raised: datetime
    last_changed: datetime
    alarm_text: str
    count: int
    raised_position: int
    event_type: EventType
    probable_cause: int
    probable_cause_string: str
    proposed_repair_actions: str
    backedup_status: bool | None
    backup_object: str | None
    operator_state: OperatorState
    clearance: Clearance | None
    status_change: tuple[StatusChange, ...]
    operator_state_change: tuple[OperatorStateChange, ...]


class SeveritySummary(msgspec.Struct, frozen=True, kw_only=True):
    """Alarms of one severity (RFC 8632 ``alarm-summary``); shelved and masked ones are not counted."""

    severity: Severity
    total: int
    not_cleared: int
    cleared: int
    cleared_not_closed: int
    cleared_closed: int
    not_cleared_closed: int
    not_cleared_not_closed: int


class AlarmSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One row per severity, the most severe first, and whether anything is shelved (RFC 8632 ``summary``)."""

    alarm_summary: tuple[SeveritySummary, ...]
    shelves_active: bool


class AlarmCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Active alarms by severity, for the header of ``show system alarms``; ``total`` has those of every severity."""

    critical: int
    major: int
    minor: int
    warning: int
    total: int


class AlarmListing(msgspec.Struct, frozen=True, kw_only=True):
    """All views of one chassis' alarm list in one document."""

    chassis: str
    last_changed: datetime | None
    counts: AlarmCounts
    summary: AlarmSummary
    active: tuple[AlarmView, ...]
    masked: tuple[AlarmView, ...]
    shelved: tuple[AlarmView, ...]
    cleared: tuple[AlarmView, ...]


def active(state: AlarmList) -> tuple[AlarmView, ...]:
    """The alarms that stand and are shown, newest raise first."""
    return _newest_raise_first(state, Place.ACTIVE)


def masked(state: AlarmList) -> tuple[AlarmView, ...]:
    """The alarms that stand on a removed card, newest raise first; they are active again when the card is back."""
    return _newest_raise_first(state, Place.MASKED)


def shelved(state: AlarmList) -> tuple[AlarmView, ...]:
    """The alarms that operators shelved, standing or cleared, newest raise first."""
    return _newest_raise_first(state, Place.SHELVED)


def cleared(state: AlarmList) -> tuple[AlarmView, ...]:
    """The alarms that went away, newest clear first; ``clearance`` says what proved each."""
    views = [_view(state, alarm, place) for alarm, place in _placed(state) if place is Place.CLEARED]
    return tuple(sorted(views, key=_cleared_version, reverse=True))


def view_of(state: AlarmList, key: AlarmKey) -> AlarmView | None:
    """One alarm, wherever it is shown; none where it is not on the list."""
    name = identity(key)
    alarm = state.alarms.get(name)
    return None if alarm is None else _view(state, alarm, _place(state, name, alarm))


def views_of(state: AlarmList, names: Iterable[str]) -> dict[str, AlarmView]:
    """The alarms of these identities, wherever they are shown; each one is on the list."""
    alarms = state.alarms
    return {name: _view(state, alarms[name], _place(state, name, alarms[name])) for name in names}


def counts(state: AlarmList) -> AlarmCounts:
    """How many alarms are active, by severity."""
    found = Counter(alarm.perceived_severity for alarm, place in _placed(state) if place is Place.ACTIVE)
    return AlarmCounts(
        critical=found[Severity.CRITICAL],
        major=found[Severity.MAJOR],
        minor=found[Severity.MINOR],
        warning=found[Severity.WARNING],
        total=found.total(),
    )


def summary(state: AlarmList) -> AlarmSummary:
    """How many alarms are active and cleared, closed and not closed, by severity."""
    found = Counter(
        (alarm.perceived_severity, place, alarm.operator_state is OperatorState.CLOSED)
        for alarm, place in _placed(state)
    )
    rows = tuple(_summary_of(severity, found) for severity in reversed(Severity))
    return AlarmSummary(alarm_summary=rows, shelves_active=any(place is Place.SHELVED for _, place, _ in found))


def listing(state: AlarmList) -> AlarmListing:
    """All views together."""
    return AlarmListing(
        chassis=state.chassis,
        last_changed=state.last_changed,
        counts=counts(state),
        summary=summary(state),
        active=active(state),
        masked=masked(state),
        shelved=shelved(state),
        cleared=cleared(state),
    )


def _placed(state: AlarmList) -> Iterator[tuple[Alarm, Place]]:
    for name, alarm in state.alarms.items():
        yield alarm, _place(state, name, alarm)


def _place(state: AlarmList, name: str, alarm: Alarm) -> Place:
    if name in state.shelves:
        return Place.SHELVED
    if alarm.is_cleared:
        return Place.CLEARED
    if alarm.slot in state.removed and alarm.key.alarm_type != CARD_REMOVED:
        return Place.MASKED
    return Place.ACTIVE


def _newest_raise_first(state: AlarmList, wanted: Place) -> tuple[AlarmView, ...]:
    found = [alarm for alarm, place in _placed(state) if place is wanted]
    found.sort(key=lambda alarm: alarm.index, reverse=True)
    return tuple(_view(state, alarm, wanted) for alarm in found)


def _cleared_version(view: AlarmView) -> int:
    return view.clearance.version if view.clearance else 0


def _summary_of(severity: Severity, found: Counter[tuple[Severity, Place, bool]]) -> SeveritySummary:
    cleared_closed = found[severity, Place.CLEARED, True]
    cleared_open = found[severity, Place.CLEARED, False]
    active_closed = found[severity, Place.ACTIVE, True]
    active_open = found[severity, Place.ACTIVE, False]
    return SeveritySummary(
        severity=severity,
        total=cleared_closed + cleared_open + active_closed + active_open,
        not_cleared=active_closed + active_open,
        cleared=cleared_closed + cleared_open,
        cleared_not_closed=cleared_open,
        cleared_closed=cleared_closed,
        not_cleared_closed=active_closed,
        not_cleared_not_closed=active_open,
    )


def _view(state: AlarmList, alarm: Alarm, place: Place) -> AlarmView:
    key, row = alarm.key, alarm_type_of(alarm.key)
    backed_up = None if alarm.slot is None else alarm.slot.other in state.in_service
    return AlarmView(
        place=place,
        index=alarm.index,
        alarm_id=row.sros_id,
        resource=key.resource,
        alarm_type_id=key.alarm_type,
        alarm_type_qualifier=key.qualifier,
        perceived_severity=alarm.perceived_severity,
        is_cleared=alarm.is_cleared,
        time_created=alarm.time_created,
        last_raised=alarm.last_raised,
        last_changed=alarm.last_changed,
        alarm_text=alarm.alarm_text,
        count=alarm.count,
        raised_position=alarm.raised_position,
        event_type=row.event_type,
        probable_cause=row.probable_cause.number,
        probable_cause_string=row.probable_cause.name,
        proposed_repair_actions=row.repair,
        backedup_status=backed_up,
        backup_object=card_resource(state.chassis, alarm.slot.other) if alarm.slot and backed_up else None,
        operator_state=alarm.operator_state,
        clearance=alarm.clearance,
        status_change=alarm.status_changes,
        operator_state_change=alarm.operator_state_changes,
    )
