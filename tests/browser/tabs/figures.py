"""The figures that a case measures, each with its goal."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A row of the table; ``is_exact`` if its goal must be met also on a busy machine."""

    what: str
    goal: str
    shown: str
    is_met: bool
    is_exact: bool = True


def exactly(what: str, goal: str, shown: object, *, met: bool = True) -> Figure:
    """Return a figure whose goal must always be met."""
    return Figure(what, goal, str(shown), met)


def at_most(what: str, most: float, found: float, unit: str, told: str = "") -> Figure:
    """Return a time or a size with its highest goal; ``told`` is appended to its text."""
    shown = f"{found:,.2f}" if found < 10 else f"{found:,.0f}"
    return Figure(what, f"≤ {most:g} {unit}", f"{shown} {unit}{told}", found <= most, False)


def seen(what: str, shown: str) -> Figure:
    """Return a figure without a goal."""
    return Figure(what, "", shown, True, False)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least value that at least ``share`` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(what: str, values: Sequence[float], p50: float, p95: float, unit: str) -> list[Figure]:
    """Return median and 95th percentile of the values, each with its goal."""
    told = f" (of {len(values)}; most {max(values):,.2f})"
    return [
        at_most(f"{what}, p50", p50, statistics.median(values), unit),
        at_most(f"{what}, p95", p95, percentile(values, 0.95), unit, told),
    ]


def require_exact(figures: Iterable[Figure]) -> list[Figure]:
    """Return all figures.

    Raises:
        AssertionError: The goal of an exact figure was not met.
    """
    found = list(figures)
    wrong = [figure for figure in found if figure.is_exact and not figure.is_met]
    assert not wrong, wrong
    return found
