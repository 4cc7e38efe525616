"""What a terminal or a file can show: box characters where it takes UTF-8, ASCII elsewhere, lines that are wrapped."""

import sys
import textwrap
from typing import NamedTuple

WIDTH = 100
"""Columns that a drawn screen takes."""
_NARROWEST = 30


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


def wrapped(text: str, indent: str) -> list[str]:
    """``text`` in lines that begin with ``indent``; long words, such as paths, are not broken."""
    width = max(WIDTH, len(indent) + _NARROWEST)
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
