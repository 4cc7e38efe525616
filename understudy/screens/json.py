"""JSON of what projections say: field names in snake_case, times in UTC with their zone."""

from typing import Any

import msgspec
import orjson


def to_json(value: Any, *, indent: bool = True) -> str:
    """One JSON document; a single line without ``indent``, for streams."""
    options = orjson.OPT_UTC_Z | (orjson.OPT_INDENT_2 if indent else 0)
    return orjson.dumps(value, default=msgspec.to_builtins, option=options).decode()
