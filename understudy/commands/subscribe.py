"""``understudy subscribe``: follow the events or the alarms, from Kafka or from the record."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, update_wrapper
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from consumers.subscription import (
    AlarmUpdate,
    RecordGroup,
    RecordSource,
    Source,
    Stream,
    SubscriptionUsageError,
    subscribe_alarms,
    subscribe_events,
)
from events.envelope import Recorded
from events.errors import RecordAwayError
from events.facts import Severity
from understudy.abbreviations import Words
from understudy.home import Home
from understudy.options import chassis_options, json_option, use_home
from understudy.screens.stream import event_json, event_text, update_json, update_text
from understudy.stopping import say_no_more, stopping

T = TypeVar("T")

NOW, BEGINNING = "now", "beginning"


class Start(click.ParamType[int | None]):
    """Where a subscription begins: after a position; the beginning is position 0, now is none."""

    name = "position"

    def convert(self, value: str | int | None, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """The position that a word means."""
        if not isinstance(value, str):
            return value
        word = value.lower()
        if word == NOW:
            return None
        if word != BEGINNING and not value.isdecimal():
            self.fail(f"{value!r}: write now, beginning, or a position such as 42.", param, ctx)
        return 0 if word == BEGINNING else int(value)


def _severity(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Severity | None:
    return None if value is None else Severity(value)


_OPTIONS = (
    click.option(
        "--from",
        "start",
        type=Start(),
        metavar="now|beginning|POSITION",
        default=NOW,
        show_default=True,
        help="Begin strictly after this; a group of events, when it is new.",
    ),
    click.option(
        "--severity",
        type=click.Choice([one.value for one in reversed(Severity)], case_sensitive=False),
        callback=_severity,
        help="This one and more severe.",
    ),
    click.option("--group", metavar="NAME", help="Remember what was handled, and go on after it next time."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after so many."),
    click.option("--no-follow", is_flag=True, help="End with what is there now."),
    click.option("--skip-missing", is_flag=True, help="Go on without positions that Kafka does not have any more."),
    click.option(
        "--kafka",
        metavar="HOST:PORT[,...]",
        envvar="UNDERSTUDY_KAFKA",
        help="Brokers to read from, not the record.  [env: UNDERSTUDY_KAFKA]",
    ),
    click.option(
        "--kafka-config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="UNDERSTUDY_KAFKA_CONFIG",
        help="File of client settings in Kafka's own names.  [env: UNDERSTUDY_KAFKA_CONFIG]",
    ),
    click.option(
        "--topic-prefix",
        metavar="P",
        envvar="UNDERSTUDY_TOPIC_PREFIX",
        default="understudy",
        show_default=True,
        help="Of the topics.  [env: UNDERSTUDY_TOPIC_PREFIX]",
    ),
)


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line, and by whom."""

    home: Home
    start: int | None
    severity: Severity | None
    group: str | None
    limit: int | None
    no_follow: bool
    skip_missing: bool
    kafka: str | None
    kafka_config: Path | None
    topic_prefix: str
    as_json: bool

    @property
    def from_kafka(self) -> bool:
        """Whether Kafka is configured."""
        return bool(self.kafka or self.kafka_config)

    def source(self) -> Source:
        """Kafka where it is configured, else the record."""
        begin_now = self.start is None and _was_typed("start")
        if self.from_kafka:
            # Whoever follows the record does not wait for the client of Kafka.
            from consumers.kafka.reading import kafka_source  # noqa: PLC0415

            return kafka_source(
                self.kafka,
                self.kafka_config,
                prefix=self.topic_prefix,
                group=self.group,
                begin_now=begin_now,
                skip_missing=self.skip_missing,
                warn=_warn,
            )
        record = self.home.record()
        if self.group is None:
            return RecordSource(record, warn=_warn)
        return RecordGroup(record, self.home.folder / "groups", self.group, begin_now=begin_now, warn=_warn)

    def hurry(self) -> None:
        """From now on nothing waits for a record that is away."""
        if not self.from_kafka:
            self.home.record().hurry()

    def chassis(self) -> str | None:
        """The one that is meant, if only one is."""
        if self.home.wanted is not None and not self.from_kafka:
            return self.home.pick()
        return self.home.wanted

    def see_chassis_came(self, came: set[str]) -> None:
        """Says so where nothing came of the chassis that was asked for, though Kafka was read to its end.

        Raises:
            UsageError: everything was read, so there is no such chassis.
        """
        chassis = self.chassis()
        if not self.from_kafka or not self.no_follow or chassis is None or chassis in came:
            return
        listed = ", ".join(sorted(came)) or "none"
        if self.start == 0 and self.group is None:
            raise click.UsageError(f"There is nothing of chassis {chassis!r} in Kafka; there is of: {listed}.")
        _warn(f"Nothing of chassis {chassis!r} came by; of others: {listed}.")


def _was_typed(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def _warn(what: str) -> None:
    click.echo(what, err=True)


def _asking(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options, and passes what was asked as the first argument."""

    def with_asked(home: Home, /, **options: Any) -> None:
        known = {name: options.pop(name) for name in Asked.__dataclass_fields__ if name != "home"}
        command(Asked(home, **known), **options)

    wrapped: Callable[..., None] = json_option(chassis_options(update_wrapper(use_home(with_asked), command)))
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


@click.group(cls=Words)
def subscribe() -> None:
    """Follow events or alarms as they happen, from Kafka where it is configured, else from the record.

    SIGTERM, Ctrl-C and a reader that has enough end it.
    """


@subscribe.command(
    epilog="\b\nExamples:\n  understudy subscribe events\n  understudy subscribe events --from beginning --json\n"
    "  understudy subscribe events --group noc --from now --severity major"
)
@_asking
def events(asked: Asked) -> None:
    """Every event, as an entry of the log; JSON is one event on each line.

    Without --from, only new ones. --severity is that of the log entry; a clear has none. A new group from Kafka needs
    --from: Kafka forgets groups, and then it is not to miss what came since.
    """
    chassis, came = asked.chassis(), set[str]()

    def begin() -> Stream[Recorded]:
        return subscribe_events(
            asked.source(),
            after=asked.start,
            chassis=chassis,
            severity=asked.severity,
            came=came,
            until_now=asked.no_follow,
        )

    line = event_json if asked.as_json else partial(event_text, several=chassis is None)
    if _tell(asked, begin, line):
        asked.see_chassis_came(came)


@subscribe.command(
    epilog="\b\nExamples:\n  understudy subscribe alarms\n  understudy subscribe alarms --no-follow --json\n"
    "  understudy subscribe alarms --group noc --severity major"
)
@click.option("--all", "whole_list", is_flag=True, help="Begin with cleared, shelved and masked alarms, too.")
@_asking
def alarms(asked: Asked, whole_list: bool) -> None:
    """The active alarms, then each change of an alarm; JSON is one of them on each line.

    With --from beginning or a position: the changes since then instead. A group cannot: it begins with the list.
    """
    if asked.group is not None and asked.start is not None:
        raise click.UsageError("A group of alarms begins with the alarms that are active; leave --from away.")

    def begin() -> Stream[AlarmUpdate]:
        return subscribe_alarms(
            asked.source(),
            after=asked.start,
            chassis=asked.chassis(),
            severity=asked.severity,
            whole_list=whole_list,
            until_now=asked.no_follow,
        )

    _tell(asked, begin, update_json if asked.as_json else update_text)


def _tell(asked: Asked, begin: Callable[[], Stream[T]], line: Callable[[T], str]) -> bool:
    """Prints what comes; returns whether nobody has ended it before its end."""
    stopped = Event()
    with _ending_quietly():
        try:
            stream = begin()
        except SubscriptionUsageError as error:
            raise click.UsageError(f"{error}.") from error

        def stop() -> None:
            stopped.set()
            stream.stop()
            asked.hurry()

        with stream, stopping(stop):
            try:
                _print(stream, line, asked.limit)
            except RecordAwayError:
                if not stopped.is_set():
                    raise
    return not stopped.is_set()


def _print(stream: Stream[T], line: Callable[[T], str], limit: int | None) -> None:
    told = 0
    try:
        for item in stream:
            click.echo(line(item))
            told += 1
            if told == limit:
                stream.commit()
                break
    except BrokenPipeError:
        say_no_more()


@contextmanager
def _ending_quietly() -> Generator[None]:
    """Lets a signal end what only begins, too: a connection that does not come about takes a while."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(0) from None
    finally:
        signal.signal(signal.SIGTERM, before)
