"""Which metrics are there, with what labels, and what does each one mean?

The one list: what is exported, the reference page and the tests are made from it. Names follow the conventions of
Prometheus (base units, ``_total``, ``_info``, ``_timestamp_seconds``). No value depends on the time of the scrape:
where an age matters, the time since when is given. Every label but ``chassis`` has few values, all of the vocabulary.
"""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """Types of Prometheus' text format."""

    GAUGE = "gauge"
    COUNTER = "counter"
    SUMMARY = "summary"
    HISTOGRAM = "histogram"


class Family(msgspec.Struct, frozen=True):
    """One metric; its samples have these labels, in this order."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


_GAUGE, _COUNTER, _SUMMARY, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.SUMMARY, Kind.HISTOGRAM

CHASSIS_INFO = Family(
    "understudy_chassis_info",
    _GAUGE,
    "Always 1; the labels say which card is active (A or B) and what is synchronised automatically.",
    ("chassis", "active", "sync_mode"),
)
STANDBY_READY = Family(
    "understudy_standby_ready",
    _GAUGE,
    "1 if the standby card could take over now, 0 if something is in the way.",
    ("chassis",),
)
SUPERVISED = Family(
    "understudy_supervised",
    _GAUGE,
    "1 if a process said that it watches and has not said that it stopped; one that was killed says nothing.",
    ("chassis",),
)
CARD_IN_SERVICE = Family(
    "understudy_card_in_service",
    _GAUGE,
    "1 if the card in the slot is in service, 0 if it failed or is absent.",
    ("chassis", "slot"),
)
SYNC_RUNNING = Family(
    "understudy_sync_running",
    _GAUGE,
    "1 while a synchronisation attempt has no outcome yet, else 0.",
    ("chassis",),
)
SYNC_ATTEMPTS = Family(
    "understudy_sync_attempts_total",
    _COUNTER,
    "Synchronisation attempts that ended; result is succeeded or failed, cause is empty unless it failed.",
    ("chassis", "scope", "result", "cause"),
)
SYNC_COPIED_BYTES = Family(
    "understudy_sync_copied_bytes_total",
    _COUNTER,
    "Bytes that successful synchronisation attempts copied to the standby card.",
    ("chassis", "scope"),
)
SYNC_DURATION = Family(
    "understudy_sync_duration_seconds",
    _SUMMARY,
    "How long synchronisation attempts took, whatever their result.",
    ("chassis", "scope"),
)
SYNC_LAST_SUCCESS = Family(
    "understudy_sync_last_success_timestamp_seconds",
    _GAUGE,
    "When the files of the scope were last synchronised (a success of boot-env covers config), in Unix time; absent "
    "until there is a success.",
    ("chassis", "scope"),
)
ALARMS_ACTIVE = Family(
    "understudy_alarms_active",
    _GAUGE,
    "Alarms that stand and are shown (not shelved, not masked by a removed card).",
    ("chassis", "severity"),
)
OLDEST_ACTIVE_ALARM = Family(
    "understudy_oldest_active_alarm_timestamp_seconds",
    _GAUGE,
    "When the alarm that has been active for longest was raised, in Unix time; absent while none is active.",
    ("chassis",),
)
ALARM_RAISES = Family(
    "understudy_alarm_raises_total",
    _COUNTER,
    "Alarms raised; sightings of an alarm that stands already are not counted.",
    ("chassis", "severity"),
)
ALARM_CLEARS = Family(
    "understudy_alarm_clears_total",
    _COUNTER,
    "Alarms cleared on evidence, by the severity that they had.",
    ("chassis", "severity"),
)
SWITCHOVERS = Family(
    "understudy_switchovers_total",
    _COUNTER,
    "Switchovers asked for or needed; result is completed, failed or refused.",
    ("chassis", "reason", "result"),
)

PER_CHASSIS = (
    CHASSIS_INFO,
    STANDBY_READY,
    SUPERVISED,
    CARD_IN_SERVICE,
    SYNC_RUNNING,
    SYNC_ATTEMPTS,
    SYNC_COPIED_BYTES,
    SYNC_DURATION,
    SYNC_LAST_SUCCESS,
    ALARMS_ACTIVE,
    OLDEST_ACTIVE_ALARM,
    ALARM_RAISES,
    ALARM_CLEARS,
    SWITCHOVERS,
)
"""Families with samples of each chassis."""

ALARMS_BY_TYPE = Family(
    "understudy_alarms_active_by_type",
    _GAUGE,
    "Active alarms of all chassis, for each row of the alarm inventory.",
    ("alarm_type", "qualifier"),
)
ATTEMPT_DURATION = Family(
    "understudy_sync_attempt_duration_seconds",
    _HISTOGRAM,
    "How long synchronisation attempts of all chassis took.",
    ("scope", "result"),
)
SWITCHOVER_DURATION = Family(
    "understudy_switchover_duration_seconds",
    _HISTOGRAM,
    "How long completed switchovers of all chassis took, the user's executable included.",
    ("reason",),
)

OF_THE_FLEET = (ALARMS_BY_TYPE, ATTEMPT_DURATION, SWITCHOVER_DURATION)
"""Families over all chassis together."""

BUILD_INFO = Family("understudy_build_info", _GAUGE, "Always 1; the label is the version of the program.", ("version",))
RECORD_HEAD = Family("understudy_record_head_position", _GAUGE, "Position of the newest fact of the record.")
RECORD_LAST_FACT = Family(
    "understudy_record_last_fact_timestamp_seconds",
    _GAUGE,
    "When the newest fact that the exporter has read was recorded, in Unix time; absent while the record is empty.",
)
PROJECTION_POSITION = Family(
    "understudy_projection_position",
    _GAUGE,
    "Position of the newest fact that a projection of this process has folded in.",
    ("projection",),
)
PROJECTION_LAG = Family(
    "understudy_projection_lag_events",
    _GAUGE,
    "Facts of the record that a projection of this process has not folded in yet.",
    ("projection",),
)

OF_THE_PIPELINE = (BUILD_INFO, RECORD_HEAD, RECORD_LAST_FACT, PROJECTION_POSITION, PROJECTION_LAG)
"""Families about the record and its readers."""

PUBLISHER_UP = Family("understudy_publisher_up", _GAUGE, "1 while the publisher reaches Kafka, else 0.")
PUBLISHER_STANDING_BY = Family(
    "understudy_publisher_standing_by",
    _GAUGE,
    "1 while another process publishes and this one waits to take over from it, else 0.",
)
PUBLISHER_POSITION = Family(
    "understudy_publisher_position",
    _GAUGE,
    "Position of the newest fact that Kafka has committed; absent until Kafka has told it.",
)
PUBLISHER_LAG = Family(
    "understudy_publisher_lag_events",
    _GAUGE,
    "Facts of the record that Kafka has not committed yet; absent until Kafka has told it.",
)
PUBLISHER_OLDEST = Family(
    "understudy_publisher_oldest_unpublished_timestamp_seconds",
    _GAUGE,
    "When the oldest fact that waits for Kafka was recorded, in Unix time; absent while none is known to wait.",
)
PUBLISHER_PUBLISHED = Family(
    "understudy_publisher_published_total", _COUNTER, "Messages that this process has had committed.", ("topic",)
)
PUBLISHER_TRANSACTIONS = Family(
    "understudy_publisher_transactions_total",
    _COUNTER,
    "Transactions of this process; result is committed or aborted.",
    ("result",),
)
PUBLISHER_RESTARTS = Family(
    "understudy_publisher_restarts_total",
    _COUNTER,
    "How often the publisher has begun anew after a failure, by reason.",
    ("reason",),
)

OF_THE_PUBLISHER = (
    PUBLISHER_UP,
    PUBLISHER_STANDING_BY,
    PUBLISHER_POSITION,
    PUBLISHER_LAG,
    PUBLISHER_OLDEST,
    PUBLISHER_PUBLISHED,
    PUBLISHER_TRANSACTIONS,
    PUBLISHER_RESTARTS,
)
"""Families about the publisher; absent where none runs in this process."""

FAMILIES = (*PER_CHASSIS, *OF_THE_FLEET, *OF_THE_PIPELINE, *OF_THE_PUBLISHER)
"""All families, in the order in which they are exported."""

assert len({family.name for family in FAMILIES}) == len(FAMILIES)
