"""Writes the AsyncAPI 3 document of the topics from the facts; a test fails when it is out of date.

Usage: python docs/asyncapi.py [FILE]   (default: docs/asyncapi.json)
"""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from consumers.cloudevents import ALARM_LEFT, ALARM_STATE, SOURCE
from events.codec import Body
from events.facts import FACTS, Fact
from projections.alarm_changes import AlarmState

VERSION = "1.1.0"
"""Of this description: the first number rises when a reader of an older one would stumble."""
KAFKA = {"bindingVersion": "0.5.0"}
ABOUT = (
    "Everything that Understudy records about redundant control cards, as two topics of Apache Kafka. They are written "
    "in transactions: read them with isolation.level=read_committed, and each position of the record is there once. "
    "Messages are CloudEvents 1.0 in binary mode: attributes in ce_ headers, JSON in the value. The prefix "
    "`understudy` of the topics can be set otherwise. A third topic, understudy.publisher, is the publisher's own."
)
EVENTS = (
    "Every fact of every chassis, in the order of the record where the topic has one partition, else in the order of "
    "each chassis. ce_position numbers all of them, from 1 and without a gap; ce_streamversion likewise those of a "
    "chassis. Facts about the audit of the record have the ce_chassis @audit, which is no chassis. Facts of "
    "other types may be added: ignore a ce_type that you do not know."
)
ALARMS = (
    "The state of each alarm each time that it changes, and a tombstone when it leaves the list. The topic is "
    "compacted: whoever reads it from its beginning and keeps the newest value of each key has the alarm list."
)
HEADERS: dict[str, dict[str, Any]] = {
    "content-type": {"const": "application/json"},
    "ce_specversion": {"const": "1.0"},
    "ce_id": {"description": "Unique among the events of a ce_source."},
    "ce_source": {"description": "The installation.", "examples": [SOURCE]},
    "ce_type": {"description": "The stored name of the fact, with the version of its shape."},
    "ce_time": {"format": "date-time", "description": "When it happened, at the source."},
    "ce_recordedtime": {"format": "date-time", "description": "When it was recorded."},
    "ce_chassis": {"description": "The redundancy group."},
    "ce_position": {"pattern": "^[1-9][0-9]*$", "description": "Its number in the whole record."},
    "ce_subject": {"description": "What it is about: of a fact its chassis, of an alarm its identity."},
}
OF_FACTS = {"ce_streamversion": {"pattern": "^[1-9][0-9]*$", "description": "Its number in the stream of its chassis."}}


def document() -> dict[str, Any]:
    """The whole description."""
    schemas = _schemas()
    messages = {name: _fact_message(name, cls) for name, cls in FACTS.items()} | _alarm_messages()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Understudy",
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "kafka.example.net:9092", "protocol": "kafka"}},
        "channels": {
            "events": _channel("understudy.events", EVENTS, list(FACTS), "delete"),
            "alarms": _channel("understudy.alarms", ALARMS, [ALARM_STATE, ALARM_LEFT], "compact"),
        },
        "operations": {
            "publishEvents": {"action": "send", "channel": {"$ref": "#/channels/events"}},
            "publishAlarms": {"action": "send", "channel": {"$ref": "#/channels/alarms"}},
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(address: str, about: str, messages: list[str], cleanup: str) -> dict[str, Any]:
    configuration = {"cleanup.policy": [cleanup]} | ({"retention.ms": -1} if cleanup == "delete" else {})
    return {
        "address": address,
        "description": about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topic": address, "topicConfiguration": configuration, **KAFKA}},
    }


def _fact_message(name: str, cls: type[Fact]) -> dict[str, Any]:
    return _message(
        name,
        summary=_first_line(cls),
        headers=HEADERS | OF_FACTS | {"ce_type": {"const": name}},
        payload={"$ref": f"#/components/schemas/{cls.__name__}Event"},
        key="The chassis.",
    )


def _alarm_messages() -> dict[str, Any]:
    state = {"$ref": "#/components/schemas/AlarmState"}
    key = "The identity of the alarm: resource, type and qualifier, with a space between them."
    return {
        ALARM_STATE: _message(
            ALARM_STATE,
            summary=_first_line(AlarmState),
            headers=HEADERS | {"ce_type": {"const": ALARM_STATE}},
            payload=state,
            key=key,
        ),
        ALARM_LEFT: _message(
            ALARM_LEFT,
            summary="A tombstone: the alarm is no longer on the list, for example because it was purged.",
            headers=HEADERS | {"ce_type": {"const": ALARM_LEFT}},
            payload={"type": "null"},
            key=key,
        ),
    }


def _message(name: str, *, summary: str, headers: dict[str, Any], payload: dict[str, Any], key: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {header: {"type": "string", **schema} for header, schema in headers.items()},
            "required": list(headers),
        },
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, **KAFKA}},
    }


def _schemas() -> dict[str, Any]:
    kinds: list[Any] = [Body[cls] for cls in FACTS.values()]  # type: ignore[valid-type] # from the closed table
    _, found = msgspec.json.schema_components([*kinds, AlarmState], ref_template="#/components/schemas/{name}")
    text = re.sub(r"Body_(\w+?)_(?=\")", r"\1Event", json.dumps(found))
    named: dict[str, Any] = json.loads(re.sub(r"Body\[(\w+)\]", r"\1Event", text))
    for schema in named.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"]).replace("``", "`")
    return named


def _first_line(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "asyncapi.json"
    target.write_text(json.dumps(document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
