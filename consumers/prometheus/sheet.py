"""One family of samples as text: the lines of each chassis are kept, and so is each run of chassis, compressed."""

from collections.abc import Iterable, Sequence

from consumers.prometheus.families import Family, Kind
from consumers.prometheus.packing import Part, join, pack
from consumers.prometheus.samples import Row

RUN = 128
"""Chassis per compressed run: few enough that a change costs little, enough that they compress well."""


def escaped(value: str) -> str:
    """A label value as the text format has it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def heading(family: Family) -> bytes:
    """The lines that say what a family is."""
    help_text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {family.name} {help_text}\n# TYPE {family.name} {family.kind}\n".encode()


def block(family: Family, rows: Iterable[Row]) -> bytes:
    """A whole family whose rows have all label values."""
    lines = [_line(family, row) for row in rows]
    return heading(family) + "".join(lines).encode()


def _line(family: Family, row: Row) -> str:
    names = (*family.labels, "le") if row.suffix == "_bucket" and family.kind is Kind.HISTOGRAM else family.labels
    labels = ",".join(f'{name}="{escaped(value)}"' for name, value in zip(names, row.values, strict=True))
    return f"{family.name}{row.suffix}{{{labels}}} {row.value}\n" if labels else f"{family.name} {row.value}\n"


class Sheet:
    """A family with samples of each chassis; chassis are numbered from 0, and the next new one gets the next number."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._heading = heading(family)
        self._texts: list[bytes] = []
        self._runs: list[Part | None] = []
        self._whole: Part | None = None
        # Of the vocabulary, so few: what stands around the name of a chassis in its lines.
        self._around: dict[tuple[str, tuple[str, ...]], tuple[str, str]] = {}

    def put(self, number: int, chassis: str, rows: Sequence[Row]) -> None:
        """The rows of a chassis, whose name is escaped already, in place of those that it had."""
        text = self._text(chassis, rows)
        if number == len(self._texts):
            self._texts.append(text)
            if number % RUN == 0:
                self._runs.append(None)
        elif self._texts[number] == text:
            return
        else:
            self._texts[number] = text
        self._runs[number // RUN] = self._whole = None

    def _text(self, chassis: str, rows: Sequence[Row]) -> bytes:
        parts: list[str] = []
        for values, value, suffix in rows:
            around = self._around.get((suffix, values)) or self._learn(suffix, values)
            parts.append(f"{around[0]}{chassis}{around[1]}{value}\n")
        return "".join(parts).encode()

    def _learn(self, suffix: str, values: tuple[str, ...]) -> tuple[str, str]:
        labels = zip(self._family.labels[1:], values, strict=True)
        tail = "".join(f',{name}="{escaped(value)}"' for name, value in labels)
        around = f'{self._family.name}{suffix}{{chassis="', f'"{tail}}} '
        self._around[suffix, values] = around
        return around

    def plain(self) -> bytes:
        """The whole family."""
        return b"".join((self._heading, *self._texts))

    def packed(self) -> Part:
        """The whole family, compressed; only runs that have changed are compressed anew."""
        if self._whole is None:
            parts: list[Part] = [pack(self._heading)]
            for number, run in enumerate(self._runs):
                part = run or pack(b"".join(self._texts[number * RUN : (number + 1) * RUN]))
                self._runs[number] = part
                parts.append(part)
            self._whole = join(parts)
        return self._whole
