"""The yardstick: the same story on the eventsourcing library's own defaults.

An Application with its SQLite recorder, default mapper and JSONTranscoder, and an Aggregate that decides in its methods
and is changed by its events: once in the style of its documentation (``@event`` on a method), once in the faster one
(an event class with ``apply``, and ``trigger_event``). The events carry the fields of our facts and of their envelope,
as the plain values that its transcoder writes without help; the library's ``timestamp`` is our ``recorded_at``. The
decisions are as few as the story needs.
"""
# ruff: noqa: ARG002, D102, D106 -- the library reads an event's fields from the signature of its method

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from benchmarks import story

Fields = dict[str, Any]
NOT_TRIED: list[Fields] = msgspec.to_builtins(list(story.NOT_TRIED))
SYNCHRONIZED: list[Fields] = msgspec.to_builtins(list(story.SYNCHRONIZED))
DESCRIPTION = "Synchronisation of config failed: the standby card's flash has too little space."


class Deciding:
    """The decisions of the story; how an event comes to be is left to the two styles, hence ``self: Any``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.attempts = 0
        self.running: Fields = {}
        self.failures = 0
        self.failed = 0
        self.story = ""
        self.alarms: dict[str, int] = {}

    def start(self: Any, trigger: str, operator: str | None) -> None:
        """Begins an attempt; a retry continues the story of the failure that it retries."""
        attempt = self.attempts + 1
        retried = trigger == "retry"
        self.sync_started(
            **_envelope(self.story if retried and self.story else f"sync-{attempt}", self.failed if retried else 0),
            attempt=attempt,
            scope="config",
            trigger=trigger,
            source="A",
            standby="B",
            operator=operator,
        )

    def fail(self: Any, cause: str, detail: str, files: list[Fields]) -> None:
        """Ends the running attempt without success: its alarm is raised, or counted once more."""
        running, evidence = self.running, self.version + 1
        self.sync_failed(
            **_envelope(running["story"], running["version"]),
            attempt=running["attempt"],
            scope="config",
            standby="B",
            stage="reserve",
            cause=cause,
            detail=detail,
            failures=self.failures + 1,
            files=files,
            duration_ms=story.DURATION_MS,
        )
        envelope, text = _envelope(running["story"], evidence), f"{DESCRIPTION} {detail}."
        if cause in self.alarms:
            self.alarm_repeated(**envelope, alarm=self._alarm(cause), count=self.alarms[cause] + 1, text=text)
        else:
            self.alarm_raised(**envelope, alarm=self._alarm(cause), severity="major", text=text)

    def succeed(self: Any, files: list[Fields], bytes_copied: int) -> None:
        """Ends the running attempt with success, which clears every alarm."""
        running, evidence = self.running, self.version + 1
        attempt = running["attempt"]
        self.sync_succeeded(
            **_envelope(running["story"], running["version"]),
            attempt=attempt,
            scope="config",
            standby="B",
            files=files,
            bytes_copied=bytes_copied,
            duration_ms=story.DURATION_MS,
        )
        for file in files:
            if file["outcome"] == "not-present":
                self.sync_file_not_present(**_envelope(running["story"], evidence), attempt=attempt, file=file["name"])
        for cause in sorted(self.alarms):
            self.alarm_cleared(
                **_envelope(running["story"], evidence),
                alarm=self._alarm(cause),
                evidence=evidence,
                proof=f"attempt {attempt} synchronised config",
            )

    def _alarm(self, cause: str) -> Fields:
        return {"resource": f"{self.name}/B", "alarm_type": "config-sync-failed", "qualifier": cause}


def _envelope(correlation: str, causation: int) -> Fields:
    return {"occurred_at": datetime.now(UTC), "correlation": correlation, "causation": causation}


class Declared(Deciding, Aggregate):
    """A chassis in the style of the library's documentation: ``@event`` on the method that changes it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)

    @event("SyncStarted")
    def sync_started(
        self,
        occurred_at: datetime,
        correlation: str,
        causation: int,
        attempt: int,
        scope: str,
        trigger: str,
        source: str,
        standby: str,
        operator: str | None,
    ) -> None:
        self.attempts = attempt
        self.running = {"attempt": attempt, "version": self.version + 1, "story": correlation}

    @event("SyncFailed")
    def sync_failed(
        self,
        occurred_at: datetime,
        correlation: str,
        causation: int,
        attempt: int,
        scope: str,
        standby: str,
        stage: str,
        cause: str,
        detail: str,
        failures: int,
        files: list[Fields],
        duration_ms: int,
    ) -> None:
        self.running = {}
        self.failures, self.failed, self.story = failures, self.version + 1, correlation

    @event("SyncSucceeded")
    def sync_succeeded(
        self,
        occurred_at: datetime,
        correlation: str,
        causation: int,
        attempt: int,
        scope: str,
        standby: str,
        files: list[Fields],
        bytes_copied: int,
        duration_ms: int,
    ) -> None:
        self.running = {}
        self.failures, self.failed, self.story = 0, 0, ""

    @event("SyncFileNotPresent")
    def sync_file_not_present(
        self, occurred_at: datetime, correlation: str, causation: int, attempt: int, file: str
    ) -> None:
        pass

    @event("AlarmRaised")
    def alarm_raised(
        self, occurred_at: datetime, correlation: str, causation: int, alarm: Fields, severity: str, text: str
    ) -> None:
        self.alarms[alarm["qualifier"]] = 1

    @event("AlarmRepeated")
    def alarm_repeated(
        self, occurred_at: datetime, correlation: str, causation: int, alarm: Fields, count: int, text: str
    ) -> None:
        self.alarms[alarm["qualifier"]] = count

    @event("AlarmCleared")
    def alarm_cleared(
        self, occurred_at: datetime, correlation: str, causation: int, alarm: Fields, evidence: int, proof: str
    ) -> None:
        del self.alarms[alarm["qualifier"]]


class Triggered(Deciding, Aggregate):
    """A chassis in the library's faster style: each event class changes the aggregate in its ``apply``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)

    class Enveloped(Aggregate.Event):
        """Our envelope, beside the library's own."""

        occurred_at: datetime
        correlation: str
        causation: int

    class SyncStarted(Enveloped):
        attempt: int
        scope: str
        trigger: str
        source: str
        standby: str
        operator: str | None

        def apply(self, aggregate: "Triggered") -> None:
            aggregate.attempts = self.attempt
            version = aggregate.version + 1
            aggregate.running = {"attempt": self.attempt, "version": version, "story": self.correlation}

    class SyncFailed(Enveloped):
        attempt: int
        scope: str
        standby: str
        stage: str
        cause: str
        detail: str
        failures: int
        files: list[Fields]
        duration_ms: int

        def apply(self, aggregate: "Triggered") -> None:
            aggregate.running = {}
            aggregate.failures, aggregate.failed = self.failures, aggregate.version + 1
            aggregate.story = self.correlation

    class SyncSucceeded(Enveloped):
        attempt: int
        scope: str
        standby: str
        files: list[Fields]
        bytes_copied: int
        duration_ms: int

        def apply(self, aggregate: "Triggered") -> None:
            aggregate.running = {}
            aggregate.failures, aggregate.failed, aggregate.story = 0, 0, ""

    class SyncFileNotPresent(Enveloped):
        attempt: int
        file: str

    class AlarmRaised(Enveloped):
        alarm: Fields
        severity: str
        text: str

        def apply(self, aggregate: "Triggered") -> None:
            aggregate.alarms[self.alarm["qualifier"]] = 1

    class AlarmRepeated(Enveloped):
        alarm: Fields
        count: int
        text: str

        def apply(self, aggregate: "Triggered") -> None:
            aggregate.alarms[self.alarm["qualifier"]] = self.count

    class AlarmCleared(Enveloped):
        alarm: Fields
        evidence: int
        proof: str

        def apply(self, aggregate: "Triggered") -> None:
            del aggregate.alarms[self.alarm["qualifier"]]

    def sync_started(self, **fields: Any) -> None:
        self.trigger_event(self.SyncStarted, **fields)

    def sync_failed(self, **fields: Any) -> None:
        self.trigger_event(self.SyncFailed, **fields)

    def sync_succeeded(self, **fields: Any) -> None:
        self.trigger_event(self.SyncSucceeded, **fields)

    def sync_file_not_present(self, **fields: Any) -> None:
        self.trigger_event(self.SyncFileNotPresent, **fields)

    def alarm_raised(self, **fields: Any) -> None:
        self.trigger_event(self.AlarmRaised, **fields)

    def alarm_repeated(self, **fields: Any) -> None:
        self.trigger_event(self.AlarmRepeated, **fields)

    def alarm_cleared(self, **fields: Any) -> None:
        self.trigger_event(self.AlarmCleared, **fields)


class Theirs:
    """The story told to the library's own application, one ``save`` per batch; the aggregate stays at hand."""

    def __init__(self, path: Path, style: type[Declared | Triggered]) -> None:
        self.app = Application[UUID]({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})
        self.chassis = style(story.CHASSIS)
        self.append(story.FACTS_PER_CYCLE)

    def append(self, facts: int = story.BATCH) -> None:
        """Decides on and saves the next ``facts`` events, in one transaction."""
        chassis = self.chassis
        for _ in range(facts // story.FACTS_PER_CYCLE):
            chassis.start("manual", story.OPERATOR)
            chassis.fail("no-space", story.NO_SPACE, NOT_TRIED)
            chassis.start("retry", None)
            chassis.fail("no-space", story.NO_SPACE, NOT_TRIED)
            chassis.start("retry", None)
            chassis.succeed(SYNCHRONIZED, story.BYTES_COPIED)
        self.app.save(chassis)

    def close(self) -> None:
        """Closes the application."""
        self.app.close()
