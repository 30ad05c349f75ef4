"""What a case gives: one figure after the other, each with its goal."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A row of the table; ``is_exact`` when it must be met also where the machine is busy."""

    what: str
    goal: str
    shown: str
    is_met: bool
    is_exact: bool = True


def exactly(what: str, goal: str, shown: object, *, met: bool = True) -> Figure:
    """What must be so, always."""
    return Figure(what, goal, str(shown), met)


def at_most(what: str, most: float, found: float, unit: str, told: str = "") -> Figure:
    """A time or a size; ``told`` is added to it."""
    shown = f"{found:,.2f}" if found < 10 else f"{found:,.0f}"
    return Figure(what, f"≤ {most:g} {unit}", f"{shown} {unit}{told}", found <= most, False)


def seen(what: str, shown: str) -> Figure:
    """What has no goal of its own."""
    return Figure(what, "", shown, True, False)


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that so many of them, at least, do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(what: str, values: Sequence[float], p50: float, p95: float, unit: str) -> list[Figure]:
    """Median and 95th percentile of the values, each with its goal."""
    told = f" (of {len(values)}; most {max(values):,.2f})"
    return [
        at_most(f"{what}, p50", p50, statistics.median(values), unit),
        at_most(f"{what}, p95", p95, percentile(values, 0.95), unit, told),
    ]


def require_exact(figures: Iterable[Figure]) -> list[Figure]:
    """For a test: AssertionError when what must always be so is not; all figures otherwise."""
    found = list(figures)
    wrong = [figure for figure in found if figure.is_exact and not figure.is_met]
    assert not wrong, wrong
    return found
