"""Where checkpoints are held outside: the options that say so, and the notary beside what a process does."""

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from audit.witnesses import Command, Fetched, Folder, Reading, Sent, Witness
from understudy.home import Home
from understudy.options import KafkaOptions

if TYPE_CHECKING:
    from consumers.kafka.checkpoints import CheckpointTopic

R = TypeVar("R")


class WitnessOptions(NamedTuple):
    """Folders and commands of the shell that take each checkpoint."""

    folders: tuple[Path, ...]
    commands: tuple[str, ...]


def witness_options(command: Callable[..., R]) -> Callable[..., R]:
    """Adds what says who is to hold checkpoints, and passes it as ``witnesses``."""
    options = (
        click.option(
            "--witness",
            "folders",
            metavar="DIR",
            type=click.Path(path_type=Path, file_okay=False),
            multiple=True,
            envvar="UNDERSTUDY_WITNESS",
            help="A folder outside that is to hold checkpoints, too; may be repeated.  [env: UNDERSTUDY_WITNESS]",
        ),
        click.option(
            "--witness-command",
            "commands",
            metavar="CMD",
            multiple=True,
            help="A command of the shell that reads a checkpoint from its standard input; may be repeated.",
        ),
    )

    def with_witnesses(*args: Any, **kwargs: Any) -> R:
        found = WitnessOptions(*(kwargs.pop(name) for name in WitnessOptions._fields))
        return command(*args, witnesses=found, **kwargs)

    functools.update_wrapper(with_witnesses, command)
    for option in reversed(options):
        with_witnesses = option(with_witnesses)
    return with_witnesses


def witnesses_of(options: WitnessOptions, kafka: KafkaOptions) -> list[Witness]:
    """All who are to hold checkpoints: what the options name, and Kafka where it is configured."""
    named: list[Witness] = [*map(Folder, options.folders), *map(Command, options.commands)]
    topic, errors = _topic(kafka)
    if topic is None:
        return named

    def send(origin: str, note: str) -> None:
        if kafka.create_topics:
            topic.create()
        topic.send(origin, note)

    return [*named, Sent(topic.name, send, *errors)]


def held_in(kafka: KafkaOptions) -> list[Reading]:
    """The checkpoints that Kafka holds, where it is configured."""
    topic, errors = _topic(kafka)
    return [] if topic is None else [Fetched(topic.name, topic.notes, *errors)]


def _topic(kafka: KafkaOptions) -> "tuple[CheckpointTopic | None, tuple[type[Exception], ...]]":
    if not kafka.brokers and not kafka.config:
        return None, ()
    # Whoever has no Kafka does not wait for its client.
    from consumers.kafka.checkpoints import CheckpointTopic  # noqa: PLC0415
    from consumers.kafka.connecting import ConnectError  # noqa: PLC0415
    from consumers.kafka.settings import ClientSettings, SettingsError  # noqa: PLC0415
    from consumers.kafka.topics import TopicError  # noqa: PLC0415

    try:
        settings = ClientSettings.read(kafka.brokers, kafka.config)
    except SettingsError as error:
        raise click.UsageError(f"{error}.") from error
    return CheckpointTopic(settings, kafka.topic_prefix), (ConnectError, TopicError)


@contextmanager
def notarizing(home: Home, seconds: float, witnesses: list[Witness]) -> Generator[None]:
    """Signs a checkpoint every so many seconds meanwhile, if anything was recorded, and one at the end; 0 for never."""
    if not seconds:
        yield
        return
    # Whoever signs nothing does not wait for the cryptography.
    from audit.notary_regular import RegularNotary  # noqa: PLC0415

    with RegularNotary(home.folder, home.record(), home.place, seconds=seconds, witnesses=witnesses):
        yield
