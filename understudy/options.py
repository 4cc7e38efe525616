"""Options that many commands share, and how the folder and the chassis that are meant reach a command."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import click
from click.core import ParameterSource

from events.errors import BadPlaceError
from events.store.place import parse_place
from understudy.home import Home, default_home

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")


class KafkaOptions(NamedTuple):
    """Where and how to publish; nothing is published where neither brokers nor a file of settings are named."""

    brokers: str | None
    config: Path | None
    topic_prefix: str
    create_topics: bool


HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def _home(context: click.Context) -> Home:
    root = context.find_root()
    if not isinstance(root.obj, Home):
        home = Home(default_home(), None)
        root.obj = home
        root.call_on_close(home.close)
    found: Home = root.obj
    return found


def _counts(context: click.Context, parameter: click.Parameter, value: object) -> bool:
    """Whether a value is to be used: before a command or after it, what was typed counts more than the environment."""
    assert parameter.name is not None
    typed = context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    if typed:
        _home(context).typed.add(parameter.name)
    return value is not None and (typed or parameter.name not in _home(context).typed)


def _set_folder(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if _counts(context, parameter, value) and value is not None:
        _home(context).folder = value.absolute()


def _set_store(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if _counts(context, parameter, value) and value is not None:
        try:
            _home(context).store = parse_place(value)
        except BadPlaceError as error:
            raise click.UsageError(f"--store (or UNDERSTUDY_STORE): {error}.", context) from None


def _set_chassis(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if _counts(context, parameter, value) and value is not None:
        _home(context).wanted = value


def home_option(command: F) -> F:
    """Adds ``--home`` and ``--store``."""
    home = click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="UNDERSTUDY_HOME",
        callback=_set_folder,
        expose_value=False,
        help="Folder of the record.  [env: UNDERSTUDY_HOME; default: ~/.local/state/understudy]",
    )
    store = click.option(
        "--store",
        metavar="URL",
        envvar="UNDERSTUDY_STORE",
        callback=_set_store,
        expose_value=False,
        help="Record elsewhere: postgresql://[USER@]HOST[:PORT]/DATABASE, or a file.  "
        "[env: UNDERSTUDY_STORE; default: record.sqlite in the home]",
    )
    return home(store(command))


def chassis_options(command: F) -> F:
    """Adds ``--home``, ``--store`` and ``--chassis``."""
    option = click.option(
        "--chassis",
        metavar="NAME",
        envvar="UNDERSTUDY_CHASSIS",
        callback=_set_chassis,
        expose_value=False,
        shell_complete=_names,
        help="Chassis that is meant, where several are provisioned.  [env: UNDERSTUDY_CHASSIS]",
    )
    return home_option(option(command))


def _names(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    home = _home(context)
    if not home.has_record():
        return []
    return [name for name in home.record().chassis() if name.startswith(begun)]


def json_option(command: F) -> F:
    """Adds ``--json``."""
    option = click.option(
        "--json", "as_json", is_flag=True, help="Print JSON; its fields are in docs/reference/json.md."
    )
    return option(command)


def operator_option(command: F) -> F:
    """Adds ``--operator``, and passes who acts as ``operator``."""
    option = click.option(
        "--operator",
        metavar="NAME",
        envvar="UNDERSTUDY_OPERATOR",
        default=lambda: Home(default_home(), None).operator,
        help="Who acts, for the record.  [env: UNDERSTUDY_OPERATOR; default: the user who is logged in]",
    )
    return option(command)


def reader_option(name: str = "--operator") -> Callable[[F], F]:
    """Adds ``name``, which says who asks: a reading is recorded by the operator of the ``Home``."""
    return click.option(
        name,
        "reader",
        metavar="NAME",
        callback=_set_reader,
        expose_value=False,
        help="Who asks, for the record.  [env: UNDERSTUDY_OPERATOR; default: the user who is logged in]",
    )


def _set_reader(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value:
        _home(context).operator = value


def use_home(command: Callable[Concatenate[Home, P], R]) -> Callable[P, R]:
    """Passes the ``Home`` as the first argument."""

    def with_home(*args: P.args, **kwargs: P.kwargs) -> R:
        home = _home(click.get_current_context())
        try:
            return command(home, *args, **kwargs)
        finally:
            home.tell_gaps()

    return functools.update_wrapper(with_home, command)


def kafka_options(command: Callable[..., R]) -> Callable[..., R]:
    """Adds what says where and how to publish to Kafka, and passes it as ``kafka``."""
    options = (
        click.option(
            "--kafka",
            "brokers",
            metavar="HOST:PORT[,...]",
            envvar="UNDERSTUDY_KAFKA",
            help="Brokers to begin with.  [env: UNDERSTUDY_KAFKA]",
        ),
        click.option(
            "--kafka-config",
            "config",
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
        click.option("--create-topics", is_flag=True, help="Make the topics that are missing."),
    )

    def with_kafka(*args: Any, **kwargs: Any) -> R:
        found = KafkaOptions(*(kwargs.pop(name) for name in KafkaOptions._fields))
        return command(*args, kafka=found, **kwargs)

    functools.update_wrapper(with_kafka, command)
    for option in reversed(options):
        with_kafka = option(with_kafka)
    return with_kafka
