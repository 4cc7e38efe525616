"""Options that many commands share, and how the folder and the chassis that are meant reach a command."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from understudy.home import Home, default_home

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def _home(context: click.Context) -> Home:
    root = context.find_root()
    if not isinstance(root.obj, Home):
        home = Home(default_home(), None)
        root.obj = home
        root.call_on_close(home.close)
    found: Home = root.obj
    return found


def _set_folder(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        _home(context).folder = value.absolute()


def _set_chassis(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        _home(context).wanted = value


def home_option(command: F) -> F:
    """Adds ``--home``."""
    option = click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="UNDERSTUDY_HOME",
        callback=_set_folder,
        expose_value=False,
        help="Folder of the record.  [env: UNDERSTUDY_HOME; default: ~/.local/state/understudy]",
    )
    return option(command)


def chassis_options(command: F) -> F:
    """Adds ``--home`` and ``--chassis``."""
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
    if not home.path.exists():
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


def use_home(command: Callable[Concatenate[Home, P], R]) -> Callable[P, R]:
    """Passes the ``Home`` as the first argument."""

    def with_home(*args: P.args, **kwargs: P.kwargs) -> R:
        return command(_home(click.get_current_context()), *args, **kwargs)

    return functools.update_wrapper(with_home, command)
