"""How a fact stands in ``facts.jsonl`` and ``facts.csv``: written by whoever exports, read and made anew here."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple, cast

from audit.bundle.verifier.hashing import leaf_hash
from audit.bundle.verifier.signing import Wrong

CSV_HEADING = b"position,chassis,version,name,occurred_at,recorded_at,correlation,causation,stored\r\n"

_STRING = rb'"(?:[^"\\]|\\.)*"'
_LINE = re.compile(
    rb'\{"position":([1-9][0-9]*),"chassis":(%s),"version":([1-9][0-9]*),"name":(%s),"stored":(.*)\}\n'
    % (_STRING, _STRING)
)
_KEPT = 1 << 12
"""So many texts are kept as they are written: the same few come again and again."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Line(NamedTuple):
    """One fact; ``stored`` is its JSON exactly as the record has it."""

    position: int
    chassis: str
    version: int
    name: str
    stored: bytes

    def leaf(self) -> bytes:
        """The hash of its leaf."""
        return leaf_hash(self.position, self.chassis.encode(), self.version, self.name.encode(), self.stored)

    def jsonl(self) -> bytes:
        """Its line in ``facts.jsonl``: the stored JSON is its last field, byte for byte."""
        places = self.position, _json(self.chassis), self.version, _json(self.name)
        return b'{"position":%d,"chassis":%b,"version":%d,"name":%b,"stored":%b}\n' % (*places, self.stored)

    def csv(self, document: dict[str, Any]) -> bytes:
        """Its line in ``facts.csv``; ``document`` is its JSON, parsed."""
        get = document.get
        times = f"{_cell(str(get('occurred_at', '')))},{_cell(str(get('recorded_at', '')))}"
        links = f"{_cell(str(get('correlation', '')))},{get('causation', '')}"
        stored = self.stored.decode().replace('"', '""')
        place = f"{self.position},{_cell(self.chassis)},{self.version},{_cell(self.name)}"
        return f'{place},{times},{links},"{stored}"\r\n'.encode()


def parse_line(line: bytes) -> Line:
    """The fact of a line of ``facts.jsonl``.

    Raises:
        Wrong: it is not written as such lines are.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        raise Wrong("it is not a fact's line")
    return Line(int(found[1]), _text(found[2]), int(found[3]), _text(found[4]), found[5])


def parse_stored(stored: bytes) -> dict[str, Any]:
    """The document that was stored.

    Raises:
        Wrong: it is not a JSON object.
    """
    try:
        document: Any = json.loads(stored.decode())
    except ValueError as error:
        raise Wrong(f"what was stored is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Wrong("what was stored is not a JSON object")
    return cast("dict[str, Any]", document)


@lru_cache(maxsize=_KEPT)
def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


@lru_cache(maxsize=_KEPT)
def _text(quoted: bytes) -> str:
    try:
        return str(json.loads(quoted.decode()))
    except ValueError as error:
        raise Wrong(f"it is not JSON: {error}") from error


@lru_cache(maxsize=_KEPT)
def _cell(text: str) -> str:
    """A quoted cell; what a spreadsheet would take for a formula gets an apostrophe before it."""
    if text.startswith(_FORMULA):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"'
