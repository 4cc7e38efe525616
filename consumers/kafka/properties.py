"""Files of ``name=value`` lines as Java's properties are written: what Kafka's own tools read their settings from."""

import re
from collections.abc import Iterator
from typing import NamedTuple

ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
SPLIT = re.compile(r"((?:\\.|[^\\=:\s])+)\s*[=:\s]?\s*(.*)", re.DOTALL)


class Setting(NamedTuple):
    """One setting, and the number of the line that it begins on."""

    line: int
    name: str
    value: str


def parse(text: str) -> Iterator[Setting]:
    r"""The settings in a text, in order.

    A line that begins with ``#`` or ``!`` is a comment; one that ends in ``\`` goes on in the next; a backslash within
    a value is written ``\\``, and ``\uXXXX`` is a character.
    """
    for line, logical in _logical_lines(text):
        found = SPLIT.match(logical)
        if found:
            yield Setting(line, _unescaped(found[1]), _unescaped(found[2]))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    begun, so_far = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        part = line.strip()  # Java keeps blanks at the end of a value, and many a password failed for it
        if not so_far and (not part or part[0] in "#!"):
            continue
        begun = begun if so_far else number
        if (len(part) - len(part.rstrip("\\"))) % 2:  # an even number of backslashes stands for themselves
            so_far += part[:-1]
        else:
            yield begun, so_far + part
            so_far = ""
    if so_far:
        yield begun, so_far


def _unescaped(text: str) -> str:
    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", _character, text, flags=re.DOTALL)


def _character(escape: re.Match[str]) -> str:
    told = escape[1]
    return chr(int(told[1:], 16)) if len(told) > 1 else ESCAPES.get(told, told)
