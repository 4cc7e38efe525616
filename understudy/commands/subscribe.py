"""``understudy subscribe``: follow the events or the alarms, from Kafka or from the record."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, update_wrapper
from pathlib import Path
from typing import Any, TypeVar

import click

from consumers.subscription import (
    RecordGroup,
    RecordSource,
    Source,
    Stream,
    subscribe_alarms,
    subscribe_events,
)
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

    name = "now|beginning|POSITION"

    def convert(self, value: str | int | None, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """The position that a word means."""
        if not isinstance(value, str):
            return value
        if value == NOW:
            return None
        if value != BEGINNING and not value.isdecimal():
            self.fail(f"{value!r}: write now, beginning, or a position such as 42.", param, ctx)
        return 0 if value == BEGINNING else int(value)


def _severity(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Severity | None:
    return None if value is None else Severity(value)


_OPTIONS = (
    click.option("--from", "start", type=Start(), default=NOW, show_default=True, help="Begin strictly after this."),
    click.option(
        "--severity",
        type=click.Choice([one.value for one in reversed(Severity)]),
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

    def source(self) -> Source:
        """Kafka where it is configured, else the record."""
        if self.kafka or self.kafka_config:
            # Whoever follows the record does not wait for the client of Kafka.
            from consumers.kafka.reading import kafka_source  # noqa: PLC0415

            return kafka_source(
                self.kafka,
                self.kafka_config,
                prefix=self.topic_prefix,
                group=self.group,
                skip_missing=self.skip_missing,
                warn=lambda what: click.echo(what, err=True),
            )
        record = self.home.record()
        if self.group is None:
            return RecordSource(record)
        return RecordGroup(record, self.home.folder / "groups", self.group)

    def chassis(self) -> str | None:
        """The one that is meant, if only one is."""
        if self.home.wanted is not None and not (self.kafka or self.kafka_config):
            return self.home.pick()
        return self.home.wanted


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
    "  understudy subscribe events --group noc --severity major"
)
@_asking
def events(asked: Asked) -> None:
    """Every event, as an entry of the log; JSON is one event on each line.

    Without --from, only new ones. --severity is that of the log entry; a clear has none.
    """
    chassis = asked.chassis()
    stream = subscribe_events(
        asked.source(), after=asked.start, chassis=chassis, severity=asked.severity, until_now=asked.no_follow
    )
    _tell(stream, event_json if asked.as_json else partial(event_text, several=chassis is None), asked.limit)


@subscribe.command(
    epilog="\b\nExamples:\n  understudy subscribe alarms\n  understudy subscribe alarms --no-follow --json\n"
    "  understudy subscribe alarms --group noc --severity major"
)
@click.option("--all", "whole_list", is_flag=True, help="Begin with cleared, shelved and masked alarms, too.")
@_asking
def alarms(asked: Asked, whole_list: bool) -> None:
    """The active alarms, then each change of an alarm; JSON is one of them on each line.

    With --from beginning or a position: the changes since then instead.
    """
    if asked.group and asked.start is not None:
        raise click.UsageError("A group of alarms begins with the alarms that are active; leave --from away.")
    stream = subscribe_alarms(
        asked.source(),
        after=asked.start,
        chassis=asked.chassis(),
        severity=asked.severity,
        whole_list=whole_list,
        until_now=asked.no_follow,
    )
    _tell(stream, update_json if asked.as_json else update_text, asked.limit)


def _tell(stream: Stream[T], line: Callable[[T], str], limit: int | None) -> None:
    told = 0
    with stream, stopping(stream.stop):
        try:
            for item in stream:
                click.echo(line(item))
                told += 1
                if told == limit:
                    stream.commit()
                    break
        except BrokenPipeError:
            say_no_more()
