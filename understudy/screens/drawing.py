"""What a terminal or a file can show: box characters where it takes UTF-8, ASCII elsewhere, lines that fit into it."""

import re
import shutil
import sys
from typing import NamedTuple

from click import unstyle

WIDTH = 100
"""Columns of a drawn screen that goes elsewhere than to a terminal: it is the same wherever it is looked at."""
NARROWEST, WIDEST = 79, 120
"""Columns that are used of a terminal: a screen has rules of 79, and longer lines than 120 are hard to read."""
_LEAST_TEXT = 28
_WORD = re.compile(r"(\s*)(\S+)")


class Pen(NamedTuple):
    """What a tree is drawn with."""

    branch: str
    last: str
    trunk: str
    mark: str


BOXES = Pen("├─ ", "└─ ", "│  ", "◀ asked")
ASCII = Pen("|- ", "`- ", "|  ", "<- asked")
BLANK = "   "


def pen(encoding: str | None) -> Pen:
    """Box characters for UTF-8, ASCII for every other encoding."""
    return BOXES if encoding and encoding.lower().replace("-", "").replace("_", "") == "utf8" else ASCII


def pen_of_output() -> Pen:
    """What standard output can show."""
    return pen(sys.stdout.encoding)


def showable(line: str) -> str:
    """``line``, with a ``?`` for what the encoding of standard output does not have: a name must not end a screen."""
    encoding = sys.stdout.encoding or "ascii"
    return line.encode(encoding, "replace").decode(encoding)


def columns() -> int:
    """How wide a screen may be on standard output."""
    if not sys.stdout.isatty():
        return WIDTH
    return min(WIDEST, max(NARROWEST, shutil.get_terminal_size((WIDTH, 0)).columns))


def wrapped(text: str, indent: str) -> list[str]:
    """``text`` in lines that begin with ``indent``; long words, such as paths, are not broken."""
    return folded(indent, text, indent)


def folded(lead: str, text: str, indent: str) -> list[str]:
    """The same, where the first line begins with ``lead``; colours take no room."""
    width = max(columns(), len(indent) + _LEAST_TEXT)
    lines, line, used = list[str](), lead, len(unstyle(lead))
    bare = True
    for blank, word in _WORD.findall(text):
        long = len(blank) + len(unstyle(word))
        if bare or used + long <= width:
            line, used, bare = f"{line}{blank}{word}", used + long, False
        else:
            lines.append(line)
            line, used = f"{indent}{word}", len(indent) + long - len(blank)
    return [*lines, line] if text.strip() else lines


def fitted(line: str, hang: int) -> list[str]:
    """``line`` as it is where it goes to a file or another program: one line for each thing.

    On a terminal what does not fit goes on below, ``hang`` columns from the left.
    """
    return folded("", line, " " * hang) if sys.stdout.isatty() else [line]
