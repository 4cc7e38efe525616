"""How things are measured: contenders take turns, medians count, and the machine's load stands beside every figure."""

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    ``figure`` is in ``unit``; ``ratio`` is against ``yardstick`` (another figure of the same run, in words);
    ``target`` says what the ratio is to be, or the figure where there is none; ``load`` is the load of one minute.
    """

    what: str
    figure: float
    unit: str
    yardstick: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    load: float = msgspec.field(default_factory=lambda: os.getloadavg()[0])


def at_least(what: str, figure: float, unit: str, yardstick: str, measure: float, target: float) -> Row:
    """A rate that is to be at least ``target`` times ``measure``, the yardstick's rate."""
    ratio = figure / measure
    wanted = f">= {target:g} x"
    named = f"{yardstick} ({measure:,.0f})"
    return Row(what=what, figure=figure, unit=unit, yardstick=named, ratio=ratio, target=wanted, met=ratio >= target)


def at_most(what: str, figure: float, unit: str, yardstick: str, measure: float, target: float) -> Row:
    """A duration that is to be at most ``target`` times ``measure``, the yardstick's duration."""
    ratio = figure / measure
    wanted = f"<= {target:g} x"
    named = f"{yardstick} ({measure:.3f})"
    return Row(what=what, figure=figure, unit=unit, yardstick=named, ratio=ratio, target=wanted, met=ratio <= target)


def beside(what: str, figure: float, unit: str, yardstick: str, measure: float) -> Row:
    """A figure beside another one, without a target."""
    named = f"{yardstick} ({measure:,.0f})"
    return Row(what=what, figure=figure, unit=unit, yardstick=named, ratio=figure / measure)


def seconds(step: Callable[[], Any]) -> float:
    """How long ``step`` takes."""
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def medians(
    contenders: dict[str, Callable[[], Any]], *, rounds: int, between: Callable[[], Any] = int
) -> dict[str, float]:
    """Median seconds of each contender; they take turns (A B A B), so that the machine's moods hit all alike.

    ``between`` is done before each step and not measured.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, step in contenders.items():
            between()
            # Nobody's collector is to walk over what the others keep.
            gc.freeze()
            taken[name].append(seconds(step))
    return {name: statistics.median(times) for name, times in taken.items()}


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
