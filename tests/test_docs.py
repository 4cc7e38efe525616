"""Every console line of the documentation is executed, in order, and prints what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from events.errors import UnderstudyError

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path.relative_to(ROOT)
    for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    if "```console" in path.read_text()
)
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "--- end of output ---"


def steps(page: Path) -> list[tuple[str, str]]:
    """Each command of a page with the output that it promises."""
    found: list[tuple[str, str]] = []
    for block in BLOCK.findall((ROOT / page).read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def pattern(output: str) -> re.Pattern[str]:
    """Three dots stand for anything; alone on a line, for any lines."""
    lines = (
        r"(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*?")
        for line in output.splitlines(keepends=True)
    )
    return re.compile("".join(lines))


def run_all(commands: list[str], folder: Path) -> list[str]:
    """The output of each command, standard error included, in one shell."""
    script = "".join(f"{command}\necho '{MARK}'\n" for command in commands)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONWARNINGS": "error"}
    env |= {"UNDERSTUDY_HOME": str(folder / "home"), "UNDERSTUDY_OPERATOR": "noc"}
    done = subprocess.run(
        ["bash"],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=env,
        check=False,
    )
    return done.stdout.split(f"{MARK}\n")[: len(commands)]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_console_lines_of_a_page_print_what_it_says(page: Path, tmp_path: Path) -> None:
    expected = steps(page)
    for (command, output), printed in zip(expected, run_all([c for c, _ in expected], tmp_path), strict=True):
        assert pattern(output).fullmatch(printed), f"$ {command}\n{printed}\ninstead of\n{output}"


def test_the_readme_screen_is_one_that_the_tour_prints(tmp_path: Path) -> None:
    screen = re.search(r"^```text\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert screen is not None
    tour = [command for command, _ in steps(Path("README.md"))]
    printed = "".join(run_all(tour, tmp_path))
    for line in screen[1].splitlines():
        fixed = re.sub(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d\d", "...", line).replace("/srv/pe1/a", "...")
        assert pattern(fixed).search(printed), line


def test_the_generated_reference_pages_are_those_of_the_code(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "docs" / "generate.py", tmp_path], check=True, cwd=ROOT)
    for page in sorted(tmp_path.iterdir()):
        assert (ROOT / "docs" / "reference" / page.name).read_text() == page.read_text(), "run: python docs/generate.py"


def test_every_command_has_help_with_an_example() -> None:
    import click  # noqa: PLC0415 - only this test walks the tree

    from understudy.cli import cli  # noqa: PLC0415

    def leaves(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
        if isinstance(command, click.Group):
            context = click.Context(command)
            subs = {name: command.get_command(context, name) for name in command.list_commands(context)}
            return [leaf for name, sub in subs.items() if sub for leaf in leaves(sub, f"{path} {name}")]
        return [(path, command)]

    for path, command in leaves(cli, "understudy"):
        assert command.help, path
        assert "Example" in (command.epilog or ""), path
        assert path in (command.epilog or ""), f"{path}: its example shows another command"


def test_every_error_is_meant_for_the_person_at_the_keyboard() -> None:
    import events.errors as module  # noqa: PLC0415

    errors = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert all(issubclass(error, UnderstudyError) and error.__doc__ for error in errors)
