"""Facts as a Parquet file, where pyarrow is installed (``understudy[parquet]``)."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from audit.bundle.verifier.lines import Line

ROWS_OF_A_GROUP = 1 << 14
"""So many facts are held in memory before they are written."""

_COLUMNS = (
    "position",
    "chassis",
    "version",
    "name",
    "occurred_at",
    "recorded_at",
    "correlation",
    "causation",
    "stored",
)


class Sheet(Protocol):
    """Takes facts, in order."""

    def add(self, fact: Line, document: dict[str, Any]) -> None:
        """Takes the next fact; ``document`` is its JSON, parsed."""
        ...


class _Rows:
    """Facts on their way to a Parquet file."""

    def __init__(self, writer: Any, schema: Any, table: Any) -> None:
        self._writer, self._schema, self._table = writer, schema, table
        self._rows: list[tuple[object, ...]] = []

    def add(self, fact: Line, document: dict[str, Any]) -> None:
        """Takes the next fact."""
        times = (_moment(document["occurred_at"]), _moment(document["recorded_at"]))
        links = (document["correlation"], document["causation"])
        self._rows.append((fact.position, fact.chassis, fact.version, fact.name, *times, *links, fact.stored.decode()))
        if len(self._rows) >= ROWS_OF_A_GROUP:
            self.flush()

    def flush(self) -> None:
        """Writes what was taken."""
        if self._rows:
            columns = [list(column) for column in zip(*self._rows, strict=True)]
            self._writer.write_table(self._table(columns, schema=self._schema))
            self._rows.clear()


def is_installed() -> bool:
    """Whether Parquet files can be written here."""
    return find_spec("pyarrow") is not None


@contextmanager
def parquet_sheet(path: Path) -> Generator[Sheet]:
    """A new Parquet file at ``path``, to be filled."""
    # The optional part has no types.
    pa: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    numbers, moments = {"position", "version", "causation"}, {"occurred_at", "recorded_at"}
    kinds: dict[str, Any] = dict.fromkeys(numbers, pa.int64())
    kinds |= dict.fromkeys(moments, pa.timestamp("us", tz="UTC"))
    schema: Any = pa.schema([(name, kinds.get(name, pa.string())) for name in _COLUMNS])
    writer: Any
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        rows = _Rows(writer, schema, pa.Table.from_arrays)
        yield rows
        rows.flush()


@lru_cache(maxsize=1 << 10)
def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
