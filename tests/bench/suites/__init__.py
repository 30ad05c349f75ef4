"""What is measured: one module a group of suites that work on the same database."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.bench.plan import Plan
from tests.bench.suites import commits, mix, table

#: Group → (its suites, what makes the plan for some of them at a scale).
GROUPS: Mapping[str, tuple[tuple[str, ...], Callable[[set[str], float], Plan]]] = {
    "table": (table.SUITES, table.plan),
    "commits": (commits.SUITES, commits.plan),
    "mix": (mix.SUITES, mix.plan),
}

SUITES = tuple(suite for suites, _ in GROUPS.values() for suite in suites)


def plans(wanted: set[str], scale: float) -> dict[str, Plan]:
    """The plans that measure the wanted suites, by the name of their group.

    Args:
        wanted: Names of suites.
        scale: Share of the rows, 1 for all of them.

    Raises:
        KeyError: There is no such suite.
    """
    if unknown := wanted - set(SUITES):
        raise KeyError(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    return {
        group: plan(wanted & set(suites), scale)
        for group, (suites, plan) in GROUPS.items()
        if wanted & set(suites)
    }
